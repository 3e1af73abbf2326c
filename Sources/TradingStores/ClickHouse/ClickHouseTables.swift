import ConnectorClickHouse
import StoreKit

/// The tables of analytics, for `provision` and for the store itself.
public struct ClickHouseTables: ResourceProvider {
    struct Table {
        let name: String
        let purpose: String
        let columns: String
        let engine: String
        let sortingKey: String
        let partitionKey: String
        var settings = ""

        var statement: String {
            "CREATE TABLE IF NOT EXISTS \(name) (\(columns)) ENGINE = \(engine) ORDER BY (\(sortingKey)) "
                + "PARTITION BY \(partitionKey)\(settings.isEmpty ? "" : " SETTINGS \(settings)")"
        }
    }

    private static let amount = "Decimal(19, 4)"

    static let tables = [
        Table(
            name: "trades", purpose: "every executed trade",
            columns: """
                trade_id UUID, order_id UUID, user_id String, symbol LowCardinality(String), \
                side Enum8('BUY' = 1, 'SELL' = 2), quantity Int64, price \(amount), notional \(amount), \
                executed_at DateTime64(3, 'UTC')
                """,
            engine: "ReplacingMergeTree", sortingKey: "symbol, executed_at, trade_id", partitionKey: "toYYYYMM(executed_at)",
            // How many of the latest inserts the server recognises by their token.
            settings: "non_replicated_deduplication_window = 1000"),
        Table(
            name: "trade_volume_1m", purpose: "what was traded of a symbol in a minute",
            columns: """
                symbol LowCardinality(String), minute DateTime64(3, 'UTC'), trades UInt64, shares Int64, notional \(amount), \
                open \(amount), high \(amount), low \(amount), close \(amount), vwap \(amount)
                """,
            engine: "ReplacingMergeTree(trades)", sortingKey: "symbol, minute", partitionKey: "toYYYYMM(minute)"),
    ]

    public let system = "clickhouse"
    public let required = ClickHouseTables.list
    private let client: ClickHouseClient

    init(_ client: ClickHouseClient) { self.client = client }

    /// The tables, without asking anybody.
    public static var list: [RequiredResource] {
        tables.map { table in
            RequiredResource(
                kind: "table", name: table.name, purpose: table.purpose,
                properties: [ResourceProperty("engine", table.engine), ResourceProperty("sorting key", table.sortingKey)])
        }
    }

    public func find(_ resources: [RequiredResource]) async throws -> [String: [String: String]] {
        // The full engine begins with the engine and its parameters: `ReplacingMergeTree(trades) PARTITION BY …`.
        let rows = try await client.rows(
            "SELECT name, engine_full, sorting_key FROM system.tables WHERE database = {database:String}",
            [("database", client.database)], isGlobal: true)
        var found: [String: [String: String]] = [:]
        for row in rows where row.count == 3 {
            let engine = row[1].prefix { $0 != " " }
            found[String(row[0])] = ["engine": String(engine), "sorting key": String(row[2])]
        }
        return found.filter { name, _ in resources.contains { $0.name == name } }
    }

    public func create(_ resource: RequiredResource) async throws {
        guard let table = Self.tables.first(where: { $0.name == resource.name }) else {
            preconditionFailure("\(resource.name) is not on the list")
        }
        try await client.execute("CREATE DATABASE IF NOT EXISTS \(client.database)", isGlobal: true)
        try await client.execute(table.statement)
    }
}
