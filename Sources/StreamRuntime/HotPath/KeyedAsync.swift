import Synchronization

/// Runs a `KeyedAsyncFunction`.
///
/// Invariants:
/// Y1. At most one request per key is in flight; inputs of a key are completed in order of arrival.
/// Y2. Every input that has arrived and is not completed is in each snapshot, in order of arrival.
/// Y3. A completion counts only for the attempt it belongs to: a late answer to a timed-out request is dropped.
/// Y4. At `capacity` inputs the operator raises back-pressure; it never drops or reorders.
/// Y5. A watermark waits until every input that came before it is completed; results carry their input's event time.
public struct KeyedAsync<F: KeyedAsyncFunction>: Operator {
    public typealias Input = F.Input
    public typealias Output = F.Output

    private let state: OperatorState
    private var function: F
    private let key: @Sendable (F.Input) -> F.Key
    private let table: InFlightTable<F.Key, F.Input, F.Response>
    private let recordTime: RecordTime
    private var watermarks = HeldWatermarks()

    @usableFromInline init(
        context: OperatorContext, options: AsyncOptions, key: @escaping @Sendable (F.Input) -> F.Key,
        make: (KeyedStateContext<F.Key>) throws -> F
    ) throws {
        state = try context.makeState()
        function = try make(KeyedStateContext(state: state, operatorContext: context))
        try state.seal()
        self.key = key
        table = InFlightTable(context: context, options: options)
        recordTime = context.services.recordTime
        for item in try context.restoredList(Self.listName, Self.listSchema) {
            let (time, input) = try item.bytes.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                return (try reader.integer(Int64.self), try F.Input(from: &reader))
            }
            table.admit(input, key: key(input), time: time)
        }
    }

    private static var listName: String { "in-flight" }
    private static var listSchema: String { "timed(\(F.Input.stateSchema))" }

    public mutating func process<Down: Collector>(_ input: F.Input, into down: inout Down) throws
    where Down.Element == F.Output {
        let key = key(input)
        if let entry = table.admit(input, key: key, time: recordTime.millis) { try start(entry) }
    }

    private mutating func start(_ entry: InFlightTable<F.Key, F.Input, F.Response>.Entry) throws {
        let request = try function.request(entry.input, key: entry.key)
        table.start(entry, request, function.perform)
    }

    public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == F.Output {
        for entry in table.takeRestored() { try start(entry) }
        for completion in table.takeCompletions() {
            guard let entry = table.current(completion) else { continue }
            switch completion.result {
            case .success(let response):
                recordTime.millis = entry.time
                try function.complete(entry.input, key: entry.key, response, into: &down)
                if let next = table.finish(entry) { try start(next) }
            case .failure(let error):
                try retry(entry, after: error, wallMillis)
            }
        }
        while let due = table.takeDue(wallMillis) {
            switch due {
            case .retry(let entry): try start(entry)
            case .timeout(let entry): try retry(entry, after: AsyncTimeout(millis: table.timeoutMillis), wallMillis)
            }
        }
        table.askForTick()
        try releaseWatermarks(into: &down)
    }

    public mutating func watermark<Down: Collector>(_ time: Int64, into down: inout Down) throws
    where Down.Element == F.Output {
        watermarks.add(time, before: table.nextSequence)
        try releaseWatermarks(into: &down)
    }

    private mutating func releaseWatermarks<Down: Collector>(into down: inout Down) throws
    where Down.Element == F.Output {
        if let time = watermarks.release(completedBelow: table.oldestSequence()) { try down.handle(.watermark(time)) }
    }

    private func retry(
        _ entry: InFlightTable<F.Key, F.Input, F.Response>.Entry, after error: any Error, _ wallMillis: Int64
    ) throws {
        switch function.verdict(on: error, attempt: entry.attempt) {
        case .retry(let delay): table.retry(entry, at: wallMillis + Int64(delay), outage: nil)
        case .waitOut(let reason, let delay): table.retry(entry, at: wallMillis + Int64(delay), outage: reason)
        case .fail: throw error
        }
    }

    public mutating func barrier(_ snapshot: TaskSnapshot) throws {
        snapshot.add(try state.snapshot(snapshot.epoch), of: state.operatorID)
        snapshot.add(
            OperatorList(
                operatorID: state.operatorID, name: Self.listName, schema: Self.listSchema,
                items: table.entriesInOrder().map { entry in
                    var writer = ByteWriter(capacity: 256)
                    writer.integer(entry.time)
                    entry.input.encode(into: &writer)
                    return OperatorList.Item(
                        keyGroup: state.keyGroups.group(ofHash: entry.key.stableHash), bytes: writer.bytes)
                }))
    }

    public mutating func close() {
        table.cancelAll()
        state.close()
    }
}

/// The inputs of a `KeyedAsync` and where each stands. Owned by the task thread; only the mailbox is shared.
final class InFlightTable<Key: StreamKey, Input, Response: Sendable> {
    final class Entry {
        let sequence: UInt64
        let input: Input
        let key: Key
        let time: Int64
        /// Requests made so far; a completion names the one it answers.
        var attempt = 0
        var task: Task<Void, Never>?
        var startedNanos: Int64 = 0
        init(sequence: UInt64, input: Input, key: Key, time: Int64) {
            self.sequence = sequence
            self.input = input
            self.key = key
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
    private struct Metrics {
        let inFlight: MetricRegistry.Cell
        let retries: MetricRegistry.Cell
        let timeouts: MetricRegistry.Cell
        let latency: MetricRegistry.Histogram
    }

    let timeoutMillis: Int
    private let capacity: Int
    private let services: TaskServices
    private let clock: any RuntimeClock
    private let pauses: PauseReasons
    private let operatorID: OperatorID
    private let metrics: Metrics
    private let mailbox = Mailbox()
    private(set) var nextSequence: UInt64 = 0
    private var oldest: UInt64 = 0
    /// True while the operator is full: the task then gives it no records.
    private var isHolding = false
    private var entries: [UInt64: Entry] = [:]
    /// Per key: the one in flight first, then those that wait.
    private var queues: [Key: [Entry]] = [:]
    private var restored: [Entry] = []
    private var isStarted = false
    private var retries = DeadlineQueue<Entry>()
    /// Requests in the order of their starts, which is the order of their time-outs; answered ones leave
    /// from the front.
    private var timeouts: [(millis: Int64, entry: Entry, attempt: Int)] = []
    private var firstTimeout = 0
    private var outages: Set<String> = []

    init(context: OperatorContext, options: AsyncOptions) {
        timeoutMillis = options.timeoutMillis
        capacity = max(1, options.capacity)
        services = context.services
        clock = context.clock
        pauses = context.pauses
        operatorID = context.operatorID
        let labels: MetricRegistry.Labels = [
            "operator": context.operatorID.rawValue, "subtask": String(context.subtask),
        ]
        metrics = Metrics(
            inFlight: context.metrics.gauge(
                "weir_async_in_flight", help: "Records waiting for an asynchronous answer.", labels: labels),
            retries: context.metrics.counter(
                "weir_async_retries_total", help: "Requests made again after a failure.", labels: labels),
            timeouts: context.metrics.counter(
                "weir_async_timeouts_total", help: "Requests cancelled because they took too long.", labels: labels),
            latency: context.metrics.histogram(
                "weir_async_latency_seconds", help: "From a request to its answer.", labels: labels))
        services.requestTick()  // the restored requests start with the first tick
    }

    /// Takes an input in; returns its entry when its request may start now.
    @discardableResult
    func admit(_ input: Input, key: Key, time: Int64) -> Entry? {
        let entry = Entry(sequence: nextSequence, input: input, key: key, time: time)
        nextSequence += 1
        entries[entry.sequence] = entry
        services.pending += 1
        metrics.inFlight.set(entries.count)
        if entries.count >= capacity { hold(true) }
        queues[key, default: []].append(entry)
        guard queues[key]?.count == 1 else { return nil }
        if !isStarted {
            restored.append(entry)
            return nil
        }
        return entry
    }

    func takeRestored() -> [Entry] {
        isStarted = true
        defer { restored = [] }
        return restored
    }

    func start<Request: Sendable>(
        _ entry: Entry, _ request: Request, _ perform: @escaping @Sendable (Request) async throws -> Response
    ) {
        entry.attempt += 1
        entry.startedNanos = clock.monotonicNanos()
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
        let due = clock.wallMillis() + Int64(timeoutMillis)
        timeouts.append((due, entry, attempt))
        services.wantTimer(at: due)  // even when no request is ever answered
    }

    /// Those that came together, in the order of their inputs: not in that of the threads that brought them.
    func takeCompletions() -> [Completion] {
        mailbox.completions.withLock { completions in
            defer { completions.removeAll(keepingCapacity: true) }
            return completions.sorted { $0.sequence < $1.sequence }
        }
    }

    /// The entry a completion answers, unless it comes too late (Y3).
    func current(_ completion: Completion) -> Entry? {
        guard let entry = entries[completion.sequence], entry.attempt == completion.attempt, entry.task != nil else {
            return nil
        }
        entry.task = nil
        metrics.latency.observe(Double(clock.monotonicNanos() - entry.startedNanos) / 1e9)
        return entry
    }

    /// Removes a completed input; returns the next of its key.
    func finish(_ entry: Entry) -> Entry? {
        entries[entry.sequence] = nil
        services.pending -= 1
        metrics.inFlight.set(entries.count)
        if entries.count < capacity { hold(false) }
        for reason in outages { pauses.set(reason, false) }
        outages.removeAll()
        queues[entry.key]?.removeFirst()
        guard let next = queues[entry.key]?.first else {
            queues[entry.key] = nil
            return nil
        }
        return next
    }

    func retry(_ entry: Entry, at millis: Int64, outage: String?) {
        metrics.retries.add()
        if let outage {
            let reason = "\(operatorID): \(outage)"
            pauses.set(reason, true)
            outages.insert(reason)
        }
        retries.insert(entry, at: millis)
    }

    /// The next retry or time-out that is due and still means something.
    func takeDue(_ wallMillis: Int64) -> Due? {
        if let entry = retries.take(dueAt: wallMillis) { return .retry(entry) }
        guard let oldest = oldestRequest(), oldest.millis <= wallMillis else { return nil }
        oldest.entry.task?.cancel()
        oldest.entry.task = nil
        metrics.timeouts.add()
        return .timeout(oldest.entry)
    }

    /// The request that has waited longest.
    private func oldestRequest() -> (millis: Int64, entry: Entry)? {
        while firstTimeout < timeouts.count {
            let (millis, entry, attempt) = timeouts[firstTimeout]
            if entry.task != nil, entry.attempt == attempt { return (millis, entry) }
            firstTimeout += 1
        }
        timeouts.removeAll(keepingCapacity: true)
        firstTimeout = 0
        return nil
    }

    func askForTick() {
        if let millis = retries.earliestMillis { services.wantTimer(at: millis) }
        if let oldest = oldestRequest() { services.wantTimer(at: oldest.millis) }
        if firstTimeout > 4096, firstTimeout * 2 > timeouts.count {
            timeouts.removeFirst(firstTimeout)
            firstTimeout = 0
        }
    }

    private func hold(_ isFull: Bool) {
        if isFull { services.backPressure.raise() }
        guard isFull != isHolding else { return }
        isHolding = isFull
        services.holds += isFull ? 1 : -1
    }

    func entriesInOrder() -> [Entry] { entries.values.sorted { $0.sequence < $1.sequence } }

    /// Everything with a lower sequence is completed.
    func oldestSequence() -> UInt64 {
        while oldest < nextSequence, entries[oldest] == nil { oldest += 1 }
        return oldest
    }

    func cancelAll() {
        for entry in entries.values { entry.task?.cancel() }
        for reason in outages { pauses.set(reason, false) }
    }
}
