/// How long to wait between attempts: exponential growth with full jitter, so that many who failed together
/// do not come back together. Pure: randomness is passed in, the caller does the waiting.
public struct RetryPolicy: Hashable, Sendable {
    /// The longest wait before the second attempt.
    public var baseMillis: Int64
    /// The longest wait at all.
    public var capMillis: Int64
    /// Attempts in all, the first included; nil: without limit, for a job that is paused and visible as such.
    public var attemptsMax: Int?

    public init(baseMillis: Int64 = 50, capMillis: Int64 = 10_000, attemptsMax: Int? = 8) {
        self.baseMillis = max(1, baseMillis)
        self.capMillis = max(1, capMillis)
        self.attemptsMax = attemptsMax
    }

    /// The wait after `attempt` (1 is the first) has failed, between 0 and min(cap, base × 2^(attempt − 1));
    /// nil when the attempts are used up.
    public func delayMillis(
        afterAttempt attempt: Int, using random: inout some RandomNumberGenerator
    ) -> Int64? {
        if let attemptsMax, attempt >= attemptsMax { return nil }
        let doublings = min(max(attempt - 1, 0), 62)
        let (product, overflow) = baseMillis.multipliedReportingOverflow(by: 1 << Int64(doublings))
        return Int64.random(in: 0...(overflow ? capMillis : min(capMillis, product)), using: &random)
    }

    /// Runs `body` until it succeeds, fails for good or the attempts are used up; then its last error is
    /// thrown. A cancelled task stops at the next wait with the error in hand.
    public func run<Value: Sendable>(
        sleep: @Sendable (Int64) async throws -> Void = { try await Task.sleep(for: .milliseconds($0)) },
        _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        var random = SystemRandomNumberGenerator()
        var attempt = 1
        while true {
            let failure: StoreError
            do throws(StoreError) {
                return try await body()
            } catch {
                failure = error
            }
            guard failure.isRetryable, let delay = delayMillis(afterAttempt: attempt, using: &random) else {
                throw failure
            }
            attempt += 1
            if (try? await sleep(delay)) == nil { throw failure }
        }
    }
}
