import Foundation

/// A stored key or value, read by the name of its schema, for people and scripts.
public indirect enum StoredValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case signed(Int64)
    case unsigned(UInt64)
    case double(Double)
    case text(String)
    /// JSON as it is stored.
    case json([UInt8])
    case list([StoredValue])
    case object([(name: String, value: StoredValue)])
    /// Bytes of a schema that only the job knows.
    case bytes([UInt8])

    /// Reads all of `bytes`; what does not read as the schema says is shown as `bytes`.
    public init(_ bytes: UnsafeRawBufferPointer, schema: String) {
        var reader = ByteReader(bytes)
        guard let value = try? Self.read(StoredSchema(schema), &reader), reader.remaining == 0 else {
            self = .bytes(Array(bytes))
            return
        }
        self = value
    }

    private struct Unreadable: Error {}

    private static func read(_ schema: StoredSchema, _ reader: inout ByteReader) throws -> StoredValue {
        switch schema {
        case .integer(8, false): .unsigned(UInt64(try reader.integer(UInt8.self)))
        case .integer(16, false): .unsigned(UInt64(try reader.integer(UInt16.self)))
        case .integer(32, false): .unsigned(UInt64(try reader.integer(UInt32.self)))
        case .integer(_, false): .unsigned(try reader.integer(UInt64.self))
        case .integer(8, true): .signed(Int64(try reader.integer(Int8.self)))
        case .integer(16, true): .signed(Int64(try reader.integer(Int16.self)))
        case .integer(32, true): .signed(Int64(try reader.integer(Int32.self)))
        case .integer(_, true): .signed(try reader.integer(Int64.self))
        case .bool: .bool(try Bool(from: &reader))
        case .double: .double(try Double(from: &reader))
        case .text: .text(try reader.string())
        case .nothing: .null
        case .json: .json(Array(try reader.sized()))
        case .optional(let wrapped): try Bool(from: &reader) ? try read(wrapped, &reader) : .null
        case .list(let element): .list(try list(element, &reader))
        case .map(let key, let value): try map(key, value, &reader)
        case .timed(let value):
            .object([
                ("millis", .signed(try reader.integer(Int64.self))), ("value", try read(value, &reader)),
            ])
        case .timerKey(let key):
            .object([
                ("millis", .signed(Int64(bitPattern: UInt64(bigEndian: try reader.integer()) ^ (1 << 63)))),
                ("key", try read(key, &reader)),
            ])
        case .windowKey(let key):
            .object([
                ("windowStart", .signed(try reader.integer(Int64.self))), ("key", try read(key, &reader)),
            ])
        case .mapPartKey(let key):
            .object([("key", try read(key, &reader)), ("part", .unsigned(UInt64(UInt32(bigEndian: try reader.integer()))))])
        case .mapPart(let key, let value):
            .object([("parts", .unsigned(try reader.varint())), ("entries", try map(key, value, &reader))])
        case .average:
            .object([("sum", .double(try Double(from: &reader))), ("count", .signed(try reader.integer(Int64.self)))])
        case .pair(let first, let second): .list([try read(first, &reader), try read(second, &reader)])
        case .opaque: throw Unreadable()
        }
    }

    private static func list(_ element: StoredSchema, _ reader: inout ByteReader) throws -> [StoredValue] {
        var elements: [StoredValue] = []
        for _ in 0..<(try count(&reader)) {
            let before = reader.offset
            elements.append(try read(element, &reader))
            // Lists of lists of nothing would take far more memory than the bytes they are read from.
            guard reader.offset > before else { throw Unreadable() }
        }
        return elements
    }

    /// Of elements that take no bytes there may be more than bytes are left; nobody stores those.
    private static func count(_ reader: inout ByteReader) throws -> Int {
        let count = try reader.varint()
        guard count <= UInt64(reader.remaining) else { throw Unreadable() }
        return Int(count)
    }

    /// With text for keys an object, otherwise pairs.
    private static func map(_ key: StoredSchema, _ value: StoredSchema, _ reader: inout ByteReader) throws -> StoredValue {
        var pairs: [(key: StoredValue, value: StoredValue)] = []
        for _ in 0..<(try count(&reader)) { pairs.append((try read(key, &reader), try read(value, &reader))) }
        guard key == .text else {
            return .list(pairs.map { .list([$0.key, $0.value]) }.sorted { $0.jsonText < $1.jsonText })
        }
        return .object(pairs.map { (name: $0.key.plainText, value: $0.value) }.sorted { $0.name < $1.name })
    }

    // MARK: Text

    /// One line of JSON. Bytes are `{"bytes":"<hex>"}`.
    public var jsonText: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .signed(let value): String(value)
        case .unsigned(let value): String(value)
        case .double(let value): value.isFinite ? "\(value)" : JSONText.quoted("\(value)")
        case .text(let text): JSONText.quoted(text)
        case .json(let bytes): String(decoding: bytes, as: UTF8.self)
        case .list(let elements): "[\(elements.map(\.jsonText).joined(separator: ","))]"
        case .object(let members):
            "{\(members.map { "\(JSONText.quoted($0.name)):\($0.value.jsonText)" }.joined(separator: ","))}"
        case .bytes(let bytes): #"{"bytes":"\#(hexDigits(of: bytes))"}"#
        }
    }

    /// Text without quotes, anything else as JSON: what a user types to name a key.
    public var plainText: String { if case .text(let text) = self { text } else { jsonText } }

    public static func == (a: StoredValue, b: StoredValue) -> Bool { a.jsonText == b.jsonText }
}
