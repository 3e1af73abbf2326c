import StoreKit
import Trading

/// An `OrderLedger` whose calls are measured and go through a circuit breaker. Adds no retries: its caller is a
/// request, whose client can repeat it.
public struct GuardedOrderLedger: OrderLedger {
    private let ledger: any OrderLedger
    private let guarding: StoreGuard
    /// The breaker all calls go through.
    public var breaker: CircuitBreaker { guarding.breaker }

    /// Guards `ledger`, which metrics and messages call `name`.
    public init(_ ledger: any OrderLedger, name: String, breaker: CircuitBreaker? = nil) {
        self.ledger = ledger
        guarding = StoreGuard(name, breaker: breaker, of: ledger)
    }

    public func request(_ key: RequestKey, nowMillis: Int64) async throws(StoreError) -> OrderRequest? {
        try await guarding.run("order_request") { () async throws(StoreError) in
            try await ledger.request(key, nowMillis: nowMillis)
        }
    }

    public func order(_ id: OrderID, nowMillis: Int64) async throws(StoreError) -> Order? {
        try await guarding.run("order") { () async throws(StoreError) in try await ledger.order(id, nowMillis: nowMillis) }
    }

    public func accept(_ order: AcceptedOrder, nowMillis: Int64) async throws(StoreError) -> AcceptResult {
        try await guarding.run("accept_order") { () async throws(StoreError) in
            try await ledger.accept(order, nowMillis: nowMillis)
        }
    }

    public func markPublished(_ key: RequestKey) async throws(StoreError) {
        try await guarding.run("mark_published") { () async throws(StoreError) in try await ledger.markPublished(key) }
    }

    public func close() async {
        await ledger.close()
    }
}
