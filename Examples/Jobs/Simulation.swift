/// Chance that can be repeated: the same seed and number give the same draws, so that a job that is restarted reads the
/// same input again. SplitMix64 (Steele, Lea and Flood, 2014).
struct Dice {
    private var state: UInt64

    init(seed: UInt64, number: Int64) {
        state = seed &+ UInt64(bitPattern: number) &* 0x9E37_79B9_7F4A_7C15
        _ = next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number of `range`, all equally likely.
    mutating func draw(_ range: Range<Int64>) -> Int64 {
        range.lowerBound + Int64(next() % UInt64(range.upperBound - range.lowerBound))
    }

    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[Int(draw(0..<Int64(choices.count)))] }
}

/// 2026-01-05 09:00:00 UTC: where the simulated inputs begin.
let openingMillis: Int64 = 1_767_603_600_000

/// `09:00:05` of a Unix time in milliseconds.
func clock(_ millis: Int64) -> String {
    let seconds = (millis / 1000) % 86_400
    func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(two(seconds / 3600)):\(two(seconds / 60 % 60)):\(two(seconds % 60))"
}

/// `12.05` of 1205 hundredths.
func decimal(_ hundredths: Int64) -> String {
    let rest = hundredths % 100
    return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
}
