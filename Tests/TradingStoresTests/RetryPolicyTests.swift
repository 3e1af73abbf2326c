import StoreKit
import Testing
import Trading

@Suite struct RetryPolicyTests {
    @Test func delaysGrowToTheCapWithFullJitter() {
        let policy = RetryPolicy(baseMillis: 10, capMillis: 1_000, attemptsMax: 100)
        var random = SplitMix64(seed: 1)
        for attempt in 1..<100 {
            let bound = attempt > 7 ? 1_000 : Int64(10 << (attempt - 1))
            let delays = (0..<200).compactMap { _ in policy.delayMillis(afterAttempt: attempt, using: &random) }
            #expect(delays.allSatisfy { (0...bound).contains($0) })
            #expect((delays.max() ?? 0) > bound / 2)
            #expect((delays.min() ?? bound) < bound / 2)
        }
        #expect(policy.delayMillis(afterAttempt: 100, using: &random) == nil)
        #expect(RetryPolicy(attemptsMax: nil).delayMillis(afterAttempt: .max, using: &random) != nil)
    }

    private actor Script {
        private var results: [StoreError?]
        private(set) var calls = 0

        init(_ results: [StoreError?]) { self.results = results }

        func next() throws(StoreError) -> Int {
            calls += 1
            if let error = results.removeFirst() { throw error }
            return calls
        }
    }

    @Test func onlyWhatMayPassIsTriedAgain() async throws {
        let policy = RetryPolicy(attemptsMax: 3)
        let passing = Script([.timeout("1"), .conflict("2"), nil])
        let value = try await policy.run(sleep: { _ in }) { () async throws(StoreError) in try await passing.next() }
        #expect(value == 3)
        let invalid = Script([.invalid("no")])
        await #expect(throws: StoreError.invalid("no")) {
            try await policy.run(sleep: { _ in }) { () async throws(StoreError) in try await invalid.next() }
        }
        let down = Script([.unavailable("1"), .unavailable("2"), .unavailable("3")])
        await #expect(throws: StoreError.unavailable("3")) {
            try await policy.run(sleep: { _ in }) { () async throws(StoreError) in try await down.next() }
        }
    }
}
