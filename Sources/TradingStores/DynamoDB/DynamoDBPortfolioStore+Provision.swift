import Foundation

extension DynamoDBPortfolioStore {
    /// The tables of the trading system: each has one string key; those with a lifetime drop old items.
    private static let tables: [(name: String, key: String, expires: Bool)] = [
        ("portfolios", "userId", false),
        ("executions", "orderId", true),
        ("orders", "orderId", true),
        ("order_requests", "requestKey", true),
    ]

    private static let activeWaitMillis: Int64 = 60_000
    private static let pollMillis: Int64 = 250

    /// Creates what is missing and waits (at most a minute a table) until it can be used. Idempotent.
    /// Returns the names of the tables it created.
    @discardableResult
    public func provision() async throws(StoreError) -> [String] {
        var created: [String] = []
        for table in DynamoDBPortfolioStore.tables {
            let name = settings.tablePrefix + table.name
            if try await create(name, key: table.key) { created.append(name) }
            try await waitUntilActive(name)
            if table.expires { try await expire(name) }
        }
        return created
    }

    /// Tables that are missing, by name. Empty when all is in place.
    public func missingTables() async throws(StoreError) -> [String] {
        var missing: [String] = []
        for table in DynamoDBPortfolioStore.tables {
            let name = settings.tablePrefix + table.name
            if try await status(name) == nil { missing.append(name) }
        }
        return missing
    }

    private func create(_ name: String, key: String) async throws(StoreError) -> Bool {
        let body: [String: Any] = [
            "TableName": name, "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [["AttributeName": key, "AttributeType": "S"]],
            "KeySchema": [["AttributeName": key, "KeyType": "HASH"]],
        ]
        let answer = try await client.call("CreateTable", DynamoDBStatements.data(body)) { refusal in
            refusal.type == "ResourceInUseException" ? Data("null".utf8) : nil
        }
        return !DynamoDBStatements.object(answer).isEmpty
    }

    private func status(_ name: String) async throws(StoreError) -> String? {
        let answer = try await client.call("DescribeTable", DynamoDBStatements.data(["TableName": name])) { refusal in
            refusal.type == "ResourceNotFoundException" ? Data("null".utf8) : nil
        }
        return (DynamoDBStatements.object(answer)["Table"] as? [String: Any])?["TableStatus"] as? String
    }

    private func waitUntilActive(_ name: String) async throws(StoreError) {
        var waitedMillis: Int64 = 0
        while try await status(name) != "ACTIVE" {
            if waitedMillis >= DynamoDBPortfolioStore.activeWaitMillis {
                throw .timeout("the table \(name) did not become active within a minute")
            }
            waitedMillis += DynamoDBPortfolioStore.pollMillis
            do {
                try await Task.sleep(for: .milliseconds(DynamoDBPortfolioStore.pollMillis))
            } catch {
                throw .unavailable("provisioning was cancelled")
            }
        }
    }

    /// Turns expiry on; AWS refuses to do it twice, which is as good.
    private func expire(_ name: String) async throws(StoreError) {
        let body: [String: Any] = [
            "TableName": name, "TimeToLiveSpecification": ["AttributeName": "expires_at", "Enabled": true],
        ]
        _ = try await client.call("UpdateTimeToLive", DynamoDBStatements.data(body)) { refusal in
            refusal.type == "ValidationException" && refusal.message.contains("already enabled") ? refusal.body : nil
        }
    }
}
