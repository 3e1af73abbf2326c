import Jobs
import StreamRuntime
import Testing
import Trading
import TradingStores

@Suite struct LedgerMemoryTests {
    private static let day: Int64 = 86_400_000

    @Test func aCheckpointOlderThanTheLedgerRemembersIsRefused() async throws {
        let bench = try TradingBench()
        let store = MemoryPortfolioStore()
        let policy = ExecutionPolicy(symbols: [bench.apple])
        let (now, job) = (SystemClock().wallMillis(), try bench.runner(store).job)
        func check(afterDays days: Int64) throws {
            try LedgerMemory.check(
                checkpointRoot: bench.folder.path + "/checkpoints", job: job, policy: policy, nowMillis: now + days * Self.day)
        }
        // A first start.
        try check(afterDays: 100)
        try await bench.price("10.00")
        try bench.place([bench.order("1")])
        try await bench.run(store, until: 1)
        try check(afterDays: 0)
        try check(afterDays: 28)
        let refusal = #expect(throws: RecoveryRefusal.self) { try check(afterDays: 31) }
        #expect(refusal?.remedy.contains("trading.accept-old-checkpoint") == true)
    }

    @Test func aLedgerThatRemembersLongerTakesOlderCheckpoints() async throws {
        let bench = try TradingBench()
        let store = MemoryPortfolioStore()
        var policy = ExecutionPolicy(symbols: [bench.apple])
        policy.ledgerMillis = 60 * Self.day
        let (now, job) = (SystemClock().wallMillis(), try bench.runner(store).job)
        try await bench.price("10.00")
        try bench.place([bench.order("1")])
        try await bench.run(store, until: 1)
        func check(afterDays days: Int64) throws {
            try LedgerMemory.check(
                checkpointRoot: bench.folder.path + "/checkpoints", job: job, policy: policy, nowMillis: now + days * Self.day)
        }
        try check(afterDays: 58)
        #expect(throws: RecoveryRefusal.self) { try check(afterDays: 61) }
    }

    @Test func aStopMayLastAsLongAsNothingIsForgottenThatCanComeAgain() {
        let policy = ExecutionPolicy(symbols: [])
        func days(retention: Int64, request: Int64) -> Int64 {
            LedgerMemory.downtimeMillisMax(
                policy: policy, retentionMillis: retention * Self.day, requestMillis: request * Self.day) / Self.day
        }
        #expect(days(retention: 7, request: 1) == 21)
        #expect(days(retention: 7, request: 30) < 0)
    }
}
