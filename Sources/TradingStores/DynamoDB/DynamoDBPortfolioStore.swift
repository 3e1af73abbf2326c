import ConnectorDynamoDB
import Foundation
import StoreKit
import Trading

/// Portfolios and ledger in DynamoDB. Stateless but for its connections: any number of processes may use the
/// same tables.
///
/// A commit is one `TransactWriteItems`; what its conditions say is decided by DynamoDB alone. The outcome's
/// `attribute_not_exists` is looked at before the version (promise 5 of `PortfolioStore`).
public final class DynamoDBPortfolioStore: PortfolioStore {
    /// Where the tables are.
    public struct Settings: Sendable {
        public var region: String
        /// `http://host:port` of a stand-in; nil: AWS.
        public var endpoint: String?
        /// Put before every table's name.
        public var tablePrefix: String
        /// Of one call, connecting included.
        public var timeoutMillis: Int64 = 5_000
        /// Connections to the endpoint.
        public var connectionsMax = 64

        public init(region: String, endpoint: String? = nil, tablePrefix: String = "") {
            self.region = region
            self.endpoint = endpoint
            self.tablePrefix = tablePrefix
        }
    }

    let client: DynamoDBClient
    let settings: Settings

    /// A store over the tables that `provision()` makes. Credentials come from the environment, the shared
    /// file or the container's endpoint, when the first call needs them.
    public init(
        _ settings: Settings, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(StoreError) {
        self.settings = settings
        var calls = DynamoDBClient.Settings(region: settings.region, endpoint: settings.endpoint)
        calls.timeoutMillis = settings.timeoutMillis
        calls.connectionsMax = settings.connectionsMax
        client = try DynamoDBClient(calls, environment: environment)
    }

    var portfolios: String { settings.tablePrefix + "portfolios" }
    var executions: String { settings.tablePrefix + "executions" }

    public func portfolio(_ user: UserID, consistent: Bool) async throws(StoreError) -> Portfolio? {
        let item = try await item(portfolios, ["userId": .string(user.text)], consistent: consistent)
        guard let item else { return nil }
        return try DynamoDBItems.portfolio(item)
    }

    public func openAccount(_ user: UserID, cash: Money, nowMillis: Int64) async throws(StoreError) -> Bool {
        guard cash >= .zero else { throw .invalid("an account cannot open with \(cash)") }
        let portfolio = Portfolio(cash: cash, version: 1, updatedAtMillis: nowMillis)
        let put = DynamoDBRequest.put(
            portfolios, DynamoDBItems.portfolio(user, portfolio), unless: "userId")
        let answer = try await client.call("PutItem", DynamoDBRequest.data(put)) { refusal in
            refusal.type == "ConditionalCheckFailedException" ? refusal.body : nil
        }
        return DynamoDBRequest.object(answer)["__type"] == nil
    }

    public func execution(of order: OrderID, nowMillis: Int64) async throws(StoreError) -> ExecutionRecord? {
        let item = try await item(executions, ["orderId": .string(order.description)], consistent: true)
        guard let item else { return nil }
        let record = try DynamoDBItems.execution(item)
        return record.isLive(nowMillis: nowMillis) ? record : nil
    }

    public func commit(_ commit: ExecutionCommit) async throws(StoreError) -> CommitResult {
        if let contradiction = commit.contradiction() { throw .invalid(contradiction) }
        let statements = DynamoDBStatements(portfolios: portfolios, executions: executions)
        let answer = try await client.call("TransactWriteItems", statements.transaction(commit)) { refusal in
            refusal.type == "TransactionCanceledException" ? refusal.body : nil
        }
        let reasons = DynamoDBStatements.cancellationReasons(answer)
        switch try TransactionVerdict(reasons) {
        case .committed: return .committed
        case .versionMoved: return .versionMoved
        case .executionExists(let item): return try await existing(commit.orderID, item)
        }
    }

    public func record(_ rejection: IndependentRejection) async throws(StoreError) -> CommitResult {
        let put = DynamoDBRequest.put(executions, DynamoDBItems.execution(rejection.record), unless: "orderId")
        let answer = try await client.call("PutItem", DynamoDBRequest.data(put)) { refusal in
            refusal.type == "ConditionalCheckFailedException" ? refusal.body : nil
        }
        let object = DynamoDBRequest.object(answer)
        if object["__type"] == nil { return .committed }
        return try await existing(rejection.orderID, Item(json: object["Item"]))
    }

    public func allPortfolios() async throws(StoreError) -> [UserID: Portfolio] {
        var found: [UserID: Portfolio] = [:]
        var start: [String: Any]?
        repeat {
            var body: [String: Any] = ["TableName": portfolios, "ConsistentRead": true]
            body["ExclusiveStartKey"] = start
            let page = DynamoDBRequest.object(try await client.call("Scan", DynamoDBRequest.data(body)))
            for json in page["Items"] as? [Any] ?? [] {
                guard let item = Item(json: json), let user = UserID(try item.text("userId")) else {
                    throw .invalid("\(portfolios) holds an item whose userId is none")
                }
                found[user] = try DynamoDBItems.portfolio(item)
            }
            start = page["LastEvaluatedKey"] as? [String: Any]
        } while start != nil
        return found
    }

    public func close() async {
        await client.close()
    }

    private func item(_ table: String, _ key: Item, consistent: Bool) async throws(StoreError) -> Item? {
        let body: [String: Any] = ["TableName": table, "Key": key.jsonFields, "ConsistentRead": consistent]
        let answer = try await client.call("GetItem", DynamoDBRequest.data(body))
        return Item(json: DynamoDBRequest.object(answer)["Item"])
    }

    /// The outcome that was there first: from the refusal, or read when the refusal came without it.
    private func existing(_ order: OrderID, _ item: Item?) async throws(StoreError) -> CommitResult {
        if let item { return .executionExists(try DynamoDBItems.execution(item)) }
        guard let record = try await execution(of: order, nowMillis: .min) else {
            throw .conflict("the outcome of \(order) was there and is gone: it expired meanwhile")
        }
        return .executionExists(record)
    }
}
