import StreamRuntime

/// Reads topics of an embedded log. A split is a partition, `topic/partition`; its position the offset of
/// the next record.
///
/// ```swift
/// LogSource(store, topics: ["trade_orders"]) { record in try Order(json: record.value) }
/// ```
/// `decode` runs on task threads, once per record, on bytes that are valid only during the call. A record
/// it refuses (throws at) is given to `onUndecodable`, whose element goes on in its place, so that a job
/// can route it to a dead-letter topic; without it the job fails, naming topic, partition and offset.
///
/// A topic that does not exist is created with the store's default partition count when the store is
/// open for writing; otherwise the start is refused.
public struct LogSource<Element>: Source {
    /// Where a first start begins; a restart goes on from its checkpoint.
    public enum Start: Sendable, Hashable {
        case earliest, latest
        /// The first record with this timestamp or a later one.
        case timestampMillis(Int64)
    }
    public typealias Decode = @Sendable (LogRecordView) throws -> Element
    public typealias OnUndecodable = @Sendable (LogRecordView, any Error) -> Element

    public let store: LogStore
    public let topics: [String]
    public let start: Start
    private let decode: Decode
    private let onUndecodable: OnUndecodable?

    public init(
        _ store: LogStore, topics: [String], start: Start = .earliest, onUndecodable: OnUndecodable? = nil,
        decode: @escaping Decode
    ) {
        self.store = store
        self.topics = topics
        self.start = start
        self.decode = decode
        self.onUndecodable = onUndecodable
    }

    public func discoverSplits(_ context: SourceContext) throws -> [SourceSplit] {
        try store.refresh(isForced: true)
        return try topics.flatMap { name in
            let topic = try store.topicForReading(name)
            return try (0..<topic.partitions).map { partition in
                let id = LogTopicPartition(topic: name, partition: partition)
                return SourceSplit(id: id.description, start: try store.offset(id, start))
            }
        }
    }

    public func makeReader(_ context: SourceReaderContext) throws -> LogSourceReader<Element> {
        let readers = try context.assignments.map { assignment in
            guard let id = LogTopicPartition(assignment.split) else {
                throw LogUsageError("'\(assignment.split)' is no split of a log source: topic/partition")
            }
            return try store.reader(id, at: assignment.next)
        }
        return LogSourceReader(store, readers, context, decode: decode, onUndecodable: onUndecodable)
    }
}

/// One subtask of a `LogSource`: its partitions in turn, many records per poll. Owned by one task thread.
public struct LogSourceReader<Element>: SourceReader {
    @usableFromInline let readers: [LogReader]
    @usableFromInline let backPressure: BackPressure
    /// Its splits are `readers`, in their order.
    @usableFromInline let splits: SplitCursor
    @usableFromInline let decode: LogSource<Element>.Decode
    @usableFromInline let onUndecodable: LogSource<Element>.OnUndecodable?
    @usableFromInline let idleMicros: Int64
    /// The partition to begin the next poll with.
    @usableFromInline var turn = 0
    private var subscriptions: [LogSubscription]

    init(
        _ store: LogStore, _ readers: [LogReader], _ context: SourceReaderContext,
        decode: @escaping LogSource<Element>.Decode, onUndecodable: LogSource<Element>.OnUndecodable?
    ) {
        self.readers = readers
        self.decode = decode
        self.onUndecodable = onUndecodable
        backPressure = context.backPressure
        splits = context.splits
        // The writing process wakes its readers; another one has to look.
        idleMicros = store.isWritable ? 5_000_000 : Int64(store.options.followPollMillis) * 1000
        subscriptions = store.isWritable ? readers.map { $0.onCommit(context.wake) } : []
    }

    /// Each partition gives its share of `budget` before the next one's turn, so that their event times
    /// stay together when several have much to read. One that is paused by its alignment keeps what it has.
    @inlinable
    public mutating func poll<Output: Collector>(into output: inout Output, budget: Int) throws -> SourceStatus
    where Output.Element == Element {
        guard !readers.isEmpty else { return .idle(recheckAfterMicros: idleMicros) }
        let share = max(64, budget / readers.count)
        var emitted = 0
        var isAnyPaused = false
        for _ in 0..<readers.count where emitted < budget {
            let index = turn
            let reader = readers[index]
            turn = turn + 1 == readers.count ? 0 : turn + 1
            if splits.isPaused(index) {
                isAnyPaused = true
                continue
            }
            splits.select(index)
            let limit = min(budget, emitted + share)
            while emitted < limit {
                if backPressure.isRaised { return .progressed }
                guard let record = try reader.next() else { break }
                try output.collect(try element(of: record))
                emitted += 1
            }
        }
        if emitted > 0 { return .progressed }
        return .idle(recheckAfterMicros: isAnyPaused ? min(idleMicros, 5_000) : idleMicros)
    }

    @usableFromInline
    func element(of record: LogRecordView) throws -> Element {
        do {
            return try decode(record)
        } catch {
            guard let onUndecodable else {
                throw LogUndecodable(
                    topic: record.topic, partition: record.partition, offset: record.offset, cause: error)
            }
            return onUndecodable(record, error)
        }
    }

    public func positions() -> [SplitPosition] {
        readers.map { SplitPosition(split: $0.partition.description, next: $0.position) }
    }

    public func lag() -> [(split: String, records: Int64)] {
        readers.map { (split: $0.partition.description, records: $0.lag) }
    }

    public mutating func close() { subscriptions = [] }
}
