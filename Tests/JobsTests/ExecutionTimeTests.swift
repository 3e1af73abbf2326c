import Jobs
import StreamRuntime
import Testing

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
