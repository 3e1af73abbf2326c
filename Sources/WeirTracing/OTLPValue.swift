import Tracing

/// An attribute as OTLP's JSON writes it.
struct KeyValue: Encodable {
    let key: String
    let value: OTLPValue

    init(_ key: String, _ value: OTLPValue) {
        self.key = key
        self.value = value
    }

    /// In the order of their names.
    static func list(_ attributes: SpanAttributes, _ redact: (String) -> String) -> [KeyValue] {
        var list: [KeyValue] = []
        attributes.forEach { name, attribute in
            if let value = OTLPValue(attribute, redact) { list.append(KeyValue(Texts.bounded(name), value)) }
        }
        return list.sorted { $0.key < $1.key }
    }
}

/// `AnyValue`.
indirect enum OTLPValue: Encodable {
    case string(String)
    case bool(Bool)
    case integer(Int64)
    case double(Double)
    case array([OTLPValue])

    /// Nil for what is no value.
    init?(_ attribute: SpanAttribute, _ redact: (String) -> String) {
        func text(_ value: String) -> OTLPValue { .string(Texts.bounded(redact(value))) }
        switch attribute {
        case .string(let value): self = text(value)
        case .stringConvertible(let value): self = text("\(value)")
        case .bool(let value): self = .bool(value)
        case .int32(let value): self = .integer(Int64(value))
        case .int64(let value): self = .integer(value)
        case .double(let value): self = .double(value)
        case .stringArray(let values): self = .array(values.map(text))
        // What Tracing makes of a literal of integers.
        case .stringConvertibleArray(let values as [Int]): self = .array(values.map { .integer(Int64($0)) })
        case .stringConvertibleArray(let values): self = .array(values.map { text("\($0)") })
        case .boolArray(let values): self = .array(values.map { .bool($0) })
        case .int32Array(let values): self = .array(values.map { .integer(Int64($0)) })
        case .int64Array(let values): self = .array(values.map { .integer($0) })
        case .doubleArray(let values): self = .array(values.map { .double($0) })
        default: return nil
        }
    }

    private enum Key: String, CodingKey { case stringValue, boolValue, intValue, doubleValue, arrayValue }
    private struct Values: Encodable { let values: [OTLPValue] }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .string(let value): try container.encode(value, forKey: .stringValue)
        case .bool(let value): try container.encode(value, forKey: .boolValue)
        case .integer(let value): try container.encode("\(value)", forKey: .intValue)
        case .double(let value) where value.isFinite: try container.encode(value, forKey: .doubleValue)
        // JSON has no such numbers; protobuf's mapping writes them as these words.
        case .double(let value):
            try container.encode(value.isNaN ? "NaN" : value > 0 ? "Infinity" : "-Infinity", forKey: .doubleValue)
        case .array(let values): try container.encode(Values(values: values), forKey: .arrayValue)
        }
    }
}

enum Texts {
    /// At most `SpanLimits.textBytes`, cut between characters.
    static func bounded(_ text: String) -> String {
        if text.utf8.count <= SpanLimits.textBytes { return text }
        var bytes = 0
        return String(
            text.prefix { character in
                bytes += character.utf8.count
                return bytes <= SpanLimits.textBytes
            })
    }
}
