import Metrics
import StreamRuntime
import Synchronization

/// Measures calls to one store: `weir_store_call_seconds` (timer) and `weir_store_calls_total` (counter), both with
/// the labels `store`, `operation` and `result` (`ok` or the error's kind).
public final class StoreMetrics: Sendable {
    private struct Key: Hashable {
        let operation: String
        let result: String
    }

    private struct Handlers {
        let timer: Timer
        let counter: Counter
    }

    private let store: String
    // Made once per operation and result: a look-up in the metrics backend costs more than the call it counts.
    private let handlers = Mutex<[Key: Handlers]>([:])

    /// Measures the store called `store`.
    public init(store: String) {
        self.store = store
    }

    /// Runs `body` and records how long it took and how it ended.
    public func measure<Value: Sendable>(
        _ operation: String, _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let started = ContinuousClock.now
        do throws(StoreError) {
            let value = try await body()
            record(operation, "ok", started)
            return value
        } catch {
            record(operation, error.kind, started)
            throw error
        }
    }

    private func record(_ operation: String, _ result: String, _ started: ContinuousClock.Instant) {
        let elapsed = (ContinuousClock.now - started) / .nanoseconds(1)
        let handlers = handlers.withLock { made in
            let key = Key(operation: operation, result: result)
            if let found = made[key] { return found }
            let labels = [("store", store), ("operation", operation), ("result", result)]
            let handlers = Handlers(
                timer: Timer(.storeCallSeconds, labels), counter: Counter(.storeCalls, labels))
            made[key] = handlers
            return handlers
        }
        handlers.timer.recordNanoseconds(Int64(elapsed))
        handlers.counter.increment()
    }
}

extension MetricDescription {
    /// What clients of stores tell, those of other services included.
    public static let stores: [MetricDescription] = [storeCalls, storeCallSeconds, storeBreakers, storeBreakersOpen]

    /// A store in the process answers within microseconds.
    private static let callBounds = [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5] + MetricRegistry.durationBounds
    private static let ofCall: [MetricLabel] = [
        .ofStore, MetricLabel("operation", "what was asked of the store", bound: "operations of a port, about ten"),
        MetricLabel(
            "result", "`ok`, `conflict`, `blocked`, `invalid`, or the outage: `throttled`, `unavailable`, `timeout`", bound: "7"),
    ]

    static let storeCalls = counter("weir_store_calls_total", in: "calls", by: ofCall, "Calls to a store, by how they ended.")
    static let storeCallSeconds = histogram(
        "weir_store_call_seconds", by: ofCall, bounds: callBounds, "From a call to a store to its end.")
}
