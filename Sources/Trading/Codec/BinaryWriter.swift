/// Little-endian fixed-width fields and length-prefixed texts: the stored form of values in embedded
/// stores and in keyed state. The first byte of every value is the version of its layout.
public struct BinaryWriter: Sendable {
    /// What has been written.
    public private(set) var bytes: [UInt8] = []

    /// A writer that starts with `version`.
    public init(version: UInt8, reservingBytes: Int = 128) {
        bytes.reserveCapacity(reservingBytes)
        bytes.append(version)
    }

    public mutating func byte(_ value: UInt8) {
        bytes.append(value)
    }

    public mutating func int64(_ value: Int64) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    public mutating func int32(_ value: Int32) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    public mutating func uuid(_ value: UUIDValue) {
        value.appendBytes(to: &bytes)
    }

    /// At most 65 535 bytes of UTF-8; a longer text is cut at a character.
    public mutating func text(_ value: String) {
        var text = value
        while text.utf8.count > Int(UInt16.max) { text.removeLast() }
        withUnsafeBytes(of: UInt16(text.utf8.count).littleEndian) { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: text.utf8)
    }
}

/// Reads what `BinaryWriter` wrote; every read is checked against the end.
public struct BinaryReader {
    private let bytes: UnsafeRawBufferPointer
    private var index = 0

    /// A reader behind the version byte, which must be `version`. `bytes` must outlive it.
    public init(_ bytes: UnsafeRawBufferPointer, version: UInt8) throws(DecodingFailure) {
        self.bytes = bytes
        if try byte() != version { throw failure() }
    }

    public mutating func byte() throws(DecodingFailure) -> UInt8 {
        guard index < bytes.count else { throw failure() }
        defer { index += 1 }
        return bytes[index]
    }

    public mutating func int64() throws(DecodingFailure) -> Int64 {
        Int64(littleEndian: try fixed(Int64.self))
    }

    public mutating func int32() throws(DecodingFailure) -> Int32 {
        Int32(littleEndian: try fixed(Int32.self))
    }

    public mutating func uuid() throws(DecodingFailure) -> UUIDValue {
        let high = UInt64(bigEndian: try fixed(UInt64.self))
        return UUIDValue(high: high, low: UInt64(bigEndian: try fixed(UInt64.self)))
    }

    public mutating func text() throws(DecodingFailure) -> String {
        let count = Int(UInt16(littleEndian: try fixed(UInt16.self)))
        guard bytes.count - index >= count else { throw failure() }
        defer { index += count }
        let text = UnsafeRawBufferPointer(rebasing: bytes[index..<(index + count)])
        guard let string = String(validating: text, as: UTF8.self) else { throw failure() }
        return string
    }

    public mutating func userID() throws(DecodingFailure) -> UserID {
        guard let user = UserID(try text()) else { throw failure() }
        return user
    }

    public mutating func symbol() throws(DecodingFailure) -> Symbol {
        guard let symbol = Symbol(try text()) else { throw failure() }
        return symbol
    }

    /// Fails unless everything was read.
    public func expectEnd() throws(DecodingFailure) {
        if index != bytes.count { throw failure() }
    }

    /// The failure of a value at the place reached.
    public func failure() -> DecodingFailure {
        DecodingFailure(.malformedBinary, offset: index)
    }

    private mutating func fixed<Value: FixedWidthInteger>(_ type: Value.Type) throws(DecodingFailure) -> Value {
        guard bytes.count - index >= MemoryLayout<Value>.size else { throw failure() }
        defer { index += MemoryLayout<Value>.size }
        return bytes.loadUnaligned(fromByteOffset: index, as: Value.self)
    }
}
