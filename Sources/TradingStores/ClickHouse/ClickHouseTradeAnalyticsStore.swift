import ConnectorClickHouse
import NIOCore
import StoreKit
import Trading

/// Analytics in ClickHouse. Both tables are `ReplacingMergeTree`s read with `FINAL`: a trade counts once by its id, the bar
/// with most trades wins. Deduplication tokens only save work.
public final class ClickHouseTradeAnalyticsStore: TradeAnalyticsStore {
    private let client: ClickHouseClient

    init(_ url: StoreURL, environment: [String: String]) throws(StoreError) {
        client = try ClickHouseClient(url, environment: environment)
    }

    /// What must exist before trades are inserted.
    public var tables: ClickHouseTables { ClickHouseTables(client) }

    public func provision() async throws(StoreError) -> [String] {
        let tables = tables
        do {
            let made = try await Provisioning.run([tables], creates: true)
            return made.compactMap {
                if case .created = $0.outcome { "table \(client.database).\($0.resource.name)" } else { nil }
            }
        } catch {
            throw (error as? ProvisioningFailure)?.cause as? StoreError ?? .invalid("\(error)")
        }
    }

    // MARK: Writing

    public func insert(_ batch: TradeBatch) async throws(StoreError) {
        guard !batch.trades.isEmpty else { return }
        var rows = ByteBuffer()
        for trade in batch.trades {
            rows.writeString(
                """
                {"trade_id":"\(trade.tradeID)","order_id":"\(trade.orderID)","user_id":"\(trade.userID)",\
                "symbol":"\(trade.symbol)","side":"\(trade.side == .buy ? "BUY" : "SELL")","quantity":\(trade.quantity),\
                "price":"\(trade.price)","notional":"\(trade.notional)",\
                "executed_at":"\(ClickHouseTime.text(trade.executedAtMillis))"}

                """)
        }
        try await client.insert(into: "trades", rows: rows, cut: batch.name)
    }

    public func upsert(_ bars: [VolumeBar]) async throws(StoreError) {
        guard !bars.isEmpty else { return }
        var rows = ByteBuffer()
        for bar in bars {
            rows.writeString(
                """
                {"symbol":"\(bar.symbol)","minute":"\(ClickHouseTime.text(bar.startMillis))","trades":\(bar.trades),\
                "shares":\(bar.shares),"notional":"\(bar.notional)","open":"\(bar.open)","high":"\(bar.high)",\
                "low":"\(bar.low)","close":"\(bar.close)","vwap":"\(bar.vwap ?? Price(units: 0))"}

                """)
        }
        try await client.insert(into: "trade_volume_1m", rows: rows)
    }

    // MARK: Reading

    public func volume(_ query: VolumeQuery) async throws(StoreError) -> [VolumeBar] {
        let step = try query.intervalMillis()
        let rows = try await client.rows(
            """
            SELECT intDiv(toUnixTimestamp64Milli(minute), {step:Int64}) * {step:Int64} AS start, sum(trades), sum(shares), \
            sum(notional), argMin(open, minute), max(high), min(low), argMax(close, minute) \
            FROM trade_volume_1m FINAL WHERE symbol = {symbol:String} \
            AND toUnixTimestamp64Milli(minute) >= {from:Int64} AND toUnixTimestamp64Milli(minute) < {to:Int64} \
            GROUP BY start ORDER BY start
            """,
            [
                ("step", "\(step)"), ("symbol", query.symbol.text), ("from", "\(query.fromMillis)"), ("to", "\(query.toMillis)"),
            ])
        var bars: [VolumeBar] = []
        for row in rows {
            let row = ClickHouseRow(row)
            bars.append(
                VolumeBar(
                    symbol: query.symbol, startMillis: try row.integer(0), trades: try row.integer(1),
                    shares: try row.integer(2), notional: try row.money(3), open: try row.price(4), high: try row.price(5),
                    low: try row.price(6), close: try row.price(7)))
        }
        return bars
    }

    public func top(_ ranking: TopRanking, limit: Int) async throws(StoreError) -> [SymbolTotal] {
        let measure = ranking == .volume ? "all_shares" : "all_notional"
        let rows = try await client.rows(
            """
            SELECT symbol, sum(trades) AS all_trades, sum(shares) AS all_shares, sum(notional) AS all_notional \
            FROM trade_volume_1m FINAL GROUP BY symbol ORDER BY \(measure) DESC, symbol LIMIT {limit:UInt64}
            """, [("limit", "\(max(0, limit))")])
        var totals: [SymbolTotal] = []
        for row in rows {
            let row = ClickHouseRow(row)
            totals.append(
                SymbolTotal(
                    symbol: try row.symbol(0), trades: try row.integer(1), shares: try row.integer(2),
                    notional: try row.money(3)))
        }
        return totals
    }

    public func totals() async throws(StoreError) -> TradeTotals {
        let rows = try await client.rows("SELECT count(), sum(quantity), sum(notional) FROM trades FINAL")
        guard let first = rows.first else { return TradeTotals(trades: 0, shares: 0, notional: .zero) }
        let row = ClickHouseRow(first)
        return TradeTotals(trades: try row.integer(0), shares: try row.integer(1), notional: try row.money(2))
    }

    public func close() async { await client.close() }
}

/// Times as ClickHouse reads them exactly: seconds with three decimals.
enum ClickHouseTime {
    static func text(_ millis: Int64) -> String {
        let rest = millis.magnitude % 1000
        let padding = rest < 10 ? "00" : rest < 100 ? "0" : ""
        return "\(millis < 0 ? "-" : "")\(millis.magnitude / 1000).\(padding)\(rest)"
    }
}

/// The columns of one row. What cannot be read says which column it was.
private struct ClickHouseRow {
    private let columns: [Substring]

    init(_ columns: [Substring]) { self.columns = columns }

    private func column<Value>(_ index: Int, _ what: String, _ read: (String) -> Value?) throws(StoreError) -> Value {
        let text = index < columns.count ? String(columns[index]) : ""
        guard let value = read(text) else { throw .invalid("column \(index + 1) of a ClickHouse row, '\(text)', is no \(what)") }
        return value
    }

    func integer(_ index: Int) throws(StoreError) -> Int64 { try column(index, "64-bit integer") { Int64($0) } }
    func money(_ index: Int) throws(StoreError) -> Money { try column(index, "amount of 64 bits") { try? Money($0) } }
    func price(_ index: Int) throws(StoreError) -> Price { try column(index, "price") { try? Price($0) } }
    func symbol(_ index: Int) throws(StoreError) -> Symbol { try column(index, "symbol") { Symbol($0) } }
}
