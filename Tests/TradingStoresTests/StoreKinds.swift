import Foundation
import StoreKit
import TestKit
import Testing
import Trading
import TradingStores

/// A server the tests need is not there. Never a skip: the message says what to do.
struct MissingServer: Error, CustomStringConvertible {
    let variable: String
    let detail: String

    var description: String {
        "\(variable) \(detail): run `make test`, or `scripts/servers up redis dynamodb` and "
            + "`set -a; eval \"$(scripts/servers env)\"; set +a` before `swift test`"
    }
}

/// A test server's address from the environment.
func serverAddress(_ variable: String) throws -> String {
    guard let value = ProcessInfo.processInfo.environment[variable], !value.isEmpty else {
        throw MissingServer(variable: variable, detail: "is not set")
    }
    return value
}

/// The implementations of `PortfolioStore` the suite runs against; the first one is the model.
enum PortfolioStoreKind: String, CaseIterable, CustomTestStringConvertible {
    case memory, rocksdb, dynamodb

    var testDescription: String { rawValue }

    /// Runs `body` with an empty store.
    func withStore(_ body: (any PortfolioStore) async throws -> Void) async throws {
        switch self {
        case .memory:
            try await use(PortfolioStores.open("memory:"), body)
        case .rocksdb:
            let folder = TemporaryFolder()
            try await use(PortfolioStores.open("rocksdb://\(folder.path)"), body)
        case .dynamodb:
            let store = try await PortfolioStoreKind.emptyDynamoDB()
            try await use(store, body)
        }
    }

    private func use(_ store: any PortfolioStore, _ body: (any PortfolioStore) async throws -> Void) async throws {
        do {
            try await body(store)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    /// A DynamoDB store with tables of its own.
    static func emptyDynamoDB() async throws -> DynamoDBPortfolioStore {
        let store = try PortfolioStores.open(try await emptyDynamoDBURL(), environment: [:])
        return try #require(store as? DynamoDBPortfolioStore)
    }

    /// Where all tables of the system are, made for one test.
    static func emptyDynamoDBURL() async throws -> String {
        let endpoint = try serverAddress("WEIR_TEST_DYNAMODB_ENDPOINT")
        let prefix = "t\(UUID().uuidString.prefix(8).lowercased())-"
        let url = "dynamodb://us-east-1?endpoint=\(endpoint)&table-prefix=\(prefix)"
        let dynamo = try #require(try PortfolioStores.open(url, environment: [:]) as? DynamoDBPortfolioStore)
        do {
            try await dynamo.provision()
        } catch StoreError.unavailable(let detail) {
            await dynamo.close()
            throw MissingServer(variable: "WEIR_TEST_DYNAMODB_ENDPOINT", detail: "names a server that is away (\(detail))")
        }
        await dynamo.close()
        return url
    }
}

/// The implementations of `PriceStore` the suite runs against.
enum PriceStoreKind: String, CaseIterable, CustomTestStringConvertible {
    case memory, redis

    var testDescription: String { rawValue }

    /// Runs `body` with a store. Tests use symbols of their own: a Redis is shared.
    func withStore(_ body: (any PriceStore) async throws -> Void) async throws {
        let store: any PriceStore
        switch self {
        case .memory: store = try PriceStores.open("memory:")
        case .redis: store = try await PriceStoreKind.redis()
        }
        do {
            try await body(store)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    static func redis() async throws -> any PriceStore {
        let store = try PriceStores.open(try serverAddress("WEIR_TEST_REDIS_URL"))
        do {
            _ = try await store.latest(Fixture.symbol())
        } catch StoreError.unavailable(let detail) {
            await store.close()
            throw MissingServer(variable: "WEIR_TEST_REDIS_URL", detail: "names a server that is away (\(detail))")
        }
        return store
    }
}

/// Values for one test, unlike those of any other.
enum Fixture {
    static func user() -> UserID {
        UserID("u-\(UUID().uuidString.prefix(13))")!
    }

    static func symbol() -> Symbol {
        Symbol("T\(UUID().uuidString.replacingOccurrences(of: "-", with: "").prefix(11))")!
    }

    static func order(_ user: UserID, _ key: String, _ side: Side = .buy, quantity: Int64 = 1, symbol: String = "AAPL") -> Order {
        Order(
            orderID: OrderID(user: user, idempotencyKey: key), userID: user, symbol: Symbol(symbol)!, side: side,
            kind: .market, quantity: quantity, placedAtMillis: 1_700_000_000_000)
    }

    static func position(_ offset: Int64) -> SourcePosition {
        SourcePosition(topic: "trade_orders", partition: 3, offset: offset)
    }

    static let farFuture: Int64 = 4_000_000_000_123

    /// The commit that fills `order` at `priceUnits` against `portfolio`.
    static func fill(
        _ order: Order, _ portfolio: Portfolio, priceUnits: Int64 = 10_000, offset: Int64 = 1
    ) throws -> ExecutionCommit {
        let (after, trade) = try portfolio.apply(order, at: Price(units: priceUnits), executedAtMillis: 1_700_000_000_001).get()
        return ExecutionCommit(
            expectedVersion: portfolio.version, newPortfolio: after,
            record: ExecutionRecord(outcome: .trade(trade), source: position(offset), expiresAtMillis: farFuture))
    }

    static func rejection(_ order: Order, _ reason: RejectionReason = .insufficientFunds) -> Rejection {
        Rejection(of: order, reason: reason, detail: "needs \"more\"", rejectedAtMillis: 1_700_000_000_002)
    }

    /// A rejection that was judged against the portfolio at `version` (nil: none).
    static func refuse(_ order: Order, at version: Int64?, offset: Int64 = 1) -> ExecutionCommit {
        ExecutionCommit(
            expectedVersion: version, newPortfolio: nil,
            record: ExecutionRecord(
                outcome: .rejection(rejection(order)), source: position(offset), expiresAtMillis: farFuture))
    }
}
