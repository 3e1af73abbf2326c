/// The watermark of several inputs together. Pure.
///
/// W1. The merged watermark never falls, whatever the inputs say.
/// W2. It is the least watermark of the inputs that are not idle; an input that has said nothing yet holds it back.
/// W3. An idle input holds nothing back until its next watermark. When all are idle the merged watermark stays.
/// W4. Inputs without event time count only where no input has any: then the last of them to end, ends event time.
package struct WatermarkMerger {
    package enum Idleness: Equatable {
        case unchanged
        /// The others are further.
        case risen(Int64)
        case allIdle
    }

    private var watermarks: [Int64]
    private var counts: [Bool]
    private var isIdle: [Bool]
    package private(set) var merged = Int64.min

    package init(isTimed: [Bool]) {
        counts = isTimed.contains(true) ? isTimed : isTimed.map { _ in true }
        watermarks = isTimed.map { _ in .min }
        isIdle = isTimed.map { _ in false }
    }

    /// The merged watermark, when this one makes it rise, or when it ends the idleness of all.
    package mutating func watermark(_ time: Int64, from input: Int) -> Int64? {
        let wasIdle = counts[input] && isAllIdle
        watermarks[input] = max(watermarks[input], time)
        isIdle[input] = false
        return rise() ?? (wasIdle ? merged : nil)
    }

    package mutating func idle(_ input: Int) -> Idleness {
        guard counts[input], !isIdle[input] else { return .unchanged }
        isIdle[input] = true
        if isAllIdle { return .allIdle }
        return rise().map { .risen($0) } ?? .unchanged
    }

    private var isAllIdle: Bool {
        for input in counts.indices where counts[input] && !isIdle[input] { return false }
        return true
    }

    private mutating func rise() -> Int64? {
        var least = Int64.max
        for input in counts.indices where counts[input] && !isIdle[input] { least = min(least, watermarks[input]) }
        #if WEIR_PLANTED
            if PlantedMistake.fastestWatermark.isOn { least = watermarks.max() ?? .min }
        #endif
        guard least > merged else { return nil }
        merged = least
        return least
    }
}
