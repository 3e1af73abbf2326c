import StreamRuntime

/// Writes records to topics of an embedded log, exactly once: they become visible with the decision of
/// their epoch (rule 4).
///
/// ```swift
/// LogSink(store, topic: "trade_executed") { trade, record in
///     record.setKey(trade.userId)
///     record.setValue(trade.json)
/// }
/// ```
/// `encode` runs on task threads, once per record; `record` is empty but for the topic. A topic that
/// does not exist is created with the store's default partition count at its first record.
public struct LogSink<Element>: Sink {
    public typealias Encode = @Sendable (Element, inout LogRecordBuilder) throws -> Void

    public let store: LogStore
    public let topic: String
    private let domain: LogTransactions
    private let encode: Encode

    /// A sink with the `transactions` given; sinks of one job may share them.
    public init(_ transactions: LogTransactions, topic: String, encode: @escaping Encode) {
        store = transactions.store
        self.topic = topic
        self.encode = encode
        domain = transactions
    }

    /// All log sinks of a job on one store commit together.
    public init(_ store: LogStore, topic: String, encode: @escaping Encode) {
        self.init(LogTransactions(store), topic: topic, encode: encode)
    }

    public var transactions: (any TransactionDomain)? { domain }

    public func makeWriter(_ context: SinkWriterContext) throws -> LogSinkWriter<Element> {
        try LogNames.checkTopic(topic)
        return LogSinkWriter(core: SinkWriterCore(store, context), topic: topic, encode: encode)
    }
}

/// One subtask of a `LogSink`. Owned by one task thread. A record costs its encoding and one copy; a full
/// frame (256 KiB) costs a lock and, when staging memory is full, a write to the spill file.
public struct LogSinkWriter<Element>: SinkWriter {
    private let core: SinkWriterCore
    private let topic: String
    private let encode: LogSink<Element>.Encode
    private var builder: LogRecordBuilder

    init(core: SinkWriterCore, topic: String, encode: @escaping LogSink<Element>.Encode) {
        self.core = core
        self.topic = topic
        self.encode = encode
        builder = LogRecordBuilder(topic: topic)
    }

    public var isReady: Bool { core.isReady }

    public mutating func write(_ element: Element) throws {
        builder.reset(topic: topic)
        try encode(element, &builder)
        if !builder.isSkipped { try core.stage(builder) }
    }

    public mutating func endEpoch(_ epoch: Epoch) throws { try core.endEpoch(epoch) }
}

/// What a writer does that does not depend on its element type.
final class SinkWriterCore {
    private let store: LogStore
    private let context: SinkWriterContext
    private var session: TransactionSession?
    /// The epoch that records written now belong to; `nil` before the first frame or barrier.
    private var epoch: Epoch?
    @exclusivity(unchecked) private var staging: StagingArea?  // one thread's, read once a record

    init(_ store: LogStore, _ context: SinkWriterContext) {
        self.store = store
        self.context = context
        attach()
    }

    /// Binds to the attempt that owns the job now, and to no other ever after.
    private func attach() {
        guard session == nil, let session = store.session(of: context.job) else { return }
        self.session = session
        session.addWriter(wake: context.wake)
        let store = store
        staging = StagingArea(
            seed: context.subtask, recordBytesMax: store.options.recordBytesMax,
            partitionCount: { try store.topicForWriting($0).partitions },
            takeBuffer: { session.takeBuffer() },
            seal: { [unowned self] in try self.seal($0, $1) })
    }

    var isReady: Bool { session?.isReady(epoch) ?? true }

    func stage(_ record: borrowing LogRecordBuilder) throws {
        guard let staging else {
            attach()
            guard let staging else {
                throw LogUsageError("job \(context.job) writes to \(store.identity) before its transactions are recovered")
            }
            return _ = try staging.stage(record) { context.clock.wallMillis() }
        }
        try staging.stage(record) { context.clock.wallMillis() }
    }

    func endEpoch(_ epoch: Epoch) throws {
        attach()
        self.epoch = epoch
        try staging?.sealAll()
        guard let session else {
            throw LogUsageError("epoch \(epoch) of job \(context.job) ends before its transactions are recovered")
        }
        try session.writerEnded(epoch)
        self.epoch = epoch.next
    }

    private func seal(_ partition: LogTopicPartition, _ frame: StagedFrame) throws {
        guard let session else { return }
        let epoch = try epoch ?? session.firstEpoch()
        self.epoch = epoch
        try session.add(frame, to: partition, epoch)
    }
}
