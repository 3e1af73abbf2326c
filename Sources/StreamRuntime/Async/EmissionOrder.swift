/// In which order the results of an asynchronous operator leave it.
public enum AsyncOrder: Sendable {
    /// In the order of their inputs.
    case ordered
    /// As the answers come; but no result overtakes a watermark, and none is overtaken by one.
    case unordered
}

/// What an asynchronous operator may hand on next, as its inputs arrive and their results become ready. Pure.
///
/// O1. A watermark leaves after the results of all inputs that arrived before it, and before those of all others.
/// O2. Ordered: results leave in the order of their inputs. Unordered: those between two watermarks in the order in which
///     they became ready.
/// O3. Idleness leaves after the results of all inputs that arrived before it; a later watermark takes its place.
package struct EmissionOrder {
    package enum Step: Equatable {
        case result(UInt64)
        case watermark(Int64)
        case idle
    }

    private let order: AsyncOrder
    private var watermarks = HeldWatermarks()
    private var arrived: UInt64 = 0
    /// None leaves before an earlier watermark has: when this many have left before it, all have (O1).
    private var left: UInt64 = 0
    private var ready: Set<UInt64> = []
    /// Unordered: results that may leave, in order, from `firstFree` on, and those behind a watermark that waits.
    private var free: [UInt64] = []
    private var firstFree = 0
    private var fenced: [UInt64] = []

    package init(_ order: AsyncOrder) { self.order = order }

    /// A result that is ready at once may leave at once, without being counted as an input here.
    package var mayPass: Bool {
        switch order {
        case .ordered: left == arrived && watermarks.fence == nil
        case .unordered: watermarks.fence == nil && firstFree == free.count
        }
    }

    /// One more input. They are numbered from 0.
    package mutating func arrive() { arrived += 1 }

    package mutating func watermark(_ time: Int64) { watermarks.add(time, before: arrived) }

    package mutating func idle() { watermarks.addIdle(before: arrived) }

    /// The result of this input is ready.
    package mutating func ready(_ input: UInt64) {
        switch order {
        case .ordered: ready.insert(input)
        case .unordered: if input < watermarks.fence ?? .max { free.append(input) } else { fenced.append(input) }
        }
    }

    /// What leaves now; `nil` when everything waits.
    package mutating func next() -> Step? {
        if let time = watermarks.release(completedBelow: left) {
            unfence()
            return .watermark(time)
        }
        if let input = takeResult() {
            left += 1
            return .result(input)
        }
        return watermarks.releaseIdle(completedBelow: left) ? .idle : nil
    }

    private mutating func takeResult() -> UInt64? {
        switch order {
        case .ordered: return ready.remove(left)
        case .unordered:
            guard firstFree < free.count else {
                free.removeAll(keepingCapacity: true)
                firstFree = 0
                return nil
            }
            defer { firstFree += 1 }
            return free[firstFree]
        }
    }

    private mutating func unfence() {
        let fence = watermarks.fence ?? .max
        free.append(contentsOf: fenced.lazy.filter { $0 < fence })
        fenced.removeAll { $0 < fence }
    }
}
