import Hummingbird
import Trading
import TradingStores

/// What `GET /v1/trades` asks for.
package enum TradeSearch {
    static let names = ["symbol", "side", "from", "to", "q", "limit", "cursor"]
    static let textBytesMax = 200

    package static func query(_ request: Request, _ user: UserID) throws(Problem) -> TradeQuery {
        let parameters = try QueryParameters(request, names)
        var query = TradeQuery(user: user)
        query.symbol = try parameters.value("symbol", "1 to 12 of A-Z, 0-9 and '.'") { Symbol($0) }
        query.side = try parameters.value("side", "BUY or SELL") { Side(wireText: $0) }
        query.fromMillis = try parameters.value("from", rfc3339) { RFC3339.millis($0) }
        query.toMillis = try parameters.value("to", rfc3339) { RFC3339.millis($0) }
        if let from = query.fromMillis, let to = query.toMillis { try checkOrder(from, to) }
        query.text = try parameters.value("q", "at most \(textBytesMax) bytes") {
            $0.utf8.count <= textBytesMax ? $0 : nil
        }
        let limits = 1...TradeQuery.limitMax
        query.limit =
            try parameters.value("limit", "a number from 1 to \(TradeQuery.limitMax)") {
                Int($0).flatMap { limits.contains($0) ? $0 : nil }
            } ?? query.limit
        let unbounded = query
        query.after = try parameters.value("cursor", "the 'next' of an answer to this very search") {
            PageCursor.cursor($0, of: unbounded)
        }
        return query
    }

    static func checkOrder(_ fromMillis: Int64, _ toMillis: Int64) throws(Problem) {
        guard fromMillis < toMillis else { throw .badRequest("'from' must lie before 'to'.") }
    }

    static let rfc3339 = "a time such as 2026-01-31T12:00:00Z"
}

/// One page of trades.
struct TradePageView: Encodable, Sendable {
    let trades: [TradeView]
    /// For the next page; absent on the last one.
    let next: String?

    init(_ page: TradePage, of query: TradeQuery) {
        trades = page.trades.map { TradeView($0) }
        next = page.next.map { PageCursor.text($0, of: query) }
    }
}
