import ConnectorDynamoDB
import Foundation
import StoreKit

/// The tables of the trading system: each has one string key; those with a lifetime drop old items.
public struct DynamoDBTables: ResourceProvider {
    private struct Table {
        let name: String
        let key: String
        let expires: Bool
        let purpose: String
    }

    private static let tables = [
        Table(name: "portfolios", key: "userId", expires: false, purpose: "cash and holdings of each user"),
        Table(name: "executions", key: "orderId", expires: true, purpose: "outcome of each order, as first decided"),
        Table(name: "orders", key: "orderId", expires: true, purpose: "accepted orders"),
        Table(name: "order_requests", key: "requestKey", expires: true, purpose: "idempotency keys of requests"),
    ]
    private static let expiryAttribute = "expires_at"
    private static let activeWaitMillis: Int64 = 60_000
    private static let pollMillis: Int64 = 250

    public let system = "dynamodb"
    public let required: [RequiredResource]
    private let client: DynamoDBClient

    init(_ client: DynamoDBClient, prefix: String) {
        self.client = client
        required = Self.required(prefix: prefix)
    }

    /// The tables, without asking anybody.
    public static func required(prefix: String) -> [RequiredResource] {
        tables.map { table in
            var properties = [ResourceProperty("key", "\(table.key) (S)")]
            if table.expires { properties.append(ResourceProperty("expiry", expiryAttribute)) }
            return RequiredResource(
                kind: "table", name: prefix + table.name, purpose: table.purpose, properties: properties)
        }
    }

    public func find(_ resources: [RequiredResource]) async throws -> [String: [String: String]] {
        var found: [String: [String: String]] = [:]
        for resource in resources {
            guard let table = try await describe(resource.name) else { continue }
            var properties = ["key": Self.key(of: table)]
            properties["expiry"] = try await expiry(of: resource.name)
            found[resource.name] = properties
        }
        return found
    }

    public func create(_ resource: RequiredResource) async throws {
        let properties = Dictionary(resource.properties.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        guard let key = properties["key"]?.split(separator: " ").first else {
            preconditionFailure("every table of the list has a key")
        }
        let body: [String: Any] = [
            "TableName": resource.name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [["AttributeName": String(key), "AttributeType": "S"]],
            "KeySchema": [["AttributeName": String(key), "KeyType": "HASH"]],
        ]
        _ = try await client.call("CreateTable", DynamoDBRequest.data(body)) { refusal in
            refusal.type == "ResourceInUseException" ? Data("null".utf8) : nil
        }
        try await waitUntilActive(resource.name)
        if let attribute = properties["expiry"] { try await expire(resource.name, attribute) }
    }

    private func describe(_ name: String) async throws -> [String: Any]? {
        let answer = try await client.call("DescribeTable", DynamoDBRequest.data(["TableName": name])) { refusal in
            refusal.type == "ResourceNotFoundException" ? Data("null".utf8) : nil
        }
        return DynamoDBRequest.object(answer)["Table"] as? [String: Any]
    }

    /// `userId (S)`; a key of two attributes names both.
    private static func key(of table: [String: Any]) -> String {
        let types = Dictionary(
            ((table["AttributeDefinitions"] as? [[String: String]]) ?? []).map {
                ($0["AttributeName"] ?? "", $0["AttributeType"] ?? "?")
            }, uniquingKeysWith: { $1 })
        let schema = (table["KeySchema"] as? [[String: String]]) ?? []
        return schema.map { part in
            let name = part["AttributeName"] ?? ""
            return "\(name) (\(types[name] ?? "?"))"
        }.joined(separator: ", ")
    }

    private func expiry(of name: String) async throws -> String? {
        let answer = try await client.call("DescribeTimeToLive", DynamoDBRequest.data(["TableName": name]))
        let description = DynamoDBRequest.object(answer)["TimeToLiveDescription"] as? [String: Any]
        let status = description?["TimeToLiveStatus"] as? String
        guard status == "ENABLED" || status == "ENABLING" else { return nil }
        return description?["AttributeName"] as? String
    }

    private func waitUntilActive(_ name: String) async throws {
        var waitedMillis: Int64 = 0
        while try await describe(name)?["TableStatus"] as? String != "ACTIVE" {
            if waitedMillis >= Self.activeWaitMillis {
                throw StoreError.timeout("the table \(name) did not become active within a minute")
            }
            waitedMillis += Self.pollMillis
            try await Task.sleep(for: .milliseconds(Self.pollMillis))
        }
    }

    /// Turns expiry on; AWS refuses to do it twice, which is as good.
    private func expire(_ name: String, _ attribute: String) async throws {
        let body: [String: Any] = [
            "TableName": name, "TimeToLiveSpecification": ["AttributeName": attribute, "Enabled": true],
        ]
        _ = try await client.call("UpdateTimeToLive", DynamoDBRequest.data(body)) { refusal in
            refusal.type == "ValidationException" && refusal.message.contains("already enabled") ? refusal.body : nil
        }
    }
}

extension DynamoDBPortfolioStore {
    /// The tables the store, and the order service, work with.
    public var tables: DynamoDBTables { DynamoDBTables(client, prefix: settings.tablePrefix) }

    /// Makes the tables that are missing and waits, at most a minute for each, until they can be used. Idempotent.
    public func provision() async throws {
        let found = try await tables.find(tables.required)
        for table in tables.required where found[table.name] == nil { try await tables.create(table) }
    }
}
