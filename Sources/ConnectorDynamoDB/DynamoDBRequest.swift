import Foundation
import UntrustedJSON

/// Request bodies that every table needs, and answers taken apart.
package enum DynamoDBRequest {
    /// A put of a new item; the refusal carries the one that is there.
    package static func put(_ table: String, _ item: Item, unless key: String) -> [String: Any] {
        [
            "TableName": table, "Item": item.jsonFields, "ConditionExpression": "attribute_not_exists(\(key))",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        ]
    }

    /// The JSON of a body made of strings, numbers, flags, arrays and objects only.
    package static func data(_ body: [String: Any]) -> Data {
        (try? JSONSerialization.data(withJSONObject: body, options: [.sortedKeys])) ?? Data("{}".utf8)
    }

    /// An answer's object; empty when it is none.
    package static func object(_ answer: Data) -> [String: Any] {
        UntrustedJSON.object(answer, depthMax: UntrustedJSON.depthMaxOfUsers) ?? [:]
    }
}
