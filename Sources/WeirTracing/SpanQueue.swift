import Synchronization

/// Ended spans that wait to be exported: bounded, and never in the way of who traces. Any thread.
final class SpanQueue: Sendable {
    private struct State {
        var waiting: [FinishedSpan] = []
        var isClosed = false
    }

    private let capacity: Int
    private let batch: Int
    private let metrics: TracingMetrics
    private let state = Mutex(State())
    /// Says that a batch is full. Holds one word: two full batches are fetched by one look.
    let fullBatches: AsyncStream<Void>
    private let wake: AsyncStream<Void>.Continuation

    init(capacity: Int, batch: Int, metrics: TracingMetrics) {
        self.capacity = capacity
        self.batch = batch
        self.metrics = metrics
        (fullBatches, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Takes the span in, or counts it as dropped when there is no room.
    func add(_ span: FinishedSpan) {
        let waiting = state.withLock { state -> Int? in
            guard !state.isClosed, state.waiting.count < capacity else { return nil }
            state.waiting.append(span)
            return state.waiting.count
        }
        guard let waiting else { return metrics.dropped(1, .queueFull) }
        if waiting % batch == 0 { wake.yield() }
    }

    /// The oldest spans, a batch at most.
    func take() -> [FinishedSpan] {
        state.withLock { state in
            let taken = Array(state.waiting.prefix(batch))
            state.waiting.removeFirst(taken.count)
            return taken
        }
    }

    /// Asks for a look before a batch is full.
    func nudge() { wake.yield() }

    /// Takes no more spans, and ends `fullBatches`. Idempotent.
    func close() {
        state.withLock { $0.isClosed = true }
        wake.finish()
    }
}
