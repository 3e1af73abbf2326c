import StoreKit
import Synchronization
import Testing
import Trading
import TradingStores

@Suite struct BreakerStateTests {
    private func breaker() -> BreakerState {
        var settings = BreakerState.Settings()
        settings.failuresMax = 3
        settings.pauseMillisMin = 100
        settings.pauseMillisMax = 300
        return BreakerState(settings)
    }

    @Test func itOpensAfterThatManyOutagesInARow() {
        var state = breaker()
        state.failed(nowMillis: 0)
        state.failed(nowMillis: 0)
        state.succeeded()
        state.failed(nowMillis: 0)
        state.failed(nowMillis: 1)
        #expect(state.phase == .closed(failures: 2))
        state.failed(nowMillis: 2)
        #expect(state.phase == .open(untilMillis: 102))
        #expect(state.admit(nowMillis: 101) == .refused(retryAtMillis: 102))
    }

    @Test func oneProbeDecides() {
        var state = breaker()
        for _ in 0..<3 { state.failed(nowMillis: 0) }
        #expect(state.admit(nowMillis: 100) == .allowed)
        #expect(state.admit(nowMillis: 101) == .refused(retryAtMillis: 400))
        state.failed(nowMillis: 150)
        #expect(state.phase == .open(untilMillis: 350))
        #expect(state.admit(nowMillis: 350) == .allowed)
        state.failed(nowMillis: 360)
        #expect(state.phase == .open(untilMillis: 660))
        #expect(state.admit(nowMillis: 660) == .allowed)
        state.succeeded()
        #expect(state.phase == .closed(failures: 0))
        for _ in 0..<3 { state.failed(nowMillis: 1_000) }
        #expect(state.phase == .open(untilMillis: 1_100))
    }

    @Test func lateAnswersDoNotCloseAnOpenBreakerNorProlongIt() {
        var state = breaker()
        for _ in 0..<3 { state.failed(nowMillis: 0) }
        state.succeeded()
        state.failed(nowMillis: 50)
        #expect(state.phase == .open(untilMillis: 100))
    }

    @Test func anAbandonedCallChangesNothingButThatAnotherMayProbe() {
        var state = breaker()
        state.failed(nowMillis: 0)
        state.abandoned(nowMillis: 1)
        #expect(state.phase == .closed(failures: 1))
        for _ in 0..<2 { state.failed(nowMillis: 2) }
        state.abandoned(nowMillis: 50)
        #expect(state.phase == .open(untilMillis: 102))
        #expect(state.admit(nowMillis: 102) == .allowed)
        state.abandoned(nowMillis: 103)
        #expect(state.admit(nowMillis: 103) == .allowed)
    }

    /// A probe that is never heard of again does not keep the breaker open for ever.
    @Test func aLostProbeIsReplaced() {
        var state = breaker()
        for _ in 0..<3 { state.failed(nowMillis: 0) }
        #expect(state.admit(nowMillis: 100) == .allowed)
        #expect(state.admit(nowMillis: 400) == .allowed)
    }
}

@Suite struct CircuitBreakerTests {
    private func make(open: Bool) async -> (breaker: CircuitBreaker, time: SetTime) {
        var settings = BreakerState.Settings()
        settings.failuresMax = 1
        settings.pauseMillisMin = 100
        let time = SetTime()
        let breaker = CircuitBreaker(name: "store", settings: settings) { time.value }
        if open { _ = try? await breaker.run { () async throws(StoreError) -> Void in throw .unavailable("down") } }
        return (breaker, time)
    }

    /// Runs a call that fails because its task is cancelled while it waits.
    private func cancelledCall(_ breaker: CircuitBreaker) async {
        let call = Task {
            try await breaker.run { () async throws(StoreError) -> Void in
                while !Task.isCancelled { await Task.yield() }
                throw .unavailable("cancelled")
            }
        }
        call.cancel()
        await #expect(throws: StoreError.self) { try await call.value }
    }

    @Test func aCancelledCallIsNoOutage() async {
        let (breaker, _) = await make(open: false)
        await cancelledCall(breaker)
        #expect(breaker.phase == .closed(failures: 0))
    }

    @Test func aCancelledProbeLetsTheNextOneGo() async throws {
        let (breaker, time) = await make(open: true)
        #expect(breaker.phase == .open(untilMillis: 100))
        time.value = 100
        await cancelledCall(breaker)
        #expect(breaker.phase == .open(untilMillis: 100), "no longer than before")
        try await breaker.run { () async throws(StoreError) -> Void in }
        #expect(breaker.phase == .closed(failures: 0))
    }
}

/// A time that a test sets.
private final class SetTime: Sendable {
    private let time = Atomic<Int64>(0)
    var value: Int64 {
        get { time.load(ordering: .relaxed) }
        set { time.store(newValue, ordering: .relaxed) }
    }
}

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

@Suite struct GuardedStoreTests {
    @Test func anOutageOpensTheBreakerAndCallsFailAtOnce() async throws {
        // Nobody listens on port 1.
        let store = GuardedPriceStore(try PriceStores.open("redis://127.0.0.1:1"), name: "redis")
        let symbol = Fixture.symbol()
        for _ in 0..<5 {
            let error = await #expect(throws: StoreError.self) { try await store.latest(symbol) }
            #expect(error?.isOutage == true)
        }
        #expect(store.breaker.isOpen)
        let error = await #expect(throws: StoreError.self) { try await store.latest(symbol) }
        #expect(error?.description.contains("held to be down") == true)
        #expect(store.breaker.waitMillis > 0)
        await store.close()
    }

    @Test func conflictsAndBadRequestsAreNoOutage() async throws {
        let store = GuardedPriceStore(MemoryPriceStore(), name: "memory")
        let symbol = Fixture.symbol()
        for _ in 0..<20 {
            await #expect(throws: StoreError.self) {
                try await store.update([PriceTick(symbol: symbol, price: Price(units: 0), seq: 1, timestampMillis: 1)])
            }
        }
        #expect(!store.breaker.isOpen)
        #expect(store.cached(symbol) == nil)
    }
}

@Suite struct StoreURLTests {
    @Test(arguments: [
        ("mongodb://x", "memory:, rocksdb:///path, dynamodb://region"), ("dynamodb://", "names no region"),
        ("dynamodb://eu-west-1?endpont=x", "unknown setting 'endpont'"), ("rocksdb://host/path", "rocksdb:///absolute/path"),
        ("dynamodb://eu-west-1?timeout-ms=-1", "whole number above zero"), ("dynamodb://r?endpoint=nonsense", "http://host:port"),
        ("no url", "what begins with 'no url' is not a URL"),
    ])
    func portfolioURLsThatCannotBeUsedSayWhy(_ url: String, _ words: String) {
        let error = #expect(throws: StoreError.self) { try PortfolioStores.open(url, environment: [:]) }
        #expect(error?.description.contains(words) == true, "\(String(describing: error))")
    }

    @Test func priceURLsThatCannotBeUsedSayWhyAndHidePasswords() {
        let error = #expect(throws: StoreError.self) { try PriceStores.open("redis://u:secret@host:1?x=1") }
        #expect(error?.description.contains("secret") == false)
        let unknown = #expect(throws: StoreError.self) { try PriceStores.open("http://host") }
        #expect(unknown?.description.contains("memory:, redis://host:port") == true)
    }
}
