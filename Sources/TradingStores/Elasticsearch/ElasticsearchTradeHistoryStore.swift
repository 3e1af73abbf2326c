import ConnectorElasticsearch
import Foundation
import StoreKit
import Trading
import UntrustedJSON

/// The trade history in Elasticsearch (or OpenSearch): an index a month of `executedAt`, behind one alias, made by an
/// index template. A trade's id is its document's, so that recording it again changes nothing.
public final class ElasticsearchTradeHistoryStore: TradeHistoryStore {
    /// The alias; indices are called `alias-YYYY.MM`.
    let alias: String
    let client: ElasticsearchClient

    init(_ url: StoreURL, environment: [String: String]) throws(StoreError) {
        client = try ElasticsearchClient(url, others: ["index"], environment: environment)
        alias = url["index"] ?? "trades"
        guard !alias.isEmpty, alias.utf8.allSatisfy({ $0 >= 97 && $0 <= 122 || $0 >= 48 && $0 <= 57 || $0 == 45 || $0 == 95 }),
            alias.first != "-", alias.first != "_"
        else { throw .invalid("'\(url.redacted)': index '\(alias)' is not of lower-case letters, digits, '-' and '_'") }
    }

    public func record(_ trades: [Trade]) async throws(StoreError) -> [RefusedTrade] {
        let documents = trades.map { trade in
            ElasticsearchDocument(
                index: "\(alias)-\(UTCMonth(millis: trade.executedAtMillis))", id: trade.tradeID.description,
                json: ElasticsearchTrade.document(trade))
        }
        let refused = try await client.store(documents)
        guard !refused.isEmpty else { return [] }
        let byID = Dictionary(trades.map { ($0.tradeID.description, $0) }, uniquingKeysWith: { first, _ in first })
        return refused.compactMap { refused in
            byID[refused.document.id].map { RefusedTrade(trade: $0, reason: refused.reason) }
        }
    }

    public func search(_ query: TradeQuery) async throws(StoreError) -> TradePage {
        try query.check()
        // The alias appears with the first trade: until then there is nothing to find.
        let (status, answer) = try await client.call(
            .post, "/\(alias)/_search", body: ElasticsearchTrade.search(query), accepting: [404])
        if status == 404 { return TradePage(trades: [], next: nil) }
        return TradePage(upTo: query.limit, of: try ElasticsearchTrade.hits(answer))
    }

    public func count() async throws(StoreError) -> Int {
        _ = try await client.call(.post, "/\(alias)/_refresh", accepting: [404])
        let (status, answer) = try await client.call(.get, "/\(alias)/_count", accepting: [404])
        if status == 404 { return 0 }
        guard let object = UntrustedJSON.object(answer), let count = object["count"] as? Int
        else { throw .unavailable("_count of \(alias) on \(client.name): the answer holds no count") }
        return count
    }

    public func close() async { await client.close() }

    // MARK: Provisioning

    /// Installs the index template, which makes every month's index with its mapping and alias.
    public func provision() async throws(StoreError) -> [String] {
        let path = "/_index_template/\(alias)"
        let (status, _) = try await client.call(.get, path, accepting: [404])
        _ = try await client.call(.put, path, body: ElasticsearchTrade.template(alias))
        return status == 404 ? ["index template \(alias)"] : []
    }
}
