import Synchronization

/// How a batching sink writes.
public struct BatchingOptions: Sendable {
    public var limits: BatchLimits
    /// Requests side by side, per subtask. With 1 the outside system gets the elements in their order.
    public var inFlightMax: Int

    public init(_ limits: BatchLimits = BatchLimits(), inFlightMax: Int = 1) {
        self.limits = limits
        self.inFlightMax = max(1, inFlightMax)
    }
}

/// Writes to an outside system in batches, asynchronously: what the sinks of stores are made of.
///
///     ticks.sink(BatchingSink(failures: .waitOut("redis down")) { batch in try await redis.update(batch) })
///
/// At least once: the writes of an epoch are acknowledged before it is decided (rule 8), and after a restart those since
/// the last decision are made again, in other batches. So writes must be idempotent by an id taken from the element.
/// With no age limit (`ageMax` zero) a batch is what came while the last request was under way.
///
/// `send` runs in Swift concurrency, must be bounded in time and end when its task is cancelled. `failures` say what happens
/// when it throws: the batch is sent again, with the job shown as paused (`.waitOut`), or the attempt fails. Costs a lock an
/// element, and a Swift task a batch. Tells `weir_sink_…` metrics.
public struct BatchingSink<Element: Sendable>: Sink {
    public typealias Send = @Sendable ([Element]) async throws -> Void

    private let options: BatchingOptions
    private let failures: AsyncFailures
    private let weight: @Sendable (Element) -> Int
    private let send: Send

    /// `weight`: what `limits.bytesMax` counts.
    public init(
        _ options: BatchingOptions = BatchingOptions(), failures: AsyncFailures = .fail,
        weight: @escaping @Sendable (Element) -> Int = { _ in 1 }, send: @escaping Send
    ) {
        self.options = options
        self.failures = failures
        self.weight = weight
        self.send = send
    }

    public func makeWriter(_ context: SinkWriterContext) -> BatchingWriter<Element> {
        BatchingWriter(sender: BatchSender(options, failures, context, send), weight: weight, clock: context.clock)
    }
}

/// One subtask of a `BatchingSink`. Owned by one task thread.
public struct BatchingWriter<Element: Sendable>: SinkWriter {
    let sender: BatchSender<Element>
    let weight: @Sendable (Element) -> Int
    let clock: any RuntimeClock

    public var isReady: Bool { sender.isReady }
    public mutating func write(_ element: Element) throws { try sender.add(element, weight: weight(element)) }
    public mutating func flush() throws { try sender.flush() }
    public mutating func endEpoch(_ epoch: Epoch) throws { try sender.endEpoch(epoch) }
    public func isAcknowledged(through epoch: Epoch) throws -> Bool { try sender.isAcknowledged(through: epoch) }
    public mutating func close() { sender.close() }
}

/// The shell around `BatchQueue`: sends batches, again where need be, and says how that went. Any thread.
final class BatchSender<Element: Sendable>: Sendable {
    private struct State {
        var queue: BatchQueue<Element>
        /// What the attempt fails with.
        var failure: (any Error)?
        var requests: [UInt64: Task<Void, Never>] = [:]
        /// Looks at the open batch when it is old enough.
        var timer: Task<Void, Never>?
        var outages: Set<String> = []
        var isClosed = false
    }

    private let state: Mutex<State>
    private let failures: AsyncFailures
    private let context: SinkWriterContext
    private let send: BatchingSink<Element>.Send
    private let metrics: BatchingMetrics

    init(
        _ options: BatchingOptions, _ failures: AsyncFailures, _ context: SinkWriterContext,
        _ send: @escaping BatchingSink<Element>.Send
    ) {
        state = Mutex(State(queue: BatchQueue(options.limits, inFlightMax: options.inFlightMax)))
        self.failures = failures
        self.context = context
        self.send = send
        metrics = BatchingMetrics(context)
    }

    // MARK: The task thread

    /// Also after a failure: the next record meets it.
    var isReady: Bool { state.withLock { $0.failure != nil || $0.queue.isReady } }

    func add(_ element: Element, weight: Int) throws {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            state.queue.add(element, weight: weight) { context.clock.monotonicNanos() }
            if !state.queue.isReady { start(&state) }
        }
    }

    func flush() throws {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            start(&state)
        }
    }

    func endEpoch(_ epoch: Epoch) throws {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            state.queue.endEpoch(epoch)
            start(&state)
        }
    }

    func isAcknowledged(through epoch: Epoch) throws -> Bool {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            return state.queue.isAcknowledged(through: epoch)
        }
    }

    func close() {
        state.withLock { state in
            state.isClosed = true
            for request in state.requests.values { request.cancel() }
            state.timer?.cancel()
            endOutages(&state)
        }
    }

    // MARK: Requests

    /// Sends what may be sent now, and sees to it that the open batch is looked at when it is old enough.
    private func start(_ state: inout State) {
        let now = context.clock.monotonicNanos()
        while !state.isClosed, let batch = state.queue.take(nowNanos: now) {
            state.requests[batch.number] = Task { await self.run(batch) }
        }
        metrics.inFlight.set(state.queue.inFlight)
        guard state.timer == nil, !state.isClosed, let nanos = state.queue.dueInNanos(nowNanos: now) else { return }
        state.timer = Task {
            try? await Task.sleep(for: .nanoseconds(nanos))
            self.state.withLock { state in
                state.timer = nil
                self.start(&state)
            }
        }
    }

    private func run(_ batch: BatchQueue<Element>.Batch) async {
        let began = context.clock.monotonicNanos()
        var attempt = 1
        while true {
            do {
                try await send(batch.elements)
                return succeeded(batch, began)
            } catch {
                guard !Task.isCancelled, let delay = failed(error, attempt) else { return }
                try? await Task.sleep(for: .milliseconds(delay))
            }
            attempt += 1
        }
    }

    private func succeeded(_ batch: BatchQueue<Element>.Batch, _ began: Int64) {
        metrics.latency.observe(Double(context.clock.monotonicNanos() - began) / 1e9)
        metrics.records.add(batch.elements.count)
        state.withLock { state in
            state.requests[batch.number] = nil
            state.queue.finished(batch.number)
            endOutages(&state)
            start(&state)
        }
        context.wake()
    }

    /// Milliseconds until the next attempt; `nil` when there is none.
    private func failed(_ error: any Error, _ attempt: Int) -> Int? {
        let delay = state.withLock { state -> Int? in
            guard !state.isClosed else { return nil }
            switch failures.verdict(error, attempt) {
            case .retry(let delay): return delay
            case .waitOut(let outage, let delay):
                let reason = "\(context.operatorID): \(outage)"
                if state.outages.insert(reason).inserted { context.pauses.set(reason, true) }
                return delay
            case .fail:
                state.failure = state.failure ?? error
                return nil
            }
        }
        if delay != nil { metrics.retries.add() } else { context.wake() }
        return delay
    }

    private func endOutages(_ state: inout State) {
        for reason in state.outages { context.pauses.set(reason, false) }
        state.outages.removeAll()
    }
}

/// What a batching sink tells about its requests.
struct BatchingMetrics {
    let inFlight: MetricRegistry.Cell
    let records: MetricRegistry.Cell
    let retries: MetricRegistry.Cell
    let latency: MetricRegistry.Histogram

    init(_ context: SinkWriterContext) {
        let labels: MetricRegistry.Labels = [
            "operator": context.operatorID.rawValue, "subtask": String(context.subtask),
        ]
        inFlight = context.metrics.gauge(.sinkInFlight, labels: labels)
        records = context.metrics.counter(.sinkRecords, labels: labels)
        retries = context.metrics.counter(.sinkRetries, labels: labels)
        latency = context.metrics.histogram(.sinkBatch, labels: labels)
    }
}
