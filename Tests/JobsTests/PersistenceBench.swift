import ConnectorLog
import Jobs
import StoreKit
import StreamRuntime
import TestKit
import Trading
import TradingStores

/// A log in a folder of its own, and the jobs that keep its trades.
final class PersistenceBench: Sendable {
    let folder = TemporaryFolder()
    let log: LogStore
    let metrics = MetricRegistry()

    init() throws { log = try LogStore(path: folder.path + "/log") }

    deinit { log.close() }

    static let opening: Int64 = 1_777_600_800_000

    func trade(_ number: Int, symbol: String = "AAPL", price: Int64 = 1_000_000, at millis: Int64? = nil) -> Trade {
        let user = UserID("user-\(number % 7)")!
        let order = OrderID(user: user, idempotencyKey: "\(number)")
        let quantity = Int64(number % 5 + 1)
        return Trade(
            tradeID: TradeID(of: order), orderID: order, userID: user, symbol: Symbol(symbol)!,
            side: number % 2 == 0 ? .buy : .sell,
            quantity: quantity, price: Price(units: price), notional: Price(units: price).notional(quantity: quantity)!,
            executedAtMillis: millis ?? Self.opening + Int64(number) * 40)
    }

    func append(_ trades: [Trade]) throws {
        _ = try log.append(
            trades.map { LogRecord(topic: "trade_executed", key: Array($0.userID.text.utf8), value: $0.encoded()) })
    }

    /// How often a reason was counted.
    func counted(_ reason: String) -> Int? {
        metrics.value("weir_dead_letters_total", labels: ["topic": "trade_executed.dlq", "reason": reason]).map { Int($0) }
    }

    func deadLetters() throws -> [LogRecord] {
        guard let found = try log.topic("trade_executed.dlq") else { return [] }
        return try (0..<found.partitions).flatMap { partition in
            let id = LogTopicPartition(topic: "trade_executed.dlq", partition: partition)
            return try log.reader(id, at: try log.offsets(id).lowerBound).read(limit: 100_000)
        }
    }

    func runner(
        _ job: some StreamJob, restart: RestartStrategy = .exponential(initialMillis: 1, maxMillis: 5)
    ) throws -> JobRunner {
        var options = JobOptions()
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        options.checkpointIntervalMillis = 20
        options.restart = restart
        return try JobRunner(job, options: options, environment: JobEnvironment(metrics: metrics))
    }

    func history(_ store: any TradeHistoryStore) throws -> JobRunner {
        try runner(
            TradeHistoryJob(
                transport: .log(log), history: store, bulks: BatchLimits(countMax: 50, ageMax: .milliseconds(10))))
    }

    func analytics(_ store: any TradeAnalyticsStore, idleAfter: Duration = .seconds(30)) throws -> JobRunner {
        var settings = TradeAnalyticsJob.Settings()
        settings.idleAfter = idleAfter
        settings.cuts = BatchLimits(countMax: 40, bytesMax: 1 << 20, ageMax: .milliseconds(30))
        settings.bars = BatchLimits(countMax: 100, ageMax: .milliseconds(10))
        return try runner(TradeAnalyticsJob(transport: .log(log), analytics: store, settings: settings))
    }

    /// Runs until so many records are read, then stops with a drain and a final epoch: what a graceful stop leaves behind.
    func runToTheEnd(_ runner: JobRunner, of count: Int) async throws {
        async let ended: Void = runner.run()
        try await eventually("everything is read") {
            Int(metrics.sum("weir_operator_records_in_total", where: ["operator": "decoded"])) >= count
        }
        runner.stop()
        try await ended
    }
}

/// What a store that has all these trades must say of them.
func totals(_ trades: [Trade]) -> TradeTotals {
    TradeTotals(
        trades: Int64(trades.count), shares: trades.reduce(0) { $0 + $1.quantity },
        notional: Money(units: trades.reduce(0) { $0 + $1.notional.units }))
}
