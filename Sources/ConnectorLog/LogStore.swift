import Foundation
import StreamRuntime
import Synchronization

/// An embedded partitioned log: one folder, with the contract of a Kafka cluster that has one writer.
///
/// ```
/// owner.lock                       held by the one writing process
/// topics/<name>/meta               partition count and retention
/// topics/<name>/<partition>/<first offset, 20 digits>.seg
/// commits/<number, 20 digits>.journal
/// ```
/// Open it once per process and hand it to every source and sink (`shared(at:)` does): all jobs of the
/// process commit through it, side by side. Another process may open it with `reading: true`.
/// Callable from any thread.
public final class LogStore: Sendable {
    /// The folder, absolute and without links.
    public let path: String
    public let options: LogStoreOptions
    /// What opening found and repaired; clean for a reading store.
    public let recovery: LogRecoveryReport
    public let isWritable: Bool

    let paths: LogPaths
    let feeds: FeedTable
    private let engine: CommitEngine?
    private let follower: JournalFollower?
    private let lock: Mutex<OwnerLock?>
    private let topics: TopicTable
    private let sessions = Mutex<[JobID: TransactionSession]>([:])
    private let async = AsyncAppends()
    private let closed = Atomic<Bool>(false)

    /// Opens the log in folder `path`, making it if need be (`reading: false`) or following one that
    /// another process writes (`reading: true`, no lock).
    ///
    /// Throws `LogOwnedElsewhere` when another process writes to it, `LogCorruption` when committed data is
    /// missing or wrong, `FileError` for the rest. Cost: reads the journal (about 1 MiB at most), looks at
    /// every segment's size and checks what `options.verification` says.
    public init(path: String, reading: Bool = false, options: LogStoreOptions = LogStoreOptions()) throws {
        let absolute = URL(fileURLWithPath: path).standardizedFileURL.path
        if !reading { try LogFolder.create(absolute) }
        let resolved = URL(fileURLWithPath: absolute).resolvingSymlinksInPath().path
        let paths = LogPaths(root: resolved)
        self.path = resolved
        self.paths = paths
        self.options = options
        isWritable = !reading
        if reading {
            let follower = try JournalFollower(paths, options)
            self.follower = follower
            engine = nil
            recovery = LogRecoveryReport()
            lock = Mutex(nil)
            topics = TopicTable(paths, options)
            feeds = FeedTable(follower.state)
            return
        }
        lock = Mutex(try OwnerLock(paths))
        let found = try Recovery.run(paths, verification: options.verification, step: options.step)
        let topics = TopicTable(paths, options)
        try topics.applyRetentions()
        let feeds = FeedTable(found.state)
        self.topics = topics
        self.feeds = feeds
        recovery = found.report
        follower = nil
        engine = CommitEngine(
            paths, options, state: found.state, journal: found.journal,
            retention: { topics.retention(of: $0) }, publish: { feeds.publish($0, $1) })
        if !found.report.isClean {
            options.log(
                .warning, "the log was repaired when it was opened: uncommitted data was cut off",
                [
                    "log": resolved, "journalBytes": "\(found.report.tornJournalBytes)",
                    "partitionBytes": "\(found.report.truncated.values.reduce(0, +))",
                ])
        }
    }

    /// Names the log in decisions and metrics: `log://<path>`.
    public var identity: String { "log://" + path }

    /// Waits for the commit in hand, then lets go of the owner lock. What is staged is dropped. Idempotent.
    public func close() {
        closed.store(true, ordering: .releasing)
        engine?.close()
        let open = sessions.withLock { sessions -> [TransactionSession] in
            defer { sessions = [:] }
            return Array(sessions.values)
        }
        for session in open { session.end(LogUsageError("the log \(path) was closed")) }
        lock.withLock { $0 = nil }
    }

    public var isClosed: Bool { closed.load(ordering: .acquiring) }

    // MARK: topics

    /// Every topic, by name.
    public func allTopics() throws -> [LogTopic] { try TopicMeta.all(in: paths) }

    /// The topic, or `nil` if there is none of that name.
    public func topic(_ name: String) throws -> LogTopic? { try topics.find(name) }

    /// Creates the topic unless it exists. Throws if it exists with another partition count: that would
    /// send keys elsewhere. Its retention is changed if another one is given.
    @discardableResult
    public func createTopic(_ name: String, partitions: Int32? = nil, retention: LogRetention? = nil) throws -> LogTopic {
        _ = try writer()
        return try topics.create(name, partitions: partitions, retention: retention)
    }

    func topicForWriting(_ name: String) throws -> LogTopic {
        _ = try writer()
        return try topics.find(name) ?? topics.create(name, partitions: nil, retention: nil)
    }

    func topicForReading(_ name: String) throws -> LogTopic {
        if let known = try topics.find(name) { return known }
        guard isWritable else {
            throw LogUsageError(
                "there is no topic '\(name)' in \(identity), which is open for reading only: start the process "
                    + "that writes it first, or run `weir provision`")
        }
        return try topicForWriting(name)
    }

    // MARK: reading

    /// A reader of one partition that begins at `position`. Throws `LogOutOfRange` if there is no such place.
    public func reader(_ partition: LogTopicPartition, at position: Int64) throws -> LogReader {
        let topic = try topicForReading(partition.topic)
        guard partition.partition >= 0, partition.partition < topic.partitions else {
            throw LogUsageError("topic \(topic.name) has no partition \(partition.partition), only 0..<\(topic.partitions)")
        }
        if position > feeds.feed(partition).end { try refresh(isForced: true) }
        let extent = feeds.feed(partition).extent
        guard position >= extent.start, position <= extent.end else {
            throw LogOutOfRange(
                topic: partition.topic, partition: partition.partition, position: position, start: extent.start,
                end: extent.end)
        }
        return LogReader(self, partition, position: position)
    }

    /// The first offset kept and the offset after the last committed record.
    public func offsets(_ partition: LogTopicPartition) throws -> Range<Int64> {
        try refresh()
        let extent = feeds.feed(partition).extent
        return extent.start..<extent.end
    }

    func offset<Element>(_ id: LogTopicPartition, _ start: LogSource<Element>.Start) throws -> Int64 {
        let extent = feeds.feed(id).extent
        switch start {
        case .earliest: return extent.start
        case .latest: return extent.end
        case .timestampMillis(let millis):
            return try LogReader(self, id, position: extent.start).offset(atTimestampMillis: millis)
        }
    }

    /// A reading process looks for new commits; nothing to do in the writing one.
    func refresh(isForced: Bool = false) throws {
        try follower?.poll(isForced: isForced) { feeds.publish($0, nil) }
    }

    /// The last decision kept for an island, and the attempt that owns it; `nil` if it never claimed.
    public func lastDecision(_ owner: LogOwner) throws -> (attempt: AttemptID, decision: Decision?)? {
        try refresh(isForced: true)
        guard let known = feeds.state.owners[owner], let attempt = AttemptID(known.attempt) else { return nil }
        return (attempt, try known.decision.map { try Decision(json: $0) })
    }

    /// Reads every committed byte and checks it; throws `LogCorruption` at the first fault. As long as
    /// reading the log takes; readers and writers go on meanwhile.
    public func verifyAll() throws {
        try refresh(isForced: true)
        for (id, extent) in feeds.state.partitions.sorted(by: { $0.key < $1.key }) {
            try Recovery.verify(id, extent, paths, .everything)
        }
    }

    // MARK: writing

    /// Where one appended record lies.
    public struct Appended: Sendable, Hashable {
        public let partition: LogTopicPartition
        public let offset: Int64
    }

    /// Appends records in one transaction of their own: durable and visible, all of them, when this
    /// returns. Blocks for the syncs; concurrent calls share them. For tools, tests and services.
    @discardableResult
    public func append(_ records: [LogRecord]) throws -> [Appended] {
        let prepared = try PreparedAppend(records, self)
        let receipt = try writer().submit(.commit(StagedTransaction(decided: nil, data: prepared.data)))
        return prepared.placed(receipt)
    }

    /// The same without blocking the calling thread. At most 64 MiB wait at a time; more is refused.
    @discardableResult
    public func append(_ records: [LogRecord]) async throws -> [Appended] {
        let prepared = try PreparedAppend(records, self)
        return prepared.placed(try await async.submit(prepared.data, to: try writer()))
    }

    /// Removes what retention allows, now; otherwise it happens as segments fill, and each minute of commits.
    public func enforceRetention() throws { _ = try writer().submit(.retain) }

    private func writer() throws -> CommitEngine {
        guard let engine else {
            throw LogUsageError("\(identity) is open for reading only: another process writes it")
        }
        return engine
    }

    // MARK: transactions

    func claim(_ owner: LogOwner, _ attempt: AttemptID) throws -> (TransactionSession, OwnerState?) {
        let engine = try writer()
        let session = TransactionSession(owner: owner, attempt: attempt, options: options, folder: paths.root)
        let older = sessions.withLock { $0.removeValue(forKey: owner.job) }
        if let older { older.end(LogFenced(owner: older.owner, attempt: older.attempt, current: attempt)) }
        let receipt = try engine.submit(.claim(owner, attempt))
        sessions.withLock { $0[owner.job] = session }
        return (session, receipt.ownerBefore)
    }

    /// The claim alone, as it stands in the journal; the sessions of this process are not told.
    package func recordClaim(_ owner: LogOwner, _ attempt: AttemptID) throws {
        _ = try writer().submit(.claim(owner, attempt))
    }

    func session(of job: JobID) -> TransactionSession? { sessions.withLock { $0[job] } }

    func endSession(_ session: TransactionSession, _ error: any Error) {
        session.end(error)
        sessions.withLock { if $0[session.owner.job] === session { $0[session.owner.job] = nil } }
    }

    func commit(_ transaction: StagedTransaction) throws { _ = try writer().submit(.commit(transaction)) }
}
