/// Watermarks that wait for the records before them, in an operator whose records take their time. Pure.
/// Holds one watermark for each record in flight at most.
package struct HeldWatermarks {
    private var held: [(sequence: UInt64, time: Int64)] = []
    /// The input fell idle when this sequence was the next.
    private var idleBefore: UInt64?

    package init() {}

    /// `time` may pass once every record with a lower sequence is completed.
    package mutating func add(_ time: Int64, before sequence: UInt64) {
        idleBefore = nil
        if let last = held.last, last.sequence == sequence {
            held[held.count - 1].time = max(last.time, time)
        } else {
            held.append((sequence, time))
        }
    }

    /// The input is idle, which may be said once every record with a lower sequence is completed: till then it holds event
    /// time back.
    package mutating func addIdle(before sequence: UInt64) { idleBefore = sequence }

    /// Records from this sequence on come after a watermark that waits.
    package var fence: UInt64? { held.first?.sequence }

    /// The latest watermark that waits for nothing any more.
    package mutating func release(completedBelow sequence: UInt64) -> Int64? {
        let free = held.prefix { $0.sequence <= sequence }
        guard let last = free.last else { return nil }
        held.removeFirst(free.count)
        return last.time
    }

    /// True once, when the idleness waits for nothing any more. To be asked after `release`.
    package mutating func releaseIdle(completedBelow sequence: UInt64) -> Bool {
        guard let before = idleBefore, before <= sequence else { return false }
        idleBefore = nil
        return true
    }
}
