import ConnectorLog
import Jobs
import Services
import StoreKit
import StreamRuntime
import Synchronization
import TestKit
import Testing
import TraceContext
import Trading
import TradingStores

/// Failure case 1 from end to end: service, log, execution job.
@Suite struct FailureCaseTests {
    /// Into a real log, and dies when the record is there.
    private final class DyingPublisher: OrderPublisher {
        private let inner: LogOrderPublisher
        private let deathsLeft: Mutex<Int>

        init(_ store: LogStore, deaths: Int) {
            inner = LogOrderPublisher(store)
            deathsLeft = Mutex(deaths)
        }

        func publish(_ order: Order, trace: TraceHeaders) async throws(StoreError) {
            try await inner.publish(order, trace: trace)
            let dies = deathsLeft.withLock { left in
                defer { left = max(0, left - 1) }
                return left > 0
            }
            if dies { throw .unavailable("died after publishing") }
        }

        func ping() async throws(StoreError) {}
        func close() async {}
    }

    @Test func anOrderPublishedTwiceIsExecutedOnce() async throws {
        let folder = TemporaryFolder()
        let log = try LogStore(path: "\(folder.path)/log")
        let (portfolios, prices) = (MemoryPortfolioStore(), MemoryPriceStore())
        let now = SystemClock().wallMillis()
        _ = try await portfolios.openAccount(ada, cash: try Money("10000.00"))
        _ = try await prices.update([PriceTick(symbol: apple, price: try Price("200.00"), seq: 1, timestampMillis: now)])
        let ledger = try RocksDBOrderLedger(path: "\(folder.path)/orders")
        let desk = OrderDesk(
            ledger: ledger, publisher: DyingPublisher(log, deaths: 2), portfolios: portfolios, prices: prices,
            policy: OrderDesk.Policy(symbols: [apple]))
        let key = RequestKey(ada, IdempotencyKey("k1")!)
        let body = Array(marketBuy.utf8)
        for _ in 0..<2 { await #expect(throws: Problem.self) { try await desk.place(body, key) } }
        let id = try await desk.place(body, key)
        _ = try await desk.place(Array(marketBuy.utf8), RequestKey(ada, IdempotencyKey("k2")!))

        let orders = try records(log, "trade_orders")
        #expect(orders.count == 4 && Set(orders.map(\.offset)).count == 4)
        // One user, one partition: what Kafka's murmur2 and the jobs' sinks choose.
        #expect(Set(orders.map(\.partition)).count == 1)
        try await execute(log, portfolios, prices, folder: folder.path, until: 2)

        let trades = try records(log, "trade_executed").map { try Trade.decode(try #require($0.value)) }
        #expect(trades.count { $0.orderID == id } == 1)
        #expect(trades.count == 2)
        #expect(try records(log, "trade_rejected").isEmpty)
        let portfolio = try #require(try await portfolios.portfolio(ada, consistent: true))
        #expect(portfolio.holdings[apple]?.quantity == 20)
        #expect(portfolio.cash == (try Money("6000.00")))
        #expect(try await desk.status(of: id, for: ada)?.status == .filled)
        await ledger.close()
        log.close()
    }

    private func execute(
        _ log: LogStore, _ portfolios: MemoryPortfolioStore, _ prices: MemoryPriceStore, folder: String, until count: Int
    ) async throws {
        var options = JobOptions()
        options.checkpointRoot = folder + "/checkpoints"
        options.workRoot = folder + "/work"
        options.checkpointIntervalMillis = 20
        let runner = try JobRunner(
            TradeExecutionJob(
                transport: .log(log), portfolios: portfolios, prices: prices, policy: ExecutionPolicy(symbols: [apple])),
            options: options, environment: JobEnvironment(metrics: MetricRegistry()))
        async let ended: Void = runner.run()
        try await eventually("\(count) executions are committed") { try records(log, "trade_executed").count >= count }
        // Drains: whatever the duplicates would still bring is there when it has ended.
        runner.stop()
        try await ended
    }

    private func records(_ log: LogStore, _ topic: String) throws -> [LogRecord] {
        guard let found = try log.topic(topic) else { return [] }
        return try (0..<found.partitions).flatMap { partition in
            let id = LogTopicPartition(topic: topic, partition: partition)
            return try log.reader(id, at: try log.offsets(id).lowerBound).read(limit: 1000)
        }
    }
}
