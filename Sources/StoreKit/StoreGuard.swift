/// Around every call to one store: a circuit breaker, and a measurement (`StoreMetrics`). Adds no retries: who calls knows
/// whether to wait, and a job's waiting must be visible. Any task.
public struct StoreGuard: Sendable {
    /// The breaker all calls go through.
    public let breaker: CircuitBreaker
    private let metrics: StoreMetrics

    /// Guards the store that metrics and messages call `name`.
    public init(_ name: String, breaker: CircuitBreaker? = nil) {
        self.breaker = breaker ?? CircuitBreaker(name: name)
        metrics = StoreMetrics(store: name)
    }

    /// Runs `body` if the breaker lets it; `operation` is for metrics.
    public func run<Value: Sendable>(
        _ operation: String, _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await breaker.run { () async throws(StoreError) in try await metrics.measure(operation, body) }
    }
}
