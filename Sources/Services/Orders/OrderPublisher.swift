import StoreKit
import TraceContext
import Trading

/// Puts accepted orders on the orders topic (one conformance suite runs against all implementations).
///
/// Callable from any task, concurrently. Errors are `StoreError`; after a retryable one the order may be on the topic
/// or not, and publishing it again is right either way: what executes orders knows them by their id.
package protocol OrderPublisher: Sendable {
    /// Returns when the order is durably on the topic, keyed by its user: orders of one user that are published one after the
    /// other are read in that order. `trace` travels in the record's headers.
    func publish(_ order: Order, trace: TraceHeaders) async throws(StoreError)

    /// Throws when nothing could be published now.
    func ping() async throws(StoreError)

    /// Ends background work. Calls under way, and later ones, fail with `.unavailable`. Idempotent.
    func close() async
}

/// A publisher whose calls are measured and go through a circuit breaker.
package struct GuardedOrderPublisher: OrderPublisher {
    private let publisher: any OrderPublisher
    private let guarding: StoreGuard

    /// Guards `publisher`, which metrics and messages call `name`.
    package init(_ publisher: any OrderPublisher, name: String) {
        self.publisher = publisher
        guarding = StoreGuard(name)
    }

    package func publish(_ order: Order, trace: TraceHeaders) async throws(StoreError) {
        try await guarding.run("publish") { () async throws(StoreError) in
            try await publisher.publish(order, trace: trace)
        }
    }

    package func ping() async throws(StoreError) { try await publisher.ping() }
    package func close() async { await publisher.close() }
}
