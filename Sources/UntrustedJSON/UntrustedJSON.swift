import Foundation

/// JSON from outside. Foundation's parser traps, instead of throwing, when a document that is nested more than 512 deep ends
/// where its depth is found out (`[[[[…`, found by `weir-fuzz`): such a document must not reach it.
package enum UntrustedJSON {
    /// More than any document of our own, or of an interface that we speak, needs.
    package static let depthMax = 32
    /// For documents of the user's: nearly as deep as Foundation reads.
    package static let depthMaxOfUsers = 500

    /// Throws `DecodingError`. Costs a pass over the bytes more than `JSONDecoder`.
    package static func decode<Value: Decodable>(
        _ type: Value.Type, from data: Data, depthMax: Int = depthMax, by decoder: JSONDecoder = JSONDecoder()
    ) throws -> Value {
        guard isShallow(data, depthMax: depthMax) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: [], debugDescription: "nested more than \(depthMax) deep"))
        }
        return try decoder.decode(type, from: data)
    }

    /// An object whose fields are looked at one by one; nil for anything else.
    package static func object(_ data: Data, depthMax: Int = depthMax) -> [String: Any]? {
        guard isShallow(data, depthMax: depthMax) else { return nil }
        return (try? JSONSerialization.jsonObject(with: data)) as? [String: Any]
    }

    /// Whether arrays and objects are nested no deeper than is allowed. Says nothing about the rest.
    package static func isShallow(_ bytes: some Sequence<UInt8>, depthMax: Int = depthMax) -> Bool {
        var depth = 0
        var isText = false
        var isEscaped = false
        for byte in bytes {
            if isText {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isText = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isText = true
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                if depth > depthMax { return false }
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            default: break
            }
        }
        return true
    }
}
