import ConnectorLog
import Foundation
import Jobs
import StoreKit
import StreamRuntime
import Synchronization
import TestKit
import Testing
import Trading
import TradingDrills
import TradingStores

@Suite struct TradePersistenceTests {
    @Test func aGracefulStopLeavesTheHistoryComplete() async throws {
        let bench = try PersistenceBench()
        let store = try TradeHistoryStores.open("sqlite://\(bench.folder.path)/history.sqlite")
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
        let history = try TradeHistoryStores.open("sqlite://\(bench.folder.path)/history.sqlite")
        let analytics = try TradeAnalyticsStores.open("sqlite://\(bench.folder.path)/analytics.sqlite")
        try bench.append((0..<300).map { bench.trade($0) })
        let runner = name == TradeHistoryJob.name ? try bench.history(history) : try bench.analytics(analytics)
        try await bench.runToTheEnd(runner, of: 300)
        let progress = try #require(CopyProgress.newest(checkpointRoot: bench.folder.path + "/checkpoints", job: runner.job))
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
        let store = try TradeAnalyticsStores.open("sqlite://\(bench.folder.path)/analytics.sqlite")
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
