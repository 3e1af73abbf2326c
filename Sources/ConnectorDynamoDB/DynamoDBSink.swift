import Foundation
import StoreKit
import StreamRuntime

/// Puts each record as an item of a DynamoDB table, idempotently by the item's key.
///
///     alerts.sink(try DynamoDBSink("dynamodb://eu-west-1", table: "alerts", key: "id") { alert in
///         ["id": .string(alert.id), "user": .string(alert.user), "at": .number(alert.millis)]
///     })
///
/// Acknowledged before their epoch is decided; while DynamoDB throttles or is away the job is paused and nothing is lost.
/// Credentials come from where AWS' own clients look: the environment, the shared file, the container's endpoint.
public struct DynamoDBSink<Element>: Sink {
    /// Which of two items with one key stays.
    public enum Guarding: Sendable {
        /// The first: for records that never change. One that is there already counts as put.
        case firstWins
        /// The one with the greater number in this attribute: for records that replace one another. A repeated or
        /// overtaken write of an older one changes nothing.
        case newestWins(by: String)
    }

    private let sink: EncodedSink<Element, Item>

    /// - Parameters:
    ///   - url: `dynamodb://REGION[?endpoint=http://host:port][&timeout-ms=5000][&connections=64]`.
    ///   - key: the table's partition key; items must have it.
    ///   - requestsMax: puts side by side, per subtask.
    ///   - item: the record as an item. Runs on task threads.
    public init(
        _ url: String, table: String, key: String, guarding: Guarding = .firstWins, requestsMax: Int = 16,
        environment: [String: String] = ProcessInfo.processInfo.environment, item: @escaping @Sendable (Element) throws -> Item
    ) throws(StoreError) {
        let parts = try StoreURL(url)
        try parts.allow(["endpoint", "timeout-ms", "connections"])
        let writer = DynamoDBItemWriter(
            client: try DynamoDBClient(try DynamoDBClient.Settings(parts), environment: environment),
            guarding: StoreGuard("dynamodb"), table: table, key: key, versionAttribute: guarding.versionAttribute)
        // One item a request: a batch write of DynamoDB's has no conditions.
        let puts = BatchingSink<Item>(
            BatchingOptions(BatchLimits(countMax: 1, ageMax: .zero), inFlightMax: requestsMax), failures: .store("dynamodb")
        ) { items in
            for item in items { try await writer.put(item) }
        }
        sink = EncodedSink(into: puts, encode: item)
    }

    public func makeWriter(_ context: SinkWriterContext) -> EncodedWriter<Element, Item> { sink.makeWriter(context) }
}

extension DynamoDBSink.Guarding {
    fileprivate var versionAttribute: String? {
        switch self {
        case .firstWins: nil
        case .newestWins(let attribute): attribute
        }
    }
}

/// Puts items of one table under a condition. Any task.
struct DynamoDBItemWriter: Sendable {
    let client: DynamoDBClient
    let guarding: StoreGuard
    let table: String
    let key: String
    let versionAttribute: String?

    /// Puts the item, unless one that stays is there: that is success too.
    func put(_ item: Item) async throws(StoreError) {
        guard item[key] != nil else { throw .invalid("an item for the table \(table) has no attribute '\(key)', its key") }
        var body: [String: Any] = [
            "TableName": table, "Item": item.jsonFields, "ConditionExpression": "attribute_not_exists(#k)",
            "ExpressionAttributeNames": ["#k": key],
        ]
        if let versionAttribute {
            guard case .number(let version)? = item[versionAttribute] else {
                throw .invalid("an item for the table \(table) has no number '\(versionAttribute)', its version")
            }
            body["ConditionExpression"] = "attribute_not_exists(#k) OR #v < :v"
            body["ExpressionAttributeNames"] = ["#k": key, "#v": versionAttribute]
            body["ExpressionAttributeValues"] = [":v": ["N": String(version)]]
        }
        let payload = DynamoDBRequest.data(body)
        try await guarding.run("put") { () async throws(StoreError) in
            _ = try await client.call("PutItem", payload) { refusal in
                refusal.type == "ConditionalCheckFailedException" ? Data("{}".utf8) : nil
            }
        }
    }
}
