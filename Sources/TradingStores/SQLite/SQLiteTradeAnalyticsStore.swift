import GRDB
import StoreKit
import Trading

/// Analytics in one SQLite file: the embedded default.
public final class SQLiteTradeAnalyticsStore: TradeAnalyticsStore, SpannedByGuard {
    private static let migrations = [
        (
            name: "1",
            sql: """
            CREATE TABLE trades (\(SQLiteTrade.definitions), PRIMARY KEY (trade_id)) WITHOUT ROWID;
            CREATE TABLE trade_volume_1m (
                symbol TEXT NOT NULL, minute INTEGER NOT NULL, trades INTEGER NOT NULL, shares INTEGER NOT NULL,
                notional INTEGER NOT NULL, open INTEGER NOT NULL, high INTEGER NOT NULL, low INTEGER NOT NULL,
                close INTEGER NOT NULL, PRIMARY KEY (symbol, minute)) WITHOUT ROWID;
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

    public func insert(_ batch: TradeBatch) async throws(StoreError) {
        try await file.write { db in
            let insert = try db.cachedStatement(
                sql: "INSERT OR IGNORE INTO trades (\(SQLiteTrade.columns)) VALUES (\(SQLiteTrade.placeholders))")
            for trade in batch.trades { try insert.execute(arguments: SQLiteTrade.arguments(trade)) }
        }
    }

    public func upsert(_ bars: [VolumeBar]) async throws(StoreError) {
        try await file.write { db in
            let upsert = try db.cachedStatement(
                sql: """
                    INSERT INTO trade_volume_1m (symbol, minute, trades, shares, notional, open, high, low, close)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (symbol, minute) DO UPDATE SET trades = excluded.trades, shares = excluded.shares,
                        notional = excluded.notional, open = excluded.open, high = excluded.high, low = excluded.low,
                        close = excluded.close
                    WHERE excluded.trades > trade_volume_1m.trades
                    """)
            for bar in bars {
                try upsert.execute(arguments: [
                    bar.symbol.text, bar.startMillis, bar.trades, bar.shares, bar.notional.units, bar.open.units,
                    bar.high.units, bar.low.units, bar.close.units,
                ])
            }
        }
    }

    public func volume(_ query: VolumeQuery) async throws(StoreError) -> [VolumeBar] {
        try await file.read { db in
            var bars = try VolumeBars(query)
            let rows = try Row.fetchCursor(
                db, sql: "SELECT * FROM trade_volume_1m WHERE symbol = ? AND minute >= ? AND minute < ? ORDER BY minute",
                arguments: [query.symbol.text, query.fromMillis, query.toMillis])
            while let row = try rows.next() {
                try bars.add(
                    VolumeBar(
                        symbol: query.symbol, startMillis: row["minute"], trades: row["trades"], shares: row["shares"],
                        notional: Money(units: row["notional"]), open: Price(units: row["open"]),
                        high: Price(units: row["high"]), low: Price(units: row["low"]), close: Price(units: row["close"])))
            }
            return bars.bars
        }
    }

    public func top(_ ranking: TopRanking, limit: Int) async throws(StoreError) -> [SymbolTotal] {
        let measure = ranking == .volume ? "shares" : "notional"
        return try await file.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT symbol, SUM(trades) AS trades, SUM(shares) AS shares, SUM(notional) AS notional
                    FROM trade_volume_1m GROUP BY symbol ORDER BY SUM(\(measure)) DESC, symbol LIMIT ?
                    """, arguments: [max(0, limit)]
            ).map { row in
                guard let symbol = Symbol(row["symbol"] as String) else {
                    throw StoreError.invalid("a stored bar names no symbol: \(row)")
                }
                return SymbolTotal(
                    symbol: symbol, trades: row["trades"], shares: row["shares"], notional: Money(units: row["notional"]))
            }
        }
    }

    public func totals() async throws(StoreError) -> TradeTotals {
        try await file.read { db in
            let row = try Row.fetchOne(
                db, sql: "SELECT COUNT(*) AS trades, SUM(quantity) AS shares, SUM(notional) AS notional FROM trades")
            return TradeTotals(
                trades: row?["trades"] ?? 0, shares: row?["shares"] ?? 0, notional: Money(units: row?["notional"] ?? 0))
        }
    }

    public func close() async { file.close() }
}
