/// How many repetitions a caller may add to what it is asked for: a tenth of its requests, and a few at once. When
/// everything fails, retries then add a tenth to the load of what is in trouble, instead of multiplying it. Pure.
package struct RetryBudget: Sendable {
    private static let perRequest = 0.1
    private static let max = 10.0
    private var tokens = max

    package init() {}

    /// A request was sent for the first time.
    package mutating func deposit() { tokens = min(Self.max, tokens + Self.perRequest) }

    /// Whether one more attempt may be made.
    package mutating func withdraw() -> Bool {
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
