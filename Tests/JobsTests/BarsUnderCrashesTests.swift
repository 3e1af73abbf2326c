import Jobs
import StreamRuntime
import TestKit
import Testing
import Trading
import TradingDrills
import TradingStores

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
