import GRDB
import StoreKit
import Trading

/// The trade history in one SQLite file, searchable through FTS5: the embedded default.
public final class SQLiteTradeHistoryStore: TradeHistoryStore, SpannedByGuard {
    /// The words are indexed without being stored: they follow from the trade. Nothing is ever deleted from the index.
    private static let migrations = [
        (
            name: "1",
            sql: """
            CREATE TABLE trades (id INTEGER PRIMARY KEY, \(SQLiteTrade.definitions));
            CREATE UNIQUE INDEX trades_by_id ON trades (trade_id);
            CREATE INDEX trades_of_user ON trades (user_id, executed_at DESC, trade_id DESC);
            CREATE VIRTUAL TABLE trade_words USING fts5(
                words, content = '', columnsize = 0, detail = none, tokenize = 'unicode61');
            """
        )
    ]

    private let file: SQLiteFile

    /// Opens or makes the file.
    public init(path: String) throws(StoreError) {
        file = try SQLiteFile(path: path, migrations: Self.migrations)
    }

    /// Opening has made everything.
    public func provision() async throws(StoreError) -> [String] { [] }

    public func record(_ trades: [Trade]) async throws(StoreError) -> [RefusedTrade] {
        try await file.write { db in
            let insert = try db.cachedStatement(
                sql: "INSERT OR IGNORE INTO trades (\(SQLiteTrade.columns)) VALUES (\(SQLiteTrade.placeholders))")
            let index = try db.cachedStatement(sql: "INSERT INTO trade_words (rowid, words) VALUES (?, ?)")
            for trade in trades {
                try insert.execute(arguments: SQLiteTrade.arguments(trade))
                guard db.changesCount == 1 else { continue }  // it is there already
                try index.execute(arguments: [db.lastInsertedRowID, TradeWords.of(trade).joined(separator: " ")])
            }
        }
        return []
    }

    public func search(_ query: TradeQuery) async throws(StoreError) -> TradePage {
        try query.check()
        let found = try await file.read { db in
            let (sql, arguments) = Self.select(query)
            return try Row.fetchAll(db, sql: sql, arguments: arguments).map { try SQLiteTrade.read($0) }
        }
        return TradePage(upTo: query.limit, of: found)
    }

    private static func select(_ query: TradeQuery) -> (sql: String, arguments: StatementArguments) {
        var conditions = ["user_id = ?"]
        var arguments: StatementArguments = [query.user.text]
        func require(_ condition: String, _ values: StatementArguments) {
            conditions.append(condition)
            arguments += values
        }
        if let symbol = query.symbol { require("symbol = ?", [symbol.text]) }
        if let side = query.side { require("side = ?", [Int64(side.rawValue)]) }
        if let from = query.fromMillis { require("executed_at >= ?", [from]) }
        if let to = query.toMillis { require("executed_at < ?", [to]) }
        if let after = query.after {
            require("(executed_at, trade_id) < (?, ?)", [after.executedAtMillis, after.tradeID.value.blob])
        }
        let words = TradeWords.wanted(query.text)
        if !words.allSatisfy({ $0.utf8.allSatisfy { $0 < 0x80 } }) {
            // No trade has such words; the index might cut them into phrases, which it cannot look for.
            require("FALSE", [])
        } else if !words.isEmpty {
            // Quoted: a word is never an operator of the index's query language.
            let match = words.map { "\"\($0)\"" }.joined(separator: " ")
            require("id IN (SELECT rowid FROM trade_words WHERE trade_words MATCH ?)", [match])
        }
        arguments += [query.limit + 1]
        return (
            """
            SELECT \(SQLiteTrade.columns) FROM trades WHERE \(conditions.joined(separator: " AND "))
            ORDER BY executed_at DESC, trade_id DESC LIMIT ?
            """, arguments
        )
    }

    public func count() async throws(StoreError) -> Int {
        try await file.read { try Int.fetchOne($0, sql: "SELECT COUNT(*) FROM trades") ?? 0 }
    }

    public func close() async { file.close() }
}
