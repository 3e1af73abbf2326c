/// A timer as a state key: it lives in the key group of its record key.
///
/// Encoded so that the order of the bytes is the order of time, negative times included: the time with its sign
/// bit flipped, big-endian, then the key. So a sorted store has a key group's timers in time order.
@usableFromInline struct TimerKey<Key: StreamKey>: StreamKey {
    @usableFromInline var millis: Int64
    @usableFromInline var key: Key

    @usableFromInline static var stateSchema: String { "timer2:\(Key.stateSchema)" }
    @inlinable var stableHash: UInt64 { key.stableHash }
    @inlinable func tableHash(seed: UInt64) -> UInt64 { key.tableHash(seed: seed) ^ millis.tableHash(seed: seed &+ 1) }

    @inlinable init(millis: Int64, key: Key) {
        self.millis = millis
        self.key = key
    }

    @inlinable func encode(into writer: inout ByteWriter) {
        writer.integer((UInt64(bitPattern: millis) ^ (1 << 63)).bigEndian)
        key.encode(into: &writer)
    }

    @inlinable init(from reader: inout ByteReader) throws {
        millis = Int64(bitPattern: UInt64(bigEndian: try reader.integer()) ^ (1 << 63))
        key = try Key(from: &reader)
    }
}

/// No value at all.
@usableFromInline struct Unit: StateCodable {
    @usableFromInline static var stateSchema: String { "unit" }
    @inlinable init() {}
    @inlinable func encode(into writer: inout ByteWriter) {}
    @inlinable init(from reader: inout ByteReader) throws {}
}

/// The names of the timers' states.
@usableFromInline enum TimerStates {
    @usableFromInline static var processingTime: String { "weir.timers" }
    @usableFromInline static var eventTime: String { "weir.event-timers" }
}
