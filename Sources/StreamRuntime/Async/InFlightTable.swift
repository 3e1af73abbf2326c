import Synchronization

/// The inputs of an asynchronous operator and where the request of each stands. Owned by the task thread; only the
/// mailbox is shared.
final class InFlightTable<Item, Response: Sendable> {
    final class Entry {
        let sequence: UInt64
        let item: Item
        /// The input's event time.
        let time: Int64
        /// Requests made so far; a completion names the one it answers.
        fileprivate(set) var attempt = 0
        fileprivate var task: Task<Void, Never>?
        fileprivate var startedNanos: Int64 = 0

        init(sequence: UInt64, item: Item, time: Int64) {
            self.sequence = sequence
            self.item = item
            self.time = time
        }
    }
    struct Completion: Sendable {
        let sequence: UInt64
        let attempt: Int
        let result: Result<Response, any Error>
    }
    enum Due {
        case retry(Entry)
        case timeout(Entry)
    }
    private final class Mailbox: Sendable {
        let completions = Mutex<[Completion]>([])
    }

    let timeoutMillis: Int
    private let capacity: Int
    private let services: TaskServices
    private let clock: any RuntimeClock
    private let pauses: PauseReasons
    private let operatorID: OperatorID
    private let metrics: AsyncMetrics
    private let mailbox = Mailbox()
    private(set) var nextSequence: UInt64 = 0
    private var oldest: UInt64 = 0
    /// On while the operator is full.
    private var hold = RecordHold()
    private var entries: [UInt64: Entry] = [:]
    private var retries = DeadlineQueue<Entry>()
    /// Requests in the order of their starts, which is the order of their time-outs; answered ones leave
    /// from the front.
    private var timeouts: [(nanos: Int64, entry: Entry, attempt: Int)] = []
    private var firstTimeout = 0
    private var outages: Set<String> = []

    init(context: OperatorContext, options: AsyncOptions) {
        timeoutMillis = min(max(1, options.timeoutMillis), AsyncOptions.timeoutMillisMax)
        capacity = max(1, options.capacity)
        services = context.services
        clock = context.clock
        pauses = context.pauses
        operatorID = context.operatorID
        metrics = AsyncMetrics(context)
        services.requestTick()  // the restored requests start with the first tick
    }

    /// Takes an input in. At `capacity` of them the task is given no more.
    func admit(_ item: Item, time: Int64) -> Entry {
        let entry = Entry(sequence: nextSequence, item: item, time: time)
        nextSequence += 1
        entries[entry.sequence] = entry
        services.pending += 1
        metrics.inFlight.set(entries.count)
        if entries.count >= capacity { hold.set(true, services) }
        return entry
    }

    func start<Request: Sendable>(
        _ entry: Entry, _ request: Request, _ perform: @escaping @Sendable (Request) async throws -> Response
    ) {
        let now = clock.monotonicNanos()
        entry.attempt += 1
        entry.startedNanos = now
        let sequence = entry.sequence
        let attempt = entry.attempt
        let mailbox = mailbox
        let services = services
        services.requestBegan()
        entry.task = Task {
            let result: Result<Response, any Error>
            do { result = .success(try await perform(request)) } catch { result = .failure(error) }
            mailbox.completions.withLock {
                $0.append(Completion(sequence: sequence, attempt: attempt, result: result))
            }
            services.requestEnded()
        }
        let deadline = now + Int64(timeoutMillis) * 1_000_000
        timeouts.append((deadline, entry, attempt))
        services.wantTick(atNanos: deadline)
    }

    /// Those that came together, in the order of their inputs: not in that of the threads that brought them.
    func takeCompletions() -> [Completion] {
        var taken = mailbox.completions.withLock { exchange(&$0, with: []) }
        // Mostly they come in order.
        for index in taken.indices.dropFirst() where taken[index - 1].sequence > taken[index].sequence {
            taken.sort { $0.sequence < $1.sequence }
            break
        }
        return taken
    }

    /// The entry a completion answers, unless it comes too late: for a request that was given up.
    func current(_ completion: Completion) -> Entry? {
        guard let entry = entries[completion.sequence], entry.attempt == completion.attempt, entry.task != nil else {
            return nil
        }
        entry.task = nil
        metrics.latency.observe(Double(clock.monotonicNanos() - entry.startedNanos) / 1e9)
        return entry
    }

    /// An outside system has answered: whatever was said to be down is up again.
    func endOutages() {
        guard !outages.isEmpty else { return }
        for reason in outages { pauses.set(reason, false) }
        outages.removeAll()
    }

    func entry(_ sequence: UInt64) -> Entry? { entries[sequence] }

    /// Removes an input whose result has been emitted.
    func finish(_ entry: Entry) {
        entries[entry.sequence] = nil
        services.pending -= 1
        metrics.inFlight.set(entries.count)
        if entries.count < capacity { hold.set(false, services) }
        if entries.isEmpty { endOutages() }  // nobody waits for it any more, nor will anybody hear that it is over
    }

    func retry(_ entry: Entry, afterMillis delay: Int, outage: String?) {
        metrics.retries.add()
        if let outage {
            let reason = "\(operatorID): \(outage)"
            if outages.insert(reason).inserted { pauses.set(reason, true) }
        }
        let delayNanos = Int64(min(max(0, delay), AsyncOptions.timeoutMillisMax)) * 1_000_000
        retries.insert(entry, at: clock.monotonicNanos() + delayNanos)
    }

    /// The next retry or time-out that is due and still means something.
    func takeDue() -> Due? {
        let nowNanos = clock.monotonicNanos()
        if let entry = retries.take(dueAt: nowNanos) { return .retry(entry) }
        guard let oldest = oldestRequest(), oldest.nanos <= nowNanos else { return nil }
        oldest.entry.task?.cancel()
        oldest.entry.task = nil
        metrics.timeouts.add()
        return .timeout(oldest.entry)
    }

    /// The request that has waited longest.
    private func oldestRequest() -> (nanos: Int64, entry: Entry)? {
        while firstTimeout < timeouts.count {
            let (nanos, entry, attempt) = timeouts[firstTimeout]
            if entry.task != nil, entry.attempt == attempt { return (nanos, entry) }
            firstTimeout += 1
        }
        timeouts.removeAll(keepingCapacity: true)
        firstTimeout = 0
        return nil
    }

    func askForTick() {
        if let nanos = retries.earliest { services.wantTick(atNanos: nanos) }
        if let oldest = oldestRequest() { services.wantTick(atNanos: oldest.nanos) }
        forgetAnswered()
        if firstTimeout > 4096, firstTimeout * 2 > timeouts.count {
            timeouts.removeFirst(firstTimeout)
            firstTimeout = 0
        }
    }

    /// Behind a request that waits long stand those that were answered since, with their inputs: they leave once they are many.
    private func forgetAnswered() {
        guard timeouts.count - firstTimeout > 4096 + 2 * entries.count else { return }
        timeouts = timeouts[firstTimeout...].filter { $0.entry.task != nil && $0.entry.attempt == $0.attempt }
        firstTimeout = 0
    }

    func entriesInOrder() -> [Entry] { entries.values.sorted { $0.sequence < $1.sequence } }

    /// Everything with a lower sequence is completed.
    func oldestSequence() -> UInt64 {
        while oldest < nextSequence, entries[oldest] == nil { oldest += 1 }
        return oldest
    }

    func cancelAll() {
        for entry in entries.values { entry.task?.cancel() }
        endOutages()
    }
}

/// What an asynchronous operator tells about its requests.
struct AsyncMetrics {
    let inFlight: MetricRegistry.Cell
    let retries: MetricRegistry.Cell
    let timeouts: MetricRegistry.Cell
    let latency: MetricRegistry.Histogram

    init(_ context: OperatorContext) {
        let labels: MetricRegistry.Labels = [
            "operator": context.operatorID.rawValue, "subtask": String(context.subtask),
        ]
        inFlight = context.metrics.gauge(.asyncInFlight, labels: labels)
        retries = context.metrics.counter(.asyncRetries, labels: labels)
        timeouts = context.metrics.counter(.asyncTimeouts, labels: labels)
        latency = context.metrics.histogram(.asyncLatency, labels: labels)
    }
}
