/// One session of a key: a burst of records, and what they come to.
@usableFromInline package struct Session<Accumulator: StateCodable> {
    /// From the first record until `gap` after the last.
    @usableFromInline package var window: TimeWindow
    @usableFromInline package var value: Accumulator
    @usableFromInline package var state = TriggerState()

    @inlinable package init(_ window: TimeWindow, _ value: Accumulator) {
        self.window = window
        self.value = value
    }
}

/// One key's sessions, earliest first. Pure.
///
/// N1. No two sessions overlap or touch: the one that would begin where another ends is part of it.
/// N2. A session spans from its first record until `gap` after its last, in whatever order they came.
@usableFromInline package struct SessionList<Accumulator: StateCodable>: StateCodable {
    @usableFromInline package var sessions: [Session<Accumulator>] = []
    /// For what time the key's end timer is registered: no later than any session is due; of no meaning without sessions.
    @usableFromInline var timer: Int64 = 0

    @inlinable package init() {}

    /// The sessions that a record with this window would become part of.
    @inlinable package func touching(_ window: TimeWindow) -> Range<Int> {
        // Nearly every record is in the last session or after it.
        var high = sessions.count
        while high > 0, sessions[high - 1].window.start > window.end { high -= 1 }
        var low = high
        while low > 0, sessions[low - 1].window.end >= window.start { low -= 1 }
        return low..<high
    }

    /// The position of the session that the record with this window is in, made new or of those in `touching`. `dropped`
    /// gets the early timers that are not needed any more.
    @inlinable package mutating func join<A: Aggregate>(
        _ window: TimeWindow, _ touching: Range<Int>, _ aggregate: A, dropped: inout [Int64]
    ) -> Int where A.Accumulator == Accumulator {
        let position = touching.lowerBound
        guard !touching.isEmpty else {
            sessions.insert(Session(window, aggregate.empty()), at: position)
            return position
        }
        for other in touching.dropFirst() {
            aggregate.merge(sessions[other].value, into: &sessions[position].value)
            sessions[position].window.end = sessions[other].window.end
            if let armed = sessions[position].state.merge(sessions[other].state) { dropped.append(armed) }
        }
        if touching.count > 1 { sessions.removeSubrange(position + 1..<touching.upperBound) }
        sessions[position].window.start = min(sessions[position].window.start, window.start)
        sessions[position].window.end = max(sessions[position].window.end, window.end)
        return position
    }

    @inlinable func isArmed(at millis: Int64) -> Bool { sessions.contains { $0.state.armedMillis == millis } }

    // MARK: State

    @usableFromInline package static var stateSchema: String { "sessions1(\(Accumulator.stateSchema))" }

    @inlinable package func encode(into writer: inout ByteWriter) {
        writer.integer(timer)
        writer.varint(UInt64(sessions.count))
        for session in sessions {
            writer.integer(session.window.start)
            writer.integer(session.window.end)
            session.value.encode(into: &writer)
            session.state.encode(into: &writer)
        }
    }

    @inlinable package init(from reader: inout ByteReader) throws {
        timer = try reader.integer()
        for _ in 0..<(try reader.varint()) {
            let window = TimeWindow(start: try reader.integer(), end: try reader.integer())
            var session = Session(window, try Accumulator(from: &reader))
            session.state = try TriggerState(from: &reader)
            sessions.append(session)
        }
    }
}
