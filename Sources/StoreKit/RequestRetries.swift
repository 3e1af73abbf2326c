/// How one request repeats its calls to stores: by a policy with full jitter, and all of them together within one span of
/// time, so that its client is answered while it still waits. Each attempt goes through the breaker in front of the store.
///
/// Whoever cuts the request short cancels its task: a wait then ends at once with the error in hand.
public struct RequestRetries: Sendable {
    /// Short, because a client waits.
    public var policy = RetryPolicy(baseMillis: 20, capMillis: 250, attemptsMax: 4)
    /// From `begin` on; no attempt begins later. Half of what the gateway gives a service to answer.
    public var millisMax: Int64 = 3_000
    /// Any steady clock.
    public var nowMillis: @Sendable () -> Int64 = CircuitBreaker.steadyMillis
    public var sleep: @Sendable (Int64) async throws -> Void = { try await Task.sleep(for: .milliseconds($0)) }

    public init() {}

    /// The calls of one request, whose time begins now.
    public func begin() -> Calls {
        Calls(retries: self, deadlineMillis: nowMillis() + millisMax)
    }

    /// The calls of one request.
    public struct Calls: Sendable {
        fileprivate let retries: RequestRetries
        fileprivate let deadlineMillis: Int64

        private struct TimeIsOver: Error {}

        /// Runs `body` until it succeeds, fails for good, or attempts or time are used up; then its last error is thrown.
        public func run<Value: Sendable>(
            _ body: () async throws(StoreError) -> Value
        ) async throws(StoreError) -> Value {
            let (retries, deadlineMillis) = (retries, deadlineMillis)
            return try await retries.policy.run(
                sleep: { millis in
                    guard retries.nowMillis() + millis < deadlineMillis else { throw TimeIsOver() }
                    try await retries.sleep(millis)
                }, body)
        }
    }
}
