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

/// A growing buffer of bytes; owned by whoever encodes.
public struct ByteWriter: ~Copyable {
    @usableFromInline var memory: UnsafeMutableRawPointer
    @usableFromInline var capacity: Int
    @usableFromInline var count = 0

    public init(capacity: Int = 64) {
        self.capacity = max(16, capacity)
        memory = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { memory.deallocate() }

    /// Bytes written.
    public var byteCount: Int { count }

    /// A copy of everything written.
    public var bytes: [UInt8] { withBytes(Array.init) }

    public mutating func removeAll() { count = 0 }

    /// Room for `extra` more bytes: where they go. `advance` follows.
    @inlinable @inline(__always)
    mutating func reserve(_ extra: Int) -> UnsafeMutableRawPointer {
        if count &+ extra > capacity { grow(extra) }
        return memory + count
    }

    @usableFromInline mutating func grow(_ extra: Int) {
        capacity = max(capacity * 2, count + extra)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: memory, byteCount: count)
        memory.deallocate()
        memory = larger
    }

    /// Little-endian, of the integer's own width.
    @inlinable public mutating func integer<T: FixedWidthInteger>(_ value: T) {
        reserve(MemoryLayout<T>.size).storeBytes(of: value.littleEndian, as: T.self)
        count &+= MemoryLayout<T>.size
    }

    /// LEB128.
    @inlinable public mutating func varint(_ value: UInt64) {
        let place = reserve(10)
        var rest = value
        var written = 0
        while rest >= 0x80 {
            place.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: written, as: UInt8.self)
            rest >>= 7
            written &+= 1
        }
        place.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: written, as: UInt8.self)
        count &+= written &+ 1
    }

    @inlinable public mutating func raw(_ slice: UnsafeRawBufferPointer) {
        guard let base = slice.baseAddress else { return }
        reserve(slice.count).copyMemory(from: base, byteCount: slice.count)
        count &+= slice.count
    }
    public mutating func raw(_ slice: [UInt8]) { slice.withUnsafeBytes { raw($0) } }

    /// A length, then the bytes.
    public mutating func sized(_ slice: UnsafeRawBufferPointer) {
        varint(UInt64(slice.count))
        raw(slice)
    }

    public mutating func sized(_ slice: [UInt8]) { slice.withUnsafeBytes { sized($0) } }

    public mutating func string(_ value: String) {
        var value = value
        value.withUTF8 { sized(UnsafeRawBufferPointer($0)) }
    }

    @inlinable public func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(start: memory, count: count))
    }
}

/// Reads what `ByteWriter` wrote. Every read is bounds-checked and throws `StateDecodingError`.
/// Valid only inside the call that was given the bytes.
public struct ByteReader {
    @usableFromInline let bytes: UnsafeRawBufferPointer
    @usableFromInline var position = 0

    @inlinable public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// How many bytes were read.
    @inlinable public var offset: Int { position }
    @inlinable public var remaining: Int { bytes.count &- position }

    @inlinable public mutating func integer<T: FixedWidthInteger>(_ type: T.Type = T.self) throws -> T {
        let size = MemoryLayout<T>.size
        try need(size)
        let value = T(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: T.self))
        position &+= size
        return value
    }

    @inlinable public mutating func varint() throws -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            try need(1)
            let byte = bytes[position]
            position &+= 1
            guard shift < 63 || (shift == 63 && byte <= 1) else { throw tooLong() }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift &+= 7
        }
    }

    /// What `varint` wrote of a number that is not negative and fits an `Int`.
    public mutating func count() throws -> Int {
        let number = try varint()
        guard let count = Int(exactly: number) else { throw StateDecodingError("\(number) before byte \(offset) is not a count") }
        return count
    }

    /// The next `count` bytes, without copying them.
    @inlinable public mutating func raw(_ count: Int) throws -> UnsafeRawBufferPointer {
        try need(count)
        let slice = UnsafeRawBufferPointer(rebasing: bytes[position..<position &+ count])
        position &+= count
        return slice
    }

    @inlinable public mutating func sized() throws -> UnsafeRawBufferPointer {
        let count = try varint()
        guard count <= UInt64(remaining) else { throw announces(count) }
        return try raw(Int(count))
    }

    public mutating func string() throws -> String {
        let slice = try sized()
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw StateDecodingError("text before byte \(offset) is not UTF-8")
        }
        return text
    }

    @inlinable @inline(__always)
    func need(_ count: Int) throws {
        guard count >= 0, remaining >= count else { throw endsTooEarly(count) }
    }

    // MARK: Failures, out of the way of what is inlined

    @usableFromInline func endsTooEarly(_ count: Int) -> StateDecodingError {
        StateDecodingError("\(count) bytes needed at byte \(offset), \(remaining) left")
    }

    @usableFromInline func tooLong() -> StateDecodingError {
        StateDecodingError("a length at byte \(offset) is longer than 64 bits")
    }

    @usableFromInline func announces(_ count: UInt64) -> StateDecodingError {
        StateDecodingError("\(count) bytes announced at byte \(offset), \(remaining) left")
    }
}
