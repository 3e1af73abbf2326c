import ConnectorLog
import Jobs
import StoreKit
import StreamRuntime
import Synchronization
import Testing
import Trading
import TradingStores

/// Orders whose portfolio somebody else moves between the reading and the commit.
@Suite struct ConflictTests {
    private let ada = UserID("ada")!
    private let attempts = ExecutionPolicy(symbols: []).conflictAttemptsMax

    private func store(moving moves: Int) async throws -> MovingPortfolios {
        let store = MovingPortfolios(moves: moves)
        _ = try await store.openAccount(ada, cash: try Money("1000.00"), nowMillis: 0)
        return store
    }

    @Test func anOrderGetsThroughAtTheLastAttempt() async throws {
        let bench = try TradingBench()
        let store = try await store(moving: attempts - 1)
        try await bench.price("10.00")
        try bench.place([bench.order("mine", quantity: 3)])
        try await bench.run(store, until: 1)
        #expect(try bench.values("trade_executed").count == 1 && bench.values("trade_rejected").isEmpty)
        let portfolio = try #require(try await store.portfolio(ada, consistent: true))
        #expect(portfolio.holdings[bench.apple]?.quantity == Int64(attempts - 1 + 3))
        #expect(portfolio.version == Int64(1 + attempts))
    }

    /// The refusal is an outcome like any other: it is in the ledger, on the topic, and a second record of the order changes
    /// nothing.
    @Test func anOrderWhosePortfolioKeepsMovingIsAConflictForGood() async throws {
        let bench = try TradingBench()
        let store = try await store(moving: attempts)
        try await bench.price("10.00")
        let order = bench.order("mine", quantity: 3)
        try bench.place([order, order, bench.order("next", quantity: 1)])
        try await bench.run(store, until: 2)
        #expect(try bench.reasons() == [.conflict])
        let refused = try #require(try bench.values("trade_rejected").first)
        let rejection = try Rejection.decode(refused.value ?? [])
        #expect(rejection.orderID == order.orderID && rejection.detail == "the portfolio moved \(attempts) times in a row")
        #expect(String(decoding: refused.value ?? [], as: UTF8.self).contains(#""reason":"CONFLICT""#))
        #expect(refused.key == Array("ada".utf8))

        let record = try #require(try await store.execution(of: order.orderID, nowMillis: SystemClock().wallMillis()))
        #expect(record.outcome == .rejection(rejection) && record.source.offset == 0)
        let portfolio = try #require(try await store.portfolio(ada, consistent: true))
        #expect(portfolio.holdings[bench.apple]?.quantity == Int64(attempts + 1), "those bought elsewhere, and the next one")
        #expect(bench.metrics.value("weir_rejections_total", labels: ["reason": "CONFLICT"]) == 1)
        #expect(bench.metrics.value("weir_duplicate_orders_total") == 1)
    }

    /// The next attempt could execute the order, as nothing moves any more, and finds what was decided.
    @Test func aConflictWhoseAnswerWasLostIsEchoed() async throws {
        let bench = try TradingBench()
        let store = try await store(moving: attempts)
        store.losesNextRecord.store(true, ordering: .relaxed)
        try await bench.price("10.00")
        try bench.place([bench.order("mine", quantity: 3)])
        try await bench.run(store, until: 1)
        #expect(try bench.reasons() == [.conflict])
        #expect(bench.metrics.value("weir_replayed_orders_total") == 1)
        #expect(try bench.values("trade_executed").isEmpty)
    }
}

/// A store where another writer buys a share just before each of the first `moves` commits.
private final class MovingPortfolios: PortfolioStore {
    private let inner = MemoryPortfolioStore()
    private let left: Atomic<Int>
    /// The answer to the next rejection is lost after its effect.
    let losesNextRecord = Atomic<Bool>(false)

    init(moves: Int) { left = Atomic(moves) }

    private func move(_ user: UserID, _ number: Int) async throws(StoreError) {
        let order = Order(
            orderID: OrderID(user: user, idempotencyKey: "elsewhere-\(number)"), userID: user, symbol: Symbol("AAPL")!,
            side: .buy, kind: .market, quantity: 1, placedAtMillis: 1)
        guard let portfolio = try await inner.portfolio(user, consistent: true),
            case .success(let (after, trade)) = portfolio.apply(order, at: Price(units: 100_000), executedAtMillis: 1)
        else { throw .invalid("the other writer has no money left") }
        let source = SourcePosition(topic: "elsewhere", partition: 0, offset: Int64(number))
        let record = ExecutionRecord(outcome: .trade(trade), source: source, expiresAtMillis: .max)
        _ = try await inner.commit(ExecutionCommit(expectedVersion: portfolio.version, newPortfolio: after, record: record))
    }

    func commit(_ commit: ExecutionCommit) async throws(StoreError) -> CommitResult {
        let number = left.load(ordering: .relaxed)
        if number > 0 {
            left.store(number - 1, ordering: .relaxed)
            try await move(commit.user, number)
        }
        return try await inner.commit(commit)
    }

    func record(_ rejection: IndependentRejection) async throws(StoreError) -> CommitResult {
        let result = try await inner.record(rejection)
        if losesNextRecord.exchange(false, ordering: .relaxed) { throw .timeout("the answer was lost") }
        return result
    }

    func portfolio(_ user: UserID, consistent: Bool) async throws(StoreError) -> Portfolio? {
        try await inner.portfolio(user, consistent: consistent)
    }
    func openAccount(_ user: UserID, cash: Money, nowMillis: Int64) async throws(StoreError) -> Bool {
        try await inner.openAccount(user, cash: cash, nowMillis: nowMillis)
    }
    func execution(of order: OrderID, nowMillis: Int64) async throws(StoreError) -> ExecutionRecord? {
        try await inner.execution(of: order, nowMillis: nowMillis)
    }
    func allPortfolios() async throws(StoreError) -> [UserID: Portfolio] { try await inner.allPortfolios() }
    func close() async {}
}
