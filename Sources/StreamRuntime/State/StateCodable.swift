/// A value that can be kept in state: it writes itself to bytes and reads itself back.
///
/// `stateSchema` names the encoding and its version. It is recorded in every checkpoint; restoring
/// into a state with another schema is refused with both names. Change the encoding, change the schema.
/// `CodableState` gives any `Codable` type a (slow) one.
public protocol StateCodable: SendableMetatype {
    static var stateSchema: String { get }
    func encode(into writer: inout ByteWriter)
    init(from reader: inout ByteReader) throws
}

/// A value records can be keyed by. `stableHash` decides the key group and is part of the checkpoint
/// format; `tableHash` only places the key in memory and differs from process to process.
public protocol StreamKey: Hashable, Sendable, StateCodable {
    var stableHash: UInt64 { get }
    func tableHash(seed: UInt64) -> UInt64
}

extension StreamKey {
    /// XXH64 (seed 0) of the encoded bytes.
    public var stableHash: UInt64 { encodedHash(seed: 0) }
    public func tableHash(seed: UInt64) -> UInt64 { encodedHash(seed: seed) }

    private func encodedHash(seed: UInt64) -> UInt64 {
        var writer = ByteWriter(capacity: 64)
        encode(into: &writer)
        return writer.withBytes { XXH64.hash($0, seed: seed) }
    }
}

/// Bytes that were expected in stored state and are not there, or are of another form.
public struct StateDecodingError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// A growing buffer of bytes. Not `Sendable`: owned by whoever encodes.
public struct ByteWriter {
    public private(set) var bytes: [UInt8] = []

    public init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    public var count: Int { bytes.count }

    public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

    /// Eight bytes, little-endian (or of the integer's own width).
    public mutating func integer<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// LEB128.
    public mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    public mutating func raw(_ slice: UnsafeRawBufferPointer) { bytes.append(contentsOf: slice) }
    public mutating func raw(_ slice: [UInt8]) { bytes.append(contentsOf: slice) }

    /// A length, then the bytes.
    public mutating func sized(_ slice: UnsafeRawBufferPointer) {
        varint(UInt64(slice.count))
        bytes.append(contentsOf: slice)
    }

    public mutating func sized(_ slice: [UInt8]) { slice.withUnsafeBytes { sized($0) } }

    public mutating func string(_ value: String) {
        var value = value
        value.withUTF8 { sized(UnsafeRawBufferPointer($0)) }
    }

    public func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try bytes.withUnsafeBytes(body)
    }
}

/// Reads what `ByteWriter` wrote. Every read is bounds-checked and throws `StateDecodingError`.
/// Valid only inside the call that was given the bytes.
public struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    public private(set) var offset = 0

    public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    public var remaining: Int { bytes.count - offset }

    public mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) throws -> T {
        let size = MemoryLayout<T>.size
        try need(size)
        defer { offset += size }
        return T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
    }

    public mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            try need(1)
            let byte = bytes[offset]
            offset += 1
            guard shift < 63 || (shift == 63 && byte <= 1) else {
                throw StateDecodingError("a length at byte \(offset) is longer than 64 bits")
            }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    /// The next `count` bytes, without copying them.
    public mutating func raw(_ count: Int) throws -> UnsafeRawBufferPointer {
        try need(count)
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])
    }

    public mutating func sized() throws -> UnsafeRawBufferPointer {
        let count = try varint()
        guard count <= UInt64(remaining) else {
            throw StateDecodingError("\(count) bytes announced at byte \(offset), \(remaining) left")
        }
        return try raw(Int(count))
    }

    public mutating func string() throws -> String {
        let slice = try sized()
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw StateDecodingError("text before byte \(offset) is not UTF-8")
        }
        return text
    }

    private func need(_ count: Int) throws {
        guard count >= 0, remaining >= count else {
            throw StateDecodingError("\(count) bytes needed at byte \(offset), \(remaining) left")
        }
    }
}
