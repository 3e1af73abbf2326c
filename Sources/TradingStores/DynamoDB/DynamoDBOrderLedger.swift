import ConnectorDynamoDB
import Foundation
import StoreKit
import Trading

/// The order ledger in DynamoDB: the tables `orders` and `order_requests`. Stateless but for its connections: any
/// number of processes may use the same tables.
///
/// `accept` is one `TransactWriteItems`; the request's condition is looked at before the order's (promise 2).
public final class DynamoDBOrderLedger: OrderLedger {
    private let client: DynamoDBClient
    private let orders: String
    private let requests: String

    /// A ledger over the tables that `DynamoDBPortfolioStore.provision()` makes.
    public init(
        _ settings: DynamoDBPortfolioStore.Settings,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(StoreError) {
        var calls = DynamoDBClient.Settings(region: settings.region, endpoint: settings.endpoint)
        calls.timeoutMillis = settings.timeoutMillis
        calls.connectionsMax = settings.connectionsMax
        client = try DynamoDBClient(calls, environment: environment)
        orders = settings.tablePrefix + "orders"
        requests = settings.tablePrefix + "order_requests"
    }

    public func request(_ key: RequestKey, nowMillis: Int64) async throws(StoreError) -> OrderRequest? {
        guard let item = try await item(requests, ["requestKey": .string(key.text)]) else { return nil }
        let request = try DynamoDBItems.request(item)
        return request.expiresAtMillis > nowMillis ? request : nil
    }

    public func order(_ id: OrderID, nowMillis: Int64) async throws(StoreError) -> Order? {
        guard let item = try await item(orders, ["orderId": .string(id.description)]) else { return nil }
        guard try item.integer("expires_at_ms") > nowMillis else { return nil }
        return try DynamoDBItems.order(item)
    }

    public func accept(_ order: AcceptedOrder, nowMillis: Int64) async throws(StoreError) -> AcceptResult {
        if let contradiction = order.contradiction() { throw .invalid(contradiction) }
        let body: [String: Any] = [
            "TransactItems": [
                ["Put": put(requests, DynamoDBItems.request(order), unless: "requestKey", nowMillis)],
                ["Put": put(orders, DynamoDBItems.order(order), unless: "orderId", nowMillis)],
            ]
        ]
        let answer = try await client.call("TransactWriteItems", DynamoDBRequest.data(body)) { refusal in
            refusal.type == "TransactionCanceledException" ? refusal.body : nil
        }
        guard let reasons = DynamoDBStatements.cancellationReasons(answer) else { return .accepted }
        if reasons.count == 2, reasons[0].code == "ConditionalCheckFailed" {
            if let item = reasons[0].item { return .known(try DynamoDBItems.request(item)) }
            // The refusal came without the item.
            if let known = try await request(order.key, nowMillis: nowMillis) { return .known(known) }
            throw .conflict("the request \(order.order.orderID) was there and is gone: it expired meanwhile")
        }
        try reasons.throwTransient()
        if reasons.count == 2, reasons[1].code == "ConditionalCheckFailed" { return .keyUsed }
        throw reasons.isEmpty ? .unavailable("a transaction was cancelled without a reason") : .invalid(reasons.said)
    }

    public func markPublished(_ key: RequestKey) async throws(StoreError) {
        let body: [String: Any] = [
            "TableName": requests, "Key": ["requestKey": AttributeValue.string(key.text).json],
            "UpdateExpression": "SET #state = :published", "ConditionExpression": "attribute_exists(requestKey)",
            "ExpressionAttributeNames": ["#state": "state"],
            "ExpressionAttributeValues": [":published": AttributeValue.string(OrderRequest.State.published.rawValue).json],
        ]
        _ = try await client.call("UpdateItem", DynamoDBRequest.data(body)) { refusal in
            refusal.type == "ConditionalCheckFailedException" ? refusal.body : nil
        }
    }

    public func close() async {
        await client.close()
    }

    /// A put over nothing, or over what has expired and is not deleted yet.
    private func put(_ table: String, _ item: Item, unless key: String, _ nowMillis: Int64) -> [String: Any] {
        var put = DynamoDBRequest.put(table, item, unless: key)
        put["ConditionExpression"] = "attribute_not_exists(\(key)) OR expires_at_ms <= :now"
        put["ExpressionAttributeValues"] = [":now": AttributeValue.number(nowMillis).json]
        return put
    }

    private func item(_ table: String, _ key: Item) async throws(StoreError) -> Item? {
        let body: [String: Any] = ["TableName": table, "Key": key.jsonFields, "ConsistentRead": true]
        let answer = try await client.call("GetItem", DynamoDBRequest.data(body))
        return Item(json: DynamoDBRequest.object(answer)["Item"])
    }
}
