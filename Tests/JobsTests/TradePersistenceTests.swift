import ConnectorLog
import Foundation
import Jobs
import StoreKit
import StreamRuntime
import Synchronization
import TestServers
import TestKit
import Testing
import Trading
import TradingDrills
import TradingStores

/// A log in a folder of its own, and the jobs that keep its trades.
private final class PersistenceBench: Sendable {
    let folder = NSTemporaryDirectory() + "weir-persistence-" + UUID().uuidString
    let log: LogStore
    let metrics = MetricRegistry()

    init() throws { log = try LogStore(path: folder + "/log") }

    deinit {
        log.close()
        try? FileManager.default.removeItem(atPath: folder)
    }

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
        options.checkpointRoot = folder + "/checkpoints"
        options.workRoot = folder + "/work"
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

private func totals(_ trades: [Trade]) -> TradeTotals {
    TradeTotals(
        trades: Int64(trades.count), shares: trades.reduce(0) { $0 + $1.quantity },
        notional: Money(units: trades.reduce(0) { $0 + $1.notional.units }))
}

@Suite struct TradePersistenceTests {
    @Test func aGracefulStopLeavesTheHistoryComplete() async throws {
        let bench = try PersistenceBench()
        let store = try TradeHistoryStores.open("sqlite://\(bench.folder)/history.sqlite")
        let trades = (0..<1000).map { bench.trade($0) }
        try bench.append(trades)
        try await bench.runToTheEnd(bench.history(store), of: 1000)
        #expect(try await store.count() == 1000)
        let expected = trades.filter { $0.userID.text == "user-3" }.suffix(200).reversed()
        #expect(try await store.search(TradeQuery(user: UserID("user-3")!, limit: 200)).trades == Array(expected))
        await store.close()
    }

    @Test(arguments: [TradeHistoryJob.name, TradeAnalyticsJob.name])
    func afterAGracefulStopTheCheckpointSaysThatEveryTradeIsWritten(_ name: String) async throws {
        let bench = try PersistenceBench()
        let history = try TradeHistoryStores.open("sqlite://\(bench.folder)/history.sqlite")
        let analytics = try TradeAnalyticsStores.open("sqlite://\(bench.folder)/analytics.sqlite")
        try bench.append((0..<300).map { bench.trade($0) })
        let runner = name == TradeHistoryJob.name ? try bench.history(history) : try bench.analytics(analytics)
        try await bench.runToTheEnd(runner, of: 300)
        let progress = try #require(CopyProgress.newest(checkpointRoot: bench.folder + "/checkpoints", job: runner.job))
        let topic = try #require(try bench.log.topic("trade_executed"))
        for partition in 0..<topic.partitions {
            let end = try bench.log.offsets(LogTopicPartition(topic: "trade_executed", partition: partition)).upperBound
            #expect(end == 0 || progress.hasRead(partition: partition, offset: end - 1))
            #expect(!progress.hasRead(partition: partition, offset: end))
        }
        await history.close()
        await analytics.close()
    }

    @Test func aGracefulStopLeavesAnalyticsCompleteBarsIncluded() async throws {
        let bench = try PersistenceBench()
        let store = try TradeAnalyticsStores.open("sqlite://\(bench.folder)/analytics.sqlite")
        let trades = (0..<3000).map { bench.trade($0, symbol: $0 % 3 == 0 ? "AAPL" : "MSFT", price: 1_000_000 + Int64($0)) }
        try bench.append(trades)
        try await bench.runToTheEnd(bench.analytics(store), of: 3000)
        #expect(try await store.totals() == totals(trades))
        #expect(try await MinuteBars.differences(store, from: trades) == [])
        await store.close()
    }

    /// A late trade corrects the bar of a minute that is long over.
    @Test func aLateTradeEmitsItsBarAgain() async throws {
        let bench = try PersistenceBench()
        let store = MemoryTradeAnalyticsStore()
        // One user, one partition: the order is that of the log.
        try bench.append([bench.trade(0), bench.trade(7, at: PersistenceBench.opening + 600_000)])
        try bench.append([bench.trade(14, price: 900_000, at: PersistenceBench.opening + 30_000)])
        try await bench.runToTheEnd(bench.analytics(store), of: 3)
        let bars = try await store.volume(
            VolumeQuery(symbol: Symbol("AAPL")!, fromMillis: 0, toMillis: PersistenceBench.opening + 60_000))
        #expect(bars.map(\.trades) == [2])
        #expect(bars.first?.close == Price(units: 900_000))
    }

    @Test func bytesThatAreNoTradeGoToTheDeadLettersAndTheRestFlows() async throws {
        let bench = try PersistenceBench()
        let store = MemoryTradeHistoryStore()
        _ = try await bench.log.append([LogRecord(topic: "trade_executed", key: "ann", text: "{\"tradeId\":")])
        try bench.append([bench.trade(1)])
        try await bench.runToTheEnd(bench.history(store), of: 2)
        let letter = try #require(try bench.deadLetters().first)
        #expect(letter.value == Array("{\"tradeId\":".utf8) && letter.key == Array("ann".utf8))
        #expect(Set(letter.headers.map(\.name)) == ["error", "source-topic", "source-partition", "source-offset", "consumer"])
        #expect(letter.headers.first { $0.name == "consumer" }?.value == Array("trade-history".utf8))
        #expect(try await store.count() == 1)
        #expect([bench.counted("undecodable"), bench.counted("senseless"), bench.counted("refused")] == [1, 0, 0])
    }

    /// A store of analytics would refuse the whole cut for it, again and again. The history has no such bounds.
    @Test func aTradeOfAnImpossibleTimeGoesToTheDeadLettersOfAnalyticsAndTheRestFlows() async throws {
        let bench = try PersistenceBench()
        let times = TradeBatch.executedAtMillis
        let impossible = [
            bench.trade(1, at: times.lowerBound - 1), bench.trade(2, at: times.upperBound + 1), bench.trade(3, at: .max),
        ]
        let possible = [bench.trade(4, at: times.lowerBound), bench.trade(5), bench.trade(6, at: times.upperBound)]
        try bench.append(impossible + possible)
        let store = MemoryTradeAnalyticsStore()
        try await bench.runToTheEnd(bench.analytics(store), of: 6)
        #expect(try await store.totals() == totals(possible))
        let letters = try bench.deadLetters()
        #expect(try Set(letters.map { try Trade.decode($0.value ?? []) }) == Set(impossible))
        #expect(bench.counted("senseless") == 3 && bench.counted("undecodable") == 0)
        let reason = letters.first?.headers.first { $0.name == "error" }.map { String(decoding: $0.value, as: UTF8.self) }
        #expect(reason?.contains("executedAt") == true)

        let history = MemoryTradeHistoryStore()
        let other = try PersistenceBench()
        try other.append(impossible + possible)
        try await other.runToTheEnd(other.history(history), of: 6)
        #expect(try await history.count() == 6)
    }

    /// One trade of tomorrow, by a broken clock, must not make those of now late for their bars.
    @Test func aTradeFromTheFutureMakesNoOtherLate() async throws {
        let bench = try PersistenceBench()
        let store = MemoryTradeAnalyticsStore()
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        // With partitions that bring nothing all would be idle at once, and event time would stay where it was.
        _ = try bench.log.createTopic("trade_executed", partitions: 1)
        try bench.append([bench.trade(0, at: now + 86_400_000)])
        let runner = try bench.analytics(store, idleAfter: .milliseconds(20))
        async let ended: Void = runner.run()
        try await eventually("event time has come far enough") {
            bench.metrics.sum("weir_watermark_timestamp_seconds", where: ["operator": "event-time"]) > 0
        }
        try bench.append([bench.trade(7, at: now)])
        try await eventually("both are recorded") { try await store.totals().trades == 2 }
        runner.stop()
        try await ended
        let bars = try await store.volume(VolumeQuery(symbol: Symbol("AAPL")!, fromMillis: 0, toMillis: .max))
        #expect(bars.map(\.startMillis) == [now, now + 86_400_000].map { $0 / 60_000 * 60_000 })
    }

    @Test func whatTheStoreWillNeverTakeGoesToTheDeadLettersOnce() async throws {
        let bench = try PersistenceBench()
        let store = MoodyHistory(refusing: Symbol("BAD")!)
        try bench.append((0..<200).map { bench.trade($0, symbol: $0 % 50 == 0 ? "BAD" : "AAPL") })
        try await bench.runToTheEnd(bench.history(store), of: 200)
        let letters = try bench.deadLetters()
        #expect(try letters.map { try Trade.decode($0.value ?? []).symbol.text } == Array(repeating: "BAD", count: 4))
        let reason = letters.first?.headers.first { $0.name == "error" }.map { String(decoding: $0.value, as: UTF8.self) }
        #expect(reason == "the trade history refuses it: not here")
        #expect(try await store.count() == 196)
        #expect(bench.counted("refused") == 4)
    }

    /// Bytes of another writer, refused after a crash that came with the bulk on its way: key, value and trace are as they were.
    @Test func whatTheStoreWillNeverTakeIsPutAsideAsItWasRead() async throws {
        let bench = try PersistenceBench()
        let store = MoodyHistory(refusing: Symbol("BAD")!)
        store.isSilent.store(true, ordering: .relaxed)
        let written = [UInt8](" ".utf8) + bench.trade(0, symbol: "BAD").encoded() + [UInt8]("\n".utf8)
        let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        var record = LogRecord(topic: "trade_executed", key: Array("another key".utf8), value: written)
        record.headers = [.init("traceparent", Array(traceparent.utf8))]
        _ = try await bench.log.append([record])
        let runner = try bench.history(store)
        async let ended: Void = runner.run()
        try await eventually("the bulk is on its way") { store.isAsked.load(ordering: .relaxed) }
        // The second one from here began with it.
        let checkpoints = bench.metrics.value("weir_checkpoints_completed_total") ?? 0
        try await eventually("checkpoints go on") {
            (bench.metrics.value("weir_checkpoints_completed_total") ?? 0) >= checkpoints + 2
        }
        store.crashesOnce.store(true, ordering: .relaxed)
        store.isSilent.store(false, ordering: .relaxed)
        try await eventually("the refused trade is put aside") { try bench.deadLetters().count == 1 }
        runner.stop()
        try await ended
        #expect(bench.metrics.value("weir_job_restarts_total") == 1)
        let letter = try #require(try bench.deadLetters().first)
        #expect(letter.value == written && letter.key == Array("another key".utf8))
        #expect(letter.headers.first { $0.name == "traceparent" }?.value == Array(traceparent.utf8))
        #expect(letter.headers.first { $0.name == "source-offset" }?.value == Array("0".utf8))
    }

    /// Failure case 3, with the store away while trades come and while a checkpoint is due.
    @Test func aHistoryThatIsDownPausesTheJobAndLosesNothing() async throws {
        let bench = try PersistenceBench()
        let store = MoodyHistory()
        store.isDown.store(true, ordering: .relaxed)
        try bench.append((0..<100).map { bench.trade($0) })
        let runner = try bench.history(store)
        async let ended: Void = runner.run()
        try await eventually("the job is paused") { if case .paused = runner.status { true } else { false } }
        guard case .paused(let reasons) = runner.status else { Issue.record("not paused: \(runner.status)"); return }
        #expect(reasons == ["record: the trade history is unavailable"])
        try bench.append((100..<200).map { bench.trade($0) })
        store.isDown.store(false, ordering: .relaxed)
        try await eventually("everything is recorded") { try await store.count() == 200 }
        runner.stop()
        try await ended
        #expect(bench.metrics.value("weir_job_restarts_total") ?? 0 == 0)
    }

    /// An answer that is lost after the effect, a crash, another start: the same cuts, each trade once.
    @Test func crashesAndLostAnswersDoubleNothing() async throws {
        let bench = try PersistenceBench()
        let store = MoodyAnalytics(failing: [2, 5, 9])
        let trades = (0..<2000).map { bench.trade($0) }
        for part in 0..<4 {
            try bench.append(Array(trades[part * 500..<(part + 1) * 500]))
            // Attempts crash, and count what they read anew: the store says when all is there.
            let runner = try bench.analytics(store)
            async let ended: Void = runner.run()
            try await eventually("part \(part) is recorded") { try await store.totals().trades == Int64((part + 1) * 500) }
            runner.stop()
            try await ended
        }
        #expect(try await store.totals() == totals(trades))
        #expect(bench.metrics.value("weir_job_restarts_total") ?? 0 == 3, "each one a crash of the attempt")
        #expect(store.cutsWithOtherTrades.isEmpty, "a replayed cut has the same trades")
        #expect(store.repeatedCuts > 0)
    }
}

/// Bars are counted in the job's state and written anew with every trade: what a crash leaves of both must fit together.
@Suite struct BarsUnderCrashesTests {
    /// Crashes with a bulk of bars written and the answer lost, and with it not written; out of order as trades of several
    /// partitions are.
    @Test func barsAreThoseOfTheTradesWhateverCrashes() async throws {
        let bench = try PersistenceBench()
        let store = MoodyAnalytics(failing: [4, 11], failingBars: [1, 4, 8, 13])
        // 7 919 is prime to 2 000: each time once, all over the two minutes.
        let trades = (0..<2000).map { number in
            let mixed = Int64(number * 7_919 % 2_000)
            return bench.trade(
                number, symbol: ["AAPL", "MSFT", "NVDA"][number % 3], price: 1_000_000 + mixed * 37 % 1_009,
                at: PersistenceBench.opening + mixed * 60)
        }
        for part in 0..<4 {
            try bench.append(Array(trades[part * 500..<(part + 1) * 500]))
            let runner = try bench.analytics(store)
            async let ended: Void = runner.run()
            let count = Int64((part + 1) * 500)
            try await eventually("part \(part) is recorded") {
                let counted = try await store.top(.volume, limit: 10).reduce(0) { $0 + $1.trades }
                let stored = try await store.totals().trades
                return counted == count && stored == count
            }
            runner.stop()
            try await ended
            #expect(try await MinuteBars.differences(store, from: Array(trades[..<Int(count)])) == [])
        }
        #expect(store.crashesOfBars == 4 && bench.metrics.value("weir_job_restarts_total") ?? 0 > 0)
    }
}

@Suite struct ExecutionTimeTests {
    @Test func itFollowsTheLatestTradeButBelievesNoneFromTheFuture() {
        let now: Int64 = 1_777_600_800_000
        var time = ExecutionTime<Int>(outOfOrder: .seconds(5), nowMillis: { now })
        #expect(time.watermark == .min)
        time.observe(0, at: .min)
        #expect(time.watermark == .min, "what is no trade has no time")
        time.observe(0, at: now - 1_000)
        time.observe(0, at: now - 9_000)
        #expect(time.watermark == now - 6_001)
        let ahead = ExecutionTime<Int>.aheadMillisMax
        time.observe(0, at: now + ahead)
        #expect(time.watermark == now + ahead - 5_001)
        time.observe(0, at: now + 86_400_000)
        time.observe(0, at: .max)
        #expect(time.watermark == now + ahead - 5_001)
    }
}

/// The jobs over the real stores, each behind a proxy that takes it away for a while.
@Suite struct TradePersistenceOutageTests {
    @Test(arguments: [TestServer.elasticsearch, .opensearch])
    func theHistoryIsWholeAfterAnOutage(_ server: TestServer) async throws {
        let bench = try PersistenceBench()
        let proxy = try await FaultProxy(to: try server.port())
        let index = freshName()
        let store = GuardedTradeHistoryStore(
            try TradeHistoryStores.open("elasticsearch://127.0.0.1:\(proxy.port)?index=\(index)&timeout-ms=500"), name: "history")
        let trades = (0..<400).map { bench.trade($0) }
        try bench.append(Array(trades[..<200]))
        let runner = try bench.history(store)
        async let ended: Void = runner.run()
        try await takeAway(proxy, runner, bench) { try bench.append(Array(trades[200...])) }
        try await eventually("everything is stored") { (try? await store.count()) == 400 }
        runner.stop()
        try await ended
        var query = TradeQuery(user: UserID("user-2")!, limit: 200)
        query.side = .buy
        #expect(
            try await store.search(query).trades
                == trades.filter { $0.userID.text == "user-2" && $0.side == .buy }.reversed())
        await store.close()
        await proxy.stop()
    }

    @Test func analyticsAreWholeAfterAnOutage() async throws {
        let bench = try PersistenceBench()
        let proxy = try await FaultProxy(to: try TestServer.clickhouse.port())
        let store = GuardedTradeAnalyticsStore(
            try TradeAnalyticsStores.open("clickhouse://127.0.0.1:\(proxy.port)/\(freshName())?timeout-ms=3000"),
            name: "analytics")
        let trades = (0..<400).map { bench.trade($0) }
        try bench.append(Array(trades[..<200]))
        let runner = try bench.analytics(store)
        async let ended: Void = runner.run()
        try await takeAway(proxy, runner, bench) { try bench.append(Array(trades[200...])) }
        try await eventually("everything is stored") { (try? await store.totals()) == totals(trades) }
        runner.stop()
        try await ended
        let bars = try await store.volume(VolumeQuery(symbol: Symbol("AAPL")!, fromMillis: 0, toMillis: .max))
        #expect(bars.reduce(0) { $0 + $1.trades } == 400)
        await store.close()
        await proxy.stop()
    }

    private func takeAway(
        _ proxy: FaultProxy, _ runner: JobRunner, _ bench: PersistenceBench, meanwhile: () throws -> Void
    ) async throws {
        proxy.set(.down)
        // What came before may be stored already: nothing is missed until there is something to store.
        try meanwhile()
        try await eventually("the job is paused") { if case .paused = runner.status { true } else { false } }
        proxy.set(.losingAnswers)
        try await eventually("an answer is lost") { proxy.answersLost > 0 }
        proxy.set(.passing)
    }
}

/// A history that is down, or refuses a symbol, as a test says.
private final class MoodyHistory: TradeHistoryStore {
    private let store = MemoryTradeHistoryStore()
    private let refused: Symbol?
    let isDown = Atomic<Bool>(false)
    /// Calls wait as long as this is set.
    let isSilent = Atomic<Bool>(false)
    let isAsked = Atomic<Bool>(false)
    /// The next call fails in a way that crashes the attempt.
    let crashesOnce = Atomic<Bool>(false)

    init(refusing refused: Symbol? = nil) { self.refused = refused }

    func provision() async throws(StoreError) -> [String] { [] }
    func record(_ trades: [Trade]) async throws(StoreError) -> [RefusedTrade] {
        isAsked.store(true, ordering: .relaxed)
        while isSilent.load(ordering: .relaxed) { try? await Task.sleep(for: .milliseconds(1)) }
        if isDown.load(ordering: .relaxed) { throw .unavailable("switched off by the test") }
        if crashesOnce.exchange(false, ordering: .relaxed) { throw .invalid("broken by the test") }
        _ = try await store.record(trades.filter { $0.symbol != refused })
        return trades.filter { $0.symbol == refused }.map { RefusedTrade(trade: $0, reason: "not here") }
    }
    func search(_ query: TradeQuery) async throws(StoreError) -> TradePage { try await store.search(query) }
    func count() async throws(StoreError) -> Int { try await store.count() }
    func close() async {}
}

/// Analytics whose inserts of these numbers take effect and then fail in a way that crashes the attempt; so do their writes of
/// bars, those of odd numbers before they take effect.
private final class MoodyAnalytics: TradeAnalyticsStore {
    private struct Seen {
        var inserts = 0
        var upserts = 0
        var crashesOfBars = 0
        var trades: [String: Set<TradeID>] = [:]
        var repeated = 0
        var contradictions: [String] = []
    }
    private let store = MemoryTradeAnalyticsStore()
    private let failing: Set<Int>
    private let failingBars: Set<Int>
    private let seen = Mutex(Seen())

    init(failing: Set<Int>, failingBars: Set<Int> = []) {
        self.failing = failing
        self.failingBars = failingBars
    }

    var crashesOfBars: Int { seen.withLock { $0.crashesOfBars } }

    var repeatedCuts: Int { seen.withLock { $0.repeated } }
    var cutsWithOtherTrades: [String] { seen.withLock { $0.contradictions } }

    func provision() async throws(StoreError) -> [String] { [] }
    func insert(_ batch: TradeBatch) async throws(StoreError) {
        let trades = Set(batch.trades.map(\.tradeID))
        let number = seen.withLock { seen in
            seen.inserts += 1
            if let known = seen.trades[batch.name] {
                seen.repeated += 1
                if known != trades { seen.contradictions.append(batch.name) }
            }
            seen.trades[batch.name] = trades
            return seen.inserts
        }
        try await store.insert(batch)
        if failing.contains(number) { throw .invalid("broken by the test") }
    }
    func upsert(_ bars: [VolumeBar]) async throws(StoreError) {
        let number = seen.withLock { seen in
            seen.upserts += 1
            if failingBars.contains(seen.upserts) { seen.crashesOfBars += 1 }
            return seen.upserts
        }
        let fails = failingBars.contains(number)
        if !fails || number % 2 == 0 { try await store.upsert(bars) }
        if fails { throw .invalid("broken by the test") }
    }
    func volume(_ query: VolumeQuery) async throws(StoreError) -> [VolumeBar] { try await store.volume(query) }
    func top(_ ranking: TopRanking, limit: Int) async throws(StoreError) -> [SymbolTotal] {
        try await store.top(ranking, limit: limit)
    }
    func totals() async throws(StoreError) -> TradeTotals { try await store.totals() }
    func close() async {}
}
