import ConnectorLog
import Foundation
import Jobs
import StoreKit
import StreamRuntime
import Synchronization
import TestKit
import Testing
import Trading
import TradingStores

/// A log in a folder of its own, stores in memory, and the job between them.
final class TradingBench: Sendable {
    let folder = TemporaryFolder()
    let log: LogStore
    let prices = MemoryPriceStore()
    let metrics = MetricRegistry()
    let apple = Symbol("AAPL")!

    init() throws { log = try LogStore(path: folder.path + "/log") }

    deinit { log.close() }

    func runner(_ portfolios: any PortfolioStore, priceWaitMillis: Int64 = 50) throws -> JobRunner {
        var policy = ExecutionPolicy(symbols: [apple])
        policy.priceWaitMillis = priceWaitMillis
        return try runner(TradeExecutionJob(transport: .log(log), portfolios: portfolios, prices: prices, policy: policy))
    }

    func runner(_ job: some StreamJob) throws -> JobRunner {
        var options = JobOptions()
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        options.checkpointIntervalMillis = 20
        options.restart = .exponential(initialMillis: 1, maxMillis: 5)
        return try JobRunner(job, options: options, environment: JobEnvironment(metrics: metrics))
    }

    /// Runs until so many outcomes and dead letters are committed, then stops with a final epoch.
    func run(_ portfolios: any PortfolioStore, until count: Int, priceWaitMillis: Int64 = 50) async throws {
        let runner = try runner(portfolios, priceWaitMillis: priceWaitMillis)
        async let ended: Void = runner.run()
        try await eventually("\(count) outcomes and dead letters are committed") {
            try outcomes().count + values("trade_orders.dlq").count >= count
        }
        runner.stop()
        try await ended
    }

    func order(
        _ key: String, _ user: String = "ada", _ side: Side = .buy, quantity: Int64 = 1, kind: OrderKind = .market,
        symbol: String = "AAPL"
    ) -> Order {
        let user = UserID(user)!
        return Order(
            orderID: OrderID(user: user, idempotencyKey: key), userID: user, symbol: Symbol(symbol)!, side: side, kind: kind,
            quantity: quantity, placedAtMillis: 1)
    }

    func place(_ orders: [Order]) throws {
        _ = try log.append(
            orders.map { LogRecord(topic: "trade_orders", key: Array($0.userID.text.utf8), value: $0.encoded()) })
    }

    func price(_ text: String, ageMillis: Int64 = 0) async throws {
        let now = SystemClock().wallMillis()
        _ = try await prices.update(
            [PriceTick(symbol: apple, price: try Price(text), seq: now, timestampMillis: now - ageMillis)])
    }

    func values(_ topic: String) throws -> [LogRecord] {
        guard let found = try log.topic(topic) else { return [] }
        return try (0..<found.partitions).flatMap { partition in
            let id = LogTopicPartition(topic: topic, partition: partition)
            return try log.reader(id, at: try log.offsets(id).lowerBound).read(limit: 100_000)
        }
    }

    func outcomes() throws -> [Outcome] {
        try values("trade_executed").map { .trade(try Trade.decode($0.value ?? [])) }
            + values("trade_rejected").map { .rejection(try Rejection.decode($0.value ?? [])) }
    }

    func reasons() throws -> [RejectionReason] {
        try outcomes().compactMap { if case .rejection(let rejection) = $0 { rejection.reason } else { nil } }
    }
}

@Suite struct TradeExecutionTests {
    private let cash = Money(units: 1_000_0000)

    private func store(_ users: String...) async throws -> MemoryPortfolioStore {
        let store = MemoryPortfolioStore()
        for user in users { _ = try await store.openAccount(UserID(user)!, cash: cash) }
        return store
    }

    @Test func ordersBecomeTradesAndChangeThePortfolio() async throws {
        let bench = try TradingBench()
        let store = try await store("ada")
        try await bench.price("10.00")
        try bench.place([bench.order("1", quantity: 30), bench.order("2", "ada", .sell, quantity: 10)])
        try await bench.run(store, until: 2)
        let portfolio = try #require(try await store.portfolio(UserID("ada")!, consistent: true))
        #expect(portfolio.cash == Money(units: 800_0000))
        #expect(portfolio.holdings[bench.apple]?.quantity == 20)
        #expect(try bench.values("trade_executed").count == 2)
    }

    @Test func everyRefusalHasItsReason() async throws {
        let bench = try TradingBench()
        let store = try await store("ada")
        try await bench.price("10.00")
        try bench.place([
            bench.order("funds", quantity: 1000),
            bench.order("holdings", "ada", .sell, quantity: 1),
            bench.order("symbol", symbol: "NOSUCH"),
            bench.order("limit", kind: .limit(Price(units: 9_0000))),
            bench.order("user", "nobody"),
            bench.order("zero", quantity: 0),
        ])
        try await bench.run(store, until: 6)
        #expect(
            Set(try bench.reasons())
                == [.insufficientFunds, .insufficientHoldings, .unknownSymbol, .limitNotMet, .unknownUser, .invalidOrder])
    }

    @Test func aPriceThatIsTooOldOrNeverComesIsStale() async throws {
        let bench = try TradingBench()
        let store = try await store("ada")
        try bench.place([bench.order("none")])
        try await bench.run(store, until: 1)
        try await bench.price("10.00", ageMillis: 3_600_000)
        try bench.place([bench.order("old")])
        try await bench.run(store, until: 2)
        #expect(try bench.reasons() == [.stalePrice, .stalePrice])
    }

    @Test func anOrderRecordedTwiceIsExecutedOnce() async throws {
        let bench = try TradingBench()
        let store = try await store("ada")
        try await bench.price("10.00")
        let order = bench.order("same", quantity: 5)
        try bench.place([order, order, bench.order("next", quantity: 1), order])
        try await bench.run(store, until: 2)
        #expect(try bench.outcomes().count == 2)
        let portfolio = try await store.portfolio(UserID("ada")!, consistent: true)
        #expect(portfolio?.holdings[bench.apple]?.quantity == 6)
    }

    @Test func bytesThatAreNoOrderGoToTheDeadLetterTopicAndTheRestFlows() async throws {
        let bench = try TradingBench()
        let store = try await store("ada")
        try await bench.price("10.00")
        _ = try await bench.log.append([LogRecord(topic: "trade_orders", key: "ada", text: "{\"orderId\":")])
        try bench.place([bench.order("fine")])
        try await bench.run(store, until: 2)
        let letter = try #require(try bench.values("trade_orders.dlq").first)
        #expect(letter.value == Array("{\"orderId\":".utf8))
        #expect(Set(letter.headers.map(\.name)) == ["error", "source-topic", "source-partition", "source-offset", "consumer"])
        #expect(letter.headers.first { $0.name == "consumer" }?.value == Array("trade-execution".utf8))
        let labels: MetricRegistry.Labels = ["topic": "trade_orders.dlq", "reason": "undecodable"]
        #expect(bench.metrics.value("weir_dead_letters_total", labels: labels) == 1)
        #expect(try bench.values("trade_executed").count == 1)
    }

    /// Failure case 2: the store took the commit, the process died before its own.
    @Test func anOutcomeDecidedBeforeACrashIsEchoedNotDecidedAgain() async throws {
        let bench = try TradingBench()
        let inner = try await store("ada")
        let store = LosingReplies(inner, lose: [1, 3])
        try await bench.price("10.00")
        try bench.place((0..<5).map { bench.order("\($0)", quantity: 1) })
        try await bench.run(store, until: 5)
        #expect(try bench.values("trade_executed").count == 5)
        #expect(try await inner.portfolio(UserID("ada")!, consistent: true)?.holdings[bench.apple]?.quantity == 5)
        #expect(bench.metrics.value("weir_replayed_orders_total") == 2)
    }

    @Test func aStoreThatIsDownPausesTheJobAndLosesNothing() async throws {
        let bench = try TradingBench()
        let inner = try await store("ada")
        let store = LosingReplies(inner, lose: [])
        store.isDown.store(true, ordering: .relaxed)
        try await bench.price("10.00")
        try bench.place([bench.order("patient")])
        let runner = try bench.runner(store)
        async let ended: Void = runner.run()
        try await eventually("the job is paused") { if case .paused = runner.status { true } else { false } }
        #expect(runner.status == .paused(["execute: the portfolio store is unavailable"]))
        store.isDown.store(false, ordering: .relaxed)
        try await eventually("the order has its outcome") { try !bench.outcomes().isEmpty }
        runner.stop()
        try await ended
        #expect(try bench.values("trade_executed").count == 1)
        #expect(bench.metrics.value("weir_job_restarts_total") ?? 0 == 0)
    }
}

/// A store whose answers get lost after the effect, or that does not answer at all.
final class LosingReplies: PortfolioStore {
    private let store: any PortfolioStore
    private let lose: Set<Int>
    private let commits = Atomic<Int>(0)
    let isDown = Atomic<Bool>(false)

    init(_ store: any PortfolioStore, lose: Set<Int>) {
        self.store = store
        self.lose = lose
    }

    private func check() throws(StoreError) {
        if isDown.load(ordering: .relaxed) { throw .unavailable("switched off by the test") }
    }

    func portfolio(_ user: UserID, consistent: Bool) async throws(StoreError) -> Portfolio? {
        try check()
        return try await store.portfolio(user, consistent: consistent)
    }
    func openAccount(_ user: UserID, cash: Money, nowMillis: Int64) async throws(StoreError) -> Bool {
        try await store.openAccount(user, cash: cash, nowMillis: nowMillis)
    }
    func execution(of order: OrderID, nowMillis: Int64) async throws(StoreError) -> ExecutionRecord? {
        try await store.execution(of: order, nowMillis: nowMillis)
    }
    func commit(_ commit: ExecutionCommit) async throws(StoreError) -> CommitResult {
        try check()
        let result = try await store.commit(commit)
        if lose.contains(commits.add(1, ordering: .relaxed).newValue) { throw .timeout("the answer was lost") }
        return result
    }
    func record(_ rejection: IndependentRejection) async throws(StoreError) -> CommitResult {
        try check()
        return try await store.record(rejection)
    }
    func allPortfolios() async throws(StoreError) -> [UserID: Portfolio] { try await store.allPortfolios() }
    func close() async { await store.close() }
}
