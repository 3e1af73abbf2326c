/// Where records go.
public protocol Sink<Element>: Sendable {
    associatedtype Element
    associatedtype Writer: SinkWriter where Writer.Element == Element

    /// The transactions this sink's records are part of; `nil` for a sink that is not transactional.
    /// All transactional sinks of one job must share one domain (same `identity`).
    var transactions: (any TransactionDomain)? { get }

    /// Called once per subtask before the first record.
    func makeWriter(_ context: SinkWriterContext) throws -> Writer
}

extension Sink {
    public var transactions: (any TransactionDomain)? { nil }
}

/// What a sink's writer is given when its subtask is made.
public struct SinkWriterContext: Sendable {
    public let operatorID: OperatorID
    public let job: JobID
    public let subtask: Int
    public let parallelism: Int
    public let log: RuntimeLog
    /// Wakes the writer's worker thread; call it, from any thread, when `isReady` may have become true.
    public let wake: @Sendable () -> Void
    public let metrics: MetricRegistry
    public let clock: any RuntimeClock
    /// Where a writer says that its outside system is down: the job is shown as paused, no epoch is begun.
    public let pauses: PauseReasons

    public init(
        operatorID: OperatorID, job: JobID, subtask: Int, parallelism: Int, log: RuntimeLog,
        wake: @escaping @Sendable () -> Void, metrics: MetricRegistry, clock: any RuntimeClock,
        pauses: PauseReasons = PauseReasons()
    ) {
        self.operatorID = operatorID
        self.job = job
        self.subtask = subtask
        self.parallelism = parallelism
        self.log = log
        self.wake = wake
        self.metrics = metrics
        self.clock = clock
        self.pauses = pauses
    }
}

/// Writes the records of one subtask. Owned by one task thread; nothing here may block.
public protocol SinkWriter<Element>: SendableMetatype {
    associatedtype Element

    /// False while the writer can take no more; the task then stops feeding it (back-pressure) until
    /// `wake` is called. A writer must still accept the records of the batch in hand, and must become ready
    /// again without a further barrier: none passes a task that is held back.
    var isReady: Bool { get }

    mutating func write(_ element: Element) throws

    /// The upstream has nothing more for now: hand on what is buffered.
    mutating func flush() throws

    /// What was written before this call belongs to `epoch`, what is written after it to the next.
    mutating func endEpoch(_ epoch: Epoch) throws

    /// True once every write up to and including `epoch` is acknowledged by the outside system. The
    /// epoch is not decided before (rule 8). Transactional writers leave this to their domain.
    func isAcknowledged(through epoch: Epoch) throws -> Bool

    mutating func close()
}

extension SinkWriter {
    public var isReady: Bool { true }
    public mutating func flush() throws {}
    public mutating func endEpoch(_ epoch: Epoch) throws {}
    public func isAcknowledged(through epoch: Epoch) throws -> Bool { true }
    public mutating func close() {}
}
