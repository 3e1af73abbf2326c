/// Travels among the records from a source to the sinks, so that operators can tell how long records take to reach them.
/// It waits where records wait: in channels, behind back-pressure, and behind the requests of asynchronous operators
/// that are older than it. At an exchange it goes on to one subtask, each in turn: copies would multiply.
public struct LatencyMarker: Equatable, Sendable {
    /// The node of the source.
    let source: Int
    /// When it was due, in monotonic time. A source that is held back sends it late, and that counts: records that could
    /// not be read then came late too.
    let dueNanos: Int64
}

/// When a source sends its next latency marker. Pure.
struct MarkerSchedule {
    private let source: Int
    private let intervalNanos: Int64
    private(set) var nextNanos = Int64.max
    private var hasBegun = false

    /// None are sent when `intervalMillis` is 0.
    init(source: Int, intervalMillis: Int) {
        self.source = source
        intervalNanos = Int64(intervalMillis) * 1_000_000
    }

    /// The marker that is due; those that were missed are not made up for. The first is due an interval after the first call.
    mutating func take(_ now: Int64) -> LatencyMarker? {
        guard intervalNanos > 0 else { return nil }
        guard hasBegun else {
            hasBegun = true
            nextNanos = now + intervalNanos
            return nil
        }
        guard now >= nextNanos else { return nil }
        defer { nextNanos = now + intervalNanos }
        return LatencyMarker(source: source, dueNanos: nextNanos)
    }
}

/// Latency markers that wait for the records before them, in an operator whose records take their time. Pure.
struct HeldMarkers {
    /// While an outside system is down markers pile up; the oldest tell enough.
    static let capacity = 256
    private var held: [(sequence: UInt64, marker: LatencyMarker)] = []

    /// `marker` may pass once every record with a lower sequence is completed.
    mutating func add(_ marker: LatencyMarker, before sequence: UInt64) {
        if held.count < Self.capacity { held.append((sequence, marker)) }
    }

    mutating func release(completedBelow sequence: UInt64) -> [LatencyMarker] {
        let free = held.prefix { $0.sequence <= sequence }
        held.removeFirst(free.count)
        return free.map(\.marker)
    }
}
