/// A part of the map of a key, as a state key: it lives in the key group of its record key.
@usableFromInline struct MapPartKey<Key: StreamKey>: StreamKey {
    @usableFromInline var key: Key
    @usableFromInline var part: UInt32

    @usableFromInline static var stateSchema: String { "mappart1:\(Key.stateSchema)" }
    @inlinable var stableHash: UInt64 { key.stableHash }
    @inlinable func tableHash(seed: UInt64) -> UInt64 { key.tableHash(seed: seed) ^ part.tableHash(seed: seed &+ 2) }

    @inlinable init(_ key: Key, _ part: UInt32) {
        self.key = key
        self.part = part
    }

    /// The parts of a map lie side by side.
    @inlinable func encode(into writer: inout ByteWriter) {
        key.encode(into: &writer)
        writer.integer(part.bigEndian)
    }

    @inlinable init(from reader: inout ByteReader) throws {
        key = try Key(from: &reader)
        part = UInt32(bigEndian: try reader.integer())
    }
}

/// What a part holds.
@usableFromInline struct MapPart<UserKey: StreamKey, Value: StateCodable>: StateCodable {
    /// In part 0, how many parts the map has; elsewhere 0.
    @usableFromInline var parts: UInt32
    @usableFromInline var entries: [UserKey: Value]

    @usableFromInline static var stateSchema: String { "mappart1(\(UserKey.stateSchema),\(Value.stateSchema))" }
    /// With more entries in one, the map is given another part.
    @inlinable static var entriesMax: Int { 64 }
    /// With fewer left in one, the map gives up its last part.
    @inlinable static var entriesMin: Int { 8 }

    @inlinable init(parts: UInt32, entries: [UserKey: Value] = [:]) {
        self.parts = parts
        self.entries = entries
    }

    @inlinable func encode(into writer: inout ByteWriter) {
        writer.varint(UInt64(parts))
        entries.encode(into: &writer)
    }

    @inlinable init(from reader: inout ByteReader) throws {
        guard let parts = UInt32(exactly: try reader.varint()) else {
            throw StateDecodingError("a map has more parts than a map can have")
        }
        self.parts = parts
        entries = try [UserKey: Value](from: &reader)
    }
}
