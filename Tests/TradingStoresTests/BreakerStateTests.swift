import StoreKit
import Testing

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
