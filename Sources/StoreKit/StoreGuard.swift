/// Around every call to one store: a circuit breaker, a measurement (`StoreMetrics`), and a span where the store's own client
/// makes none (`SpannedByGuard`). Adds no retries: who calls knows whether to wait, and a job's waiting must be visible. Any
/// task.
public struct StoreGuard: Sendable {
    /// The breaker all calls go through.
    public let breaker: CircuitBreaker
    let makesSpans: Bool
    private let metrics: StoreMetrics

    /// Guards `store`, which metrics and messages call `name`.
    public init(_ name: String, breaker: CircuitBreaker? = nil, of store: Any? = nil) {
        self.breaker = breaker ?? CircuitBreaker(name: name)
        makesSpans = store is any SpannedByGuard
        metrics = StoreMetrics(store: name)
    }

    /// Runs `body` if the breaker lets it; `operation` is for metrics.
    public func run<Value: Sendable>(
        _ operation: String, _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await breaker.run { () async throws(StoreError) in
            try await metrics.measure(operation) { () async throws(StoreError) in try await inSpan(operation, body) }
        }
    }
}
