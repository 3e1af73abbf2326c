/// Where records come from: a set of splits (a Kafka partition, a file, …), each an ordered sequence
/// that can be read again from a position.
public protocol Source<Element>: Sendable {
    associatedtype Element
    associatedtype Reader: SourceReader where Reader.Element == Element

    /// The splits there are now, each with the position a *first* start would begin at. Called once per
    /// start of the job, on the coordinator's thread; may block (bounded by `context.isCancelled`).
    /// A job's state is bound to its splits: one that disappears is refused, a new one begins at `startWhenAdded`.
    func discoverSplits(_ context: SourceContext) throws -> [SourceSplit]

    /// Called once per subtask, on its worker thread's behalf, before the first record. May block briefly.
    func makeReader(_ context: SourceReaderContext) throws -> Reader
}

/// One independently readable part of a source.
public struct SourceSplit: Sendable, Hashable {
    /// Stable over restarts, e.g. `trade_orders/3`.
    public let id: String
    /// The position of the first record to read when there is no checkpoint.
    public let start: Int64
    /// The same for a split that a checkpoint does not know, although it knows others of the source: it has come since.
    public let startWhenAdded: Int64
    /// Where a broker keeps this split's committed offset, if it does.
    public let brokerOffset: BrokerOffset?

    /// `startWhenAdded`: as `start` unless given.
    public init(id: String, start: Int64, startWhenAdded: Int64? = nil, brokerOffset: BrokerOffset? = nil) {
        self.id = id
        self.start = start
        self.startWhenAdded = startWhenAdded ?? start
        self.brokerOffset = brokerOffset
    }
}

/// The place of a committed offset on a broker: the deciding transaction carries it too (rule 4).
public struct BrokerOffset: Sendable, Hashable {
    /// The `TransactionDomain.identity` the offset belongs to.
    public let domain: String
    public let group: String
    public let topic: String
    public let partition: Int32

    public init(domain: String, group: String, topic: String, partition: Int32) {
        self.domain = domain
        self.group = group
        self.topic = topic
        self.partition = partition
    }
}

/// How far one split has been read.
public struct SplitPosition: Sendable, Hashable {
    public let split: String
    /// The position of the next record to read.
    public let next: Int64

    public init(split: String, next: Int64) {
        self.split = split
        self.next = next
    }
}

/// What a source is told when the job starts.
public struct SourceContext: Sendable {
    public let operatorID: OperatorID
    public let job: JobID
    public let jobName: String
    public let log: RuntimeLog
    /// True once the job is being stopped: give up waiting.
    public let isCancelled: @Sendable () -> Bool

    public init(
        operatorID: OperatorID, job: JobID, jobName: String, log: RuntimeLog,
        isCancelled: @escaping @Sendable () -> Bool
    ) {
        self.operatorID = operatorID
        self.job = job
        self.jobName = jobName
        self.log = log
        self.isCancelled = isCancelled
    }
}

/// What a reader is given: its share of the splits, each with the position to go on from.
public struct SourceReaderContext: Sendable {
    public let source: SourceContext
    public let subtask: Int
    public let parallelism: Int
    public let assignments: [SplitPosition]
    /// Raised while the operators behind the reader cannot take more: a reader that emits many records
    /// per `poll` looks at it and returns early.
    public let backPressure: BackPressure
    /// Wakes the reader's worker thread; call it, from any thread, when an idle reader has records again.
    public let wake: @Sendable () -> Void
    public let metrics: MetricRegistry
    public let clock: any RuntimeClock
    /// Tells the split of the records that follow; a reader of several splits calls it for watermarks per split.
    public let splits: SplitCursor

    public init(
        source: SourceContext, subtask: Int, parallelism: Int, assignments: [SplitPosition],
        backPressure: BackPressure, wake: @escaping @Sendable () -> Void, metrics: MetricRegistry,
        clock: any RuntimeClock, splits: SplitCursor? = nil
    ) {
        self.splits = splits ?? SplitCursor(assignments.map(\.split))
        self.source = source
        self.subtask = subtask
        self.parallelism = parallelism
        self.assignments = assignments
        self.backPressure = backPressure
        self.wake = wake
        self.metrics = metrics
        self.clock = clock
    }
}

/// Thrown by a reader's `poll` when its source has splits that this attempt does not read. Counts as no failure: the job goes on
/// from its last decision with another attempt, which discovers them.
public struct NewSplits: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// What one `poll` came to.
public enum SourceStatus: Sendable, Equatable {
    /// Records were emitted, or may be at once.
    case progressed
    /// Nothing was emitted and nothing is there now. The reader is polled again when it calls `wake`, or after
    /// this time at the latest. (A poll that emitted something has progressed: its records would be handed on
    /// no sooner than the next barrier otherwise.)
    case idle(recheckAfterMicros: Int64)
    /// Every split has ended; `poll` is not called again.
    case finished
}

/// Reads the splits of one subtask. Owned by one task thread; `poll` must not block.
public protocol SourceReader<Element>: SendableMetatype {
    associatedtype Element

    /// Emits at most `budget` records. A record that cannot be read is the source's to report (emit it
    /// as an undecodable value, or throw to fail the job).
    mutating func poll<Output: Collector>(into output: inout Output, budget: Int) throws -> SourceStatus
    where Output.Element == Element

    /// The next position of *every* assigned split, idle ones too. Called at each barrier.
    func positions() -> [SplitPosition]

    /// The checkpoint that holds these positions is decided. For monitoring only (committing offsets to a
    /// broker when no transaction carries them); a failure is logged, never thrown.
    mutating func checkpointDecided(_ positions: [SplitPosition])

    /// Records known to lie between the next position and the end of each split; `nil` where unknown.
    func lag() -> [(split: String, records: Int64)]

    mutating func close()
}

extension SourceReader {
    public mutating func checkpointDecided(_ positions: [SplitPosition]) {}
    public func lag() -> [(split: String, records: Int64)] { [] }
    public mutating func close() {}
}
