import ConnectorLog
import Foundation
import Jobs
import StoreKit
import StreamRuntime
import TestKit
import TestServers
import Testing
import Trading
import TradingStores

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
