import Foundation
import StoreKit
import Trading
import UntrustedJSON

/// A trade as a document, and searches for such documents.
///
/// The document is the record of `trade_executed` as it is, prices as decimal texts included, and `words`, which it is
/// searched by.
enum ElasticsearchTrade {
    static func document(_ trade: Trade) -> [UInt8] {
        var json = trade.encoded()
        json.removeLast()  // the closing brace
        json += ",\"words\":\"\(TradeWords.of(trade).joined(separator: " "))\"}".utf8
        return json
    }

    /// Unknown fields are kept but not indexed: a newer writer does not break an older template. Amounts are `scaled_float`s,
    /// whole numbers of ten-thousandths inside: for dashboards; the exact texts are in the source.
    static func template(_ alias: String) -> Data {
        let keyword = ["type": "keyword"]
        let amount: [String: Any] = ["type": "scaled_float", "scaling_factor": 10_000]
        return data([
            "index_patterns": ["\(alias)-*"], "priority": 200,
            "template": [
                "aliases": [alias: [String: Any]()],
                "mappings": [
                    "dynamic": false,
                    "properties": [
                        "tradeId": keyword, "orderId": keyword, "userId": keyword, "symbol": keyword, "side": keyword,
                        "quantity": ["type": "long"], "price": amount, "notional": amount,
                        "executedAt": ["type": "date", "format": "epoch_millis"], "words": ["type": "text"],
                    ],
                ],
            ],
        ])
    }

    static func search(_ query: TradeQuery) -> Data {
        var filters: [[String: Any]] = [["term": ["userId": query.user.text]]]
        if let symbol = query.symbol { filters.append(["term": ["symbol": symbol.text]]) }
        if let side = query.side { filters.append(["term": ["side": side == .buy ? "BUY" : "SELL"]]) }
        var range: [String: Any] = [:]
        if let from = query.fromMillis { range["gte"] = from }
        if let to = query.toMillis { range["lt"] = to }
        if !range.isEmpty { filters.append(["range": ["executedAt": range]]) }
        for word in TradeWords.wanted(query.text) { filters.append(["match": ["words": word]]) }
        var body: [String: Any] = [
            "query": ["bool": ["filter": filters]], "size": query.limit + 1, "track_total_hits": false,
            "sort": [["executedAt": "desc"], ["tradeId": "desc"]],
        ]
        if let after = query.after { body["search_after"] = [after.executedAtMillis, after.tradeID.description] as [Any] }
        return data(body)
    }

    /// The trades of a search's answer, in order.
    static func hits(_ answer: Data) throws(StoreError) -> [Trade] {
        guard let object = UntrustedJSON.object(answer),
            let outer = object["hits"] as? [String: Any], let hits = outer["hits"] as? [[String: Any]]
        else { throw .unavailable("_search: the answer holds no hits") }
        var trades: [Trade] = []
        for hit in hits {
            guard let source = hit["_source"], let bytes = try? JSONSerialization.data(withJSONObject: source),
                let trade = try? Trade.decode([UInt8](bytes))
            else { throw .invalid("the document \(hit["_id"] ?? "without an id") is no trade") }
            trades.append(trade)
        }
        return trades
    }

    private static func data(_ object: [String: Any]) -> Data {
        (try? JSONSerialization.data(withJSONObject: object)) ?? Data("{}".utf8)
    }
}

/// A month of the calendar in UTC, as `2026-11` is written in index names: `2026.11`.
struct UTCMonth: Hashable, CustomStringConvertible {
    let year: Int64
    let month: Int64

    /// The month of this time: days since 1970 turned into a date of the proleptic Gregorian calendar, by eras of 400 years
    /// that begin in March, so that the leap day is the last of its year.
    init(millis: Int64) {
        let days = millis / 86_400_000 - (millis % 86_400_000 < 0 ? 1 : 0) + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let fromMarch = (5 * dayOfYear + 2) / 153
        month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    var description: String { "\(year).\(month < 10 ? "0" : "")\(month)" }
}
