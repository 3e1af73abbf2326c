/// What a `PatternMachine` knows of one key: events, and the ways in which they may become matches.
@usableFromInline package struct PatternState<Event> {
    /// Some events, in order, and what may continue them.
    @usableFromInline struct Way {
        /// Stage and sequence of each event.
        @usableFromInline var taken: [(stage: Int, sequence: Int64)]
        /// Events the last stage has taken.
        @usableFromInline var count: Int
        @usableFromInline var firstMillis: Int64
        /// The stages that may take the next event, one bit each; the bit behind the last stage: nothing must follow.
        @usableFromInline var targets: UInt64
        /// An event has come since the last one taken.
        @usableFromInline var hasPassedOver = false
        /// It is a match already; longer ones may follow.
        @usableFromInline var isComplete = false

        @inlinable var first: Int64 { taken[0].sequence }
        @inlinable var last: Int64 { taken[taken.count - 1].sequence }

        @inlinable init(
            taken: [(stage: Int, sequence: Int64)], count: Int, firstMillis: Int64, targets: UInt64, isComplete: Bool
        ) {
            self.taken = taken
            self.count = count
            self.firstMillis = firstMillis
            self.targets = targets
            self.isComplete = isComplete
        }

        /// The order in which ways are matches, of those that one event completes.
        @inlinable func isBefore(_ other: Way) -> Bool {
            for (mine, others) in zip(taken, other.taken) {
                if mine.sequence != others.sequence { return mine.sequence < others.sequence }
                if mine.stage != others.stage { return mine.stage < others.stage }
            }
            return taken.count < other.taken.count
        }
    }

    /// Events that ways have taken, in order; shared by all ways.
    @usableFromInline var events: [(sequence: Int64, millis: Int64, event: Event)] = []
    /// In the order of their first events.
    @usableFromInline var ways: [Way] = []
    @usableFromInline var nextSequence: Int64 = 0

    @inlinable package init() {}

    @inlinable package var isEmpty: Bool { ways.isEmpty }
    @inlinable package var wayCount: Int { ways.count }

    @inlinable func event(_ sequence: Int64) -> (millis: Int64, event: Event) {
        var (low, high) = (0, events.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if events[middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        return (events[low].millis, events[low].event)
    }

    /// Forgets events that no way has taken. Costs the length of all ways.
    @inlinable mutating func collect() {
        if ways.isEmpty { return events.removeAll() }
        var used: Set<Int64> = []
        for way in ways { for taken in way.taken { used.insert(taken.sequence) } }
        events.removeAll { !used.contains($0.sequence) }
    }
}

extension PatternState: StateCodable where Event: StateCodable {
    @usableFromInline package static var stateSchema: String { "pattern1(\(Event.stateSchema))" }

    @inlinable package func encode(into writer: inout ByteWriter) {
        writer.integer(nextSequence)
        writer.varint(UInt64(events.count))
        for (sequence, millis, event) in events {
            writer.integer(sequence)
            writer.integer(millis)
            event.encode(into: &writer)
        }
        writer.varint(UInt64(ways.count))
        for way in ways {
            writer.varint(UInt64(way.taken.count))
            for (stage, sequence) in way.taken {
                writer.integer(UInt8(stage))
                writer.integer(sequence)
            }
            writer.varint(UInt64(way.count))
            writer.integer(way.firstMillis)
            writer.integer(way.targets)
            writer.integer(UInt8(way.hasPassedOver ? 1 : 0) | UInt8(way.isComplete ? 2 : 0))
        }
    }

    @inlinable package init(from reader: inout ByteReader) throws {
        nextSequence = try reader.integer()
        for _ in 0..<(try reader.varint()) {
            events.append((try reader.integer(), try reader.integer(), try Event(from: &reader)))
        }
        for _ in 0..<(try reader.varint()) {
            var taken: [(stage: Int, sequence: Int64)] = []
            for _ in 0..<(try reader.varint()) {
                taken.append((Int(try reader.integer(UInt8.self)), try reader.integer()))
            }
            var way = Way(
                taken: taken, count: try reader.count(), firstMillis: try reader.integer(),
                targets: try reader.integer(), isComplete: false)
            let flags = try reader.integer(UInt8.self)
            way.hasPassedOver = flags & 1 != 0
            way.isComplete = flags & 2 != 0
            guard !taken.isEmpty else { throw StateDecodingError("a way of a pattern without events") }
            ways.append(way)
        }
    }
}
