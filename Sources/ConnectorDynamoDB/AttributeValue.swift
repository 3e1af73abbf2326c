import Foundation
import StoreKit

/// A DynamoDB attribute. Numbers are decimal texts, so that 64-bit integers stay exact.
public enum AttributeValue: Hashable, Sendable {
    case string(String)
    case number(Int64)
    case map([String: AttributeValue])
    /// A type this program does not use: kept out of the way of items others have added to.
    case other

    /// The form of the JSON protocol: one type letter and the value.
    package var json: [String: Any] {
        switch self {
        case .string(let text): ["S": text]
        case .number(let value): ["N": String(value)]
        case .map(let fields): ["M": fields.mapValues(\.json)]
        case .other: ["NULL": true]
        }
    }

    package init(json: Any) {
        guard let object = json as? [String: Any] else {
            self = .other
            return
        }
        if let text = object["S"] as? String {
            self = .string(text)
        } else if let text = object["N"] as? String, let value = Int64(text) {
            self = .number(value)
        } else if let fields = object["M"] as? [String: Any] {
            self = .map(fields.mapValues { AttributeValue(json: $0) })
        } else {
            self = .other
        }
    }
}

/// A DynamoDB item: its attributes by name.
public typealias Item = [String: AttributeValue]

extension Item {
    package init?(json: Any?) {
        guard let object = json as? [String: Any], !object.isEmpty else { return nil }
        self = object.mapValues { AttributeValue(json: $0) }
    }

    /// The form of the JSON protocol.
    package var jsonFields: [String: Any] { mapValues(\.json) }

    package func text(_ name: String) throws(StoreError) -> String {
        guard case .string(let text)? = self[name] else { throw damaged(name, "a string") }
        return text
    }

    package func integer(_ name: String) throws(StoreError) -> Int64 {
        guard case .number(let value)? = self[name] else { throw damaged(name, "a 64-bit integer") }
        return value
    }

    private func damaged(_ name: String, _ what: String) -> StoreError {
        .invalid("the attribute '\(name)' of a stored item is not \(what)")
    }
}
