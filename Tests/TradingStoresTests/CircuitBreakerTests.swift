import StoreKit
import Synchronization
import Testing

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
