import Foundation
import UntrustedJSON

// Conformances of the standard types. Schemas are short and frozen: they stand in checkpoints.

extension StateCodable where Self: FixedWidthInteger {
    @inlinable public static var stateSchema: String { "\(Self.isSigned ? "i" : "u")\(Self.bitWidth)" }
    @inlinable public func encode(into writer: inout ByteWriter) { writer.integer(self) }
    @inlinable public init(from reader: inout ByteReader) throws { self = try reader.integer() }
}

extension StreamKey where Self: FixedWidthInteger {
    /// XXH64 of the value's eight little-endian bytes (narrower integers are widened first, with sign).
    @inlinable public var stableHash: UInt64 { XXH64.hash(UInt64(truncatingIfNeeded: self)) }

    /// One wide multiplication: about a nanosecond.
    @inlinable public func tableHash(seed: UInt64) -> UInt64 {
        let product = (UInt64(truncatingIfNeeded: self) ^ seed).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
        return product.high ^ product.low
    }
}

extension Int: StreamKey {}
extension Int64: StreamKey {}
extension Int32: StreamKey {}
extension UInt64: StreamKey {}
extension UInt32: StreamKey {}
extension Int16: StreamKey {}
extension UInt16: StreamKey {}
extension UInt8: StreamKey {}

extension Bool: StateCodable {
    public static var stateSchema: String { "bool" }
    @inlinable public func encode(into writer: inout ByteWriter) { writer.integer(self ? 1 as UInt8 : 0) }
    @inlinable public init(from reader: inout ByteReader) throws {
        switch try reader.integer(UInt8.self) {
        case 0: self = false
        case 1: self = true
        case let other: throw StateDecodingError("\(other) is neither true nor false")
        }
    }
}

extension Double: StateCodable {
    public static var stateSchema: String { "f64" }
    @inlinable public func encode(into writer: inout ByteWriter) { writer.integer(bitPattern) }
    @inlinable public init(from reader: inout ByteReader) throws { self.init(bitPattern: try reader.integer()) }
}

extension String: StreamKey {
    public static var stateSchema: String { "utf8" }
    public func encode(into writer: inout ByteWriter) { writer.string(self) }
    public init(from reader: inout ByteReader) throws { self = try reader.string() }

    /// XXH64 of the UTF-8 bytes.
    public var stableHash: UInt64 { utf8Hash(seed: 0) }
    public func tableHash(seed: UInt64) -> UInt64 { utf8Hash(seed: seed) }

    private func utf8Hash(seed: UInt64) -> UInt64 {
        var text = self
        return text.withUTF8 { XXH64.hash(UnsafeRawBufferPointer($0), seed: seed) }
    }
}

extension Optional: StateCodable where Wrapped: StateCodable {
    public static var stateSchema: String { "\(Wrapped.stateSchema)?" }
    @inlinable public func encode(into writer: inout ByteWriter) {
        (self != nil).encode(into: &writer)
        self?.encode(into: &writer)
    }
    @inlinable public init(from reader: inout ByteReader) throws {
        self = try Bool(from: &reader) ? try Wrapped(from: &reader) : nil
    }
}

extension Array: StateCodable where Element: StateCodable {
    public static var stateSchema: String { "[\(Element.stateSchema)]" }
    @inlinable public func encode(into writer: inout ByteWriter) {
        writer.varint(UInt64(count))
        for element in self { element.encode(into: &writer) }
    }
    @inlinable public init(from reader: inout ByteReader) throws {
        let count = try reader.varint()
        self = []
        for _ in 0..<count { append(try Element(from: &reader)) }
    }
}

extension Dictionary: StateCodable where Key: StateCodable, Value: StateCodable {
    public static var stateSchema: String { "[\(Key.stateSchema):\(Value.stateSchema)]" }
    @inlinable public func encode(into writer: inout ByteWriter) {
        writer.varint(UInt64(count))
        for (key, value) in self {
            key.encode(into: &writer)
            value.encode(into: &writer)
        }
    }
    @inlinable public init(from reader: inout ByteReader) throws {
        let count = try reader.varint()
        self = [:]
        for _ in 0..<count {
            let key = try Key(from: &reader)
            self[key] = try Value(from: &reader)
        }
    }
}

/// State of any `Codable` type, kept as JSON: convenient and slow (about 10 µs a value); write
/// `StateCodable` by hand for hot state.
public protocol CodableState: StateCodable, Codable {}

extension CodableState {
    public static var stateSchema: String { "json:\(Self.self)" }
    public func encode(into writer: inout ByteWriter) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: FloatWords.infinity, negativeInfinity: FloatWords.negativeInfinity, nan: FloatWords.nan)
        do {
            writer.sized([UInt8](try encoder.encode(self)))
        } catch {
            preconditionFailure("\(Self.self) cannot be encoded as JSON state: \(error)")
        }
    }
    public init(from reader: inout ByteReader) throws {
        let bytes = try reader.sized()
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: FloatWords.infinity, negativeInfinity: FloatWords.negativeInfinity, nan: FloatWords.nan)
        do {
            self = try UntrustedJSON.decode(
                Self.self, from: Data(bytes), depthMax: UntrustedJSON.depthMaxOfUsers, by: decoder)
        } catch {
            throw StateDecodingError("JSON state of \(Self.self) does not decode: \(error)")
        }
    }
}

/// Floating-point values that are no JSON numbers, as stored: a record from outside may hold one.
private enum FloatWords {
    static let infinity = "Infinity"
    static let negativeInfinity = "-Infinity"
    static let nan = "NaN"
}
