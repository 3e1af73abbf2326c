import Hummingbird
import StoreKit
import Trading
import TradingStores

/// What `GET /v1/analytics/volume` asks for.
package enum VolumeSearch {
    static let barsMax: Int64 = 1_500
    private static let minuteMillis: Int64 = 60_000
    private static let intervalsMinutes: [String: Int64] = [
        "1m": 1, "5m": 5, "15m": 15, "1h": 60, "4h": 240, "1d": 1440,
    ]

    /// `to` defaults to now, `from` to a hundred bars before.
    package static func query(_ request: Request, nowMillis: Int64) throws(Problem) -> VolumeQuery {
        let parameters = try QueryParameters(request, ["symbol", "from", "to", "interval"])
        guard let symbol = try parameters.value("symbol", "1 to 12 of A-Z, 0-9 and '.'", { Symbol($0) }) else {
            throw .badRequest("The query parameter 'symbol' is missing.")
        }
        let names = intervalsMinutes.sorted { $0.value < $1.value }.map(\.key).joined(separator: ", ")
        let minutes = try parameters.value("interval", "one of \(names)") { intervalsMinutes[$0] } ?? 1
        let to = try parameters.value("to", TradeSearch.rfc3339) { RFC3339.millis($0) } ?? nowMillis
        let from =
            try parameters.value("from", TradeSearch.rfc3339) { RFC3339.millis($0) } ?? to - 100 * minutes * minuteMillis
        try TradeSearch.checkOrder(from, to)
        guard (to - from) / (minutes * minuteMillis) <= barsMax else {
            throw .badRequest("That is more than \(barsMax) bars: ask for a shorter time or a longer interval.")
        }
        return VolumeQuery(symbol: symbol, fromMillis: from, toMillis: to, intervalMinutes: minutes)
    }
}

/// Bars of one symbol.
struct VolumeView: Encodable, Sendable {
    struct Bar: Encodable, Sendable {
        let start: String
        let trades: Int64
        let shares: Int64
        let notional: String
        let open: String
        let high: String
        let low: String
        let close: String
        let vwap: String?
    }

    let symbol: String
    let intervalMinutes: Int64
    let from: String
    let to: String
    let bars: [Bar]

    init(_ bars: [VolumeBar], of query: VolumeQuery) {
        symbol = query.symbol.text
        intervalMinutes = query.intervalMinutes
        from = RFC3339.text(query.fromMillis)
        to = RFC3339.text(query.toMillis)
        self.bars = bars.map { bar in
            Bar(
                start: RFC3339.text(bar.startMillis), trades: bar.trades, shares: bar.shares,
                notional: bar.notional.description, open: bar.open.description, high: bar.high.description,
                low: bar.low.description, close: bar.close.description, vwap: bar.vwap?.description)
        }
    }
}

/// The symbols traded most.
struct TopView: Encodable, Sendable {
    struct Entry: Encodable, Sendable {
        let symbol: String
        let trades: Int64
        let shares: Int64
        let notional: String
    }

    let by: String
    let symbols: [Entry]

    init(_ totals: [SymbolTotal], by ranking: TopRanking) {
        by = ranking.rawValue
        symbols = totals.map {
            Entry(symbol: $0.symbol.text, trades: $0.trades, shares: $0.shares, notional: $0.notional.description)
        }
    }
}
