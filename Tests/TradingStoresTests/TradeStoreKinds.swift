import Foundation
import StoreKit
import TestKit
import TestServers
import Testing
import Trading
import TradingStores

/// The implementations of `TradeHistoryStore` the suite runs against; the first one is the model.
enum TradeHistoryKind: String, CaseIterable, CustomTestStringConvertible {
    case memory, sqlite, elasticsearch, opensearch

    var testDescription: String { rawValue }

    /// Runs `body` with an empty store that is not provisioned yet.
    func withStore(_ body: (any TradeHistoryStore) async throws -> Void) async throws {
        switch self {
        case .memory: try await use("memory:", body)
        case .sqlite:
            let folder = TemporaryFolder()
            try await use("sqlite://\(folder.path)/trades/history.sqlite", body)
        case .elasticsearch: try await use("\(try TestServer.elasticsearch.url())?index=\(freshName())", body)
        case .opensearch: try await use("\(try TestServer.opensearch.url())?index=\(freshName())", body)
        }
    }

    private func use(_ url: String, _ body: (any TradeHistoryStore) async throws -> Void) async throws {
        let store = try TradeHistoryStores.open(url)
        do { try await body(store) } catch {
            await store.close()
            throw error
        }
        await store.close()
    }
}

/// The implementations of `TradeAnalyticsStore` the suite runs against.
enum TradeAnalyticsKind: String, CaseIterable, CustomTestStringConvertible {
    case memory, sqlite, clickhouse

    var testDescription: String { rawValue }

    /// Runs `body` with an empty store that is not provisioned yet.
    func withStore(_ body: (any TradeAnalyticsStore) async throws -> Void) async throws {
        switch self {
        case .memory: try await use("memory:", body)
        case .sqlite:
            let folder = TemporaryFolder()
            try await use("sqlite://\(folder.path)/analytics.sqlite", body)
        case .clickhouse: try await use("\(try TestServer.clickhouse.url())/\(freshName())", body)
        }
    }

    private func use(_ url: String, _ body: (any TradeAnalyticsStore) async throws -> Void) async throws {
        let store = try TradeAnalyticsStores.open(url)
        do { try await body(store) } catch {
            await store.close()
            throw error
        }
        await store.close()
    }
}

extension Fixture {
    static let may2026: Int64 = 1_777_600_000_000

    static func trade(
        _ user: UserID, _ key: String, symbol: String = "AAPL", _ side: Side = .buy, quantity: Int64 = 3,
        priceUnits: Int64 = 1_892_501, at millis: Int64 = may2026
    ) -> Trade {
        let order = OrderID(user: user, idempotencyKey: key)
        let price = Price(units: priceUnits)
        return Trade(
            tradeID: TradeID(of: order), orderID: order, userID: user, symbol: Symbol(symbol)!, side: side, quantity: quantity,
            price: price, notional: price.notional(quantity: quantity)!, executedAtMillis: millis)
    }
}
