/// A window of a key, as a state key: it lives in the key group of its record key.
@usableFromInline struct WindowKey<Key: StreamKey>: StreamKey {
    @usableFromInline var key: Key
    @usableFromInline var start: Int64

    @usableFromInline static var stateSchema: String { "window1:\(Key.stateSchema)" }
    @inlinable var stableHash: UInt64 { key.stableHash }
    @inlinable func tableHash(seed: UInt64) -> UInt64 { key.tableHash(seed: seed) ^ start.tableHash(seed: seed &+ 2) }

    @inlinable init(_ key: Key, _ start: Int64) {
        self.key = key
        self.start = start
    }

    @inlinable func encode(into writer: inout ByteWriter) {
        writer.integer(start)
        key.encode(into: &writer)
    }

    @inlinable init(from reader: inout ByteReader) throws {
        start = try reader.integer()
        key = try Key(from: &reader)
    }
}

/// The key of a stream that is windowed as a whole.
public struct WholeStream: StreamKey {
    public static var stateSchema: String { "whole" }
    @inlinable public init() {}
    @inlinable public var stableHash: UInt64 { 0 }
    @inlinable public func tableHash(seed: UInt64) -> UInt64 { seed }
    @inlinable public func encode(into writer: inout ByteWriter) {}
    @inlinable public init(from reader: inout ByteReader) throws {}
}
