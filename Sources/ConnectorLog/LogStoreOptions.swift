import StreamRuntime

/// The settings of one opened log. Every bound has a default that fits one machine's embedded use.
public struct LogStoreOptions: Sendable {
    /// Partitions of a topic that is created on demand.
    public var partitionsDefault: Int32 = 4
    /// Retention of a topic that is created on demand.
    public var retentionDefault = LogRetention.forever
    /// Retention of topics by name: of those that are created on demand, and of those that exist, which get it when the log
    /// is opened for writing.
    public var retentions: [String: LogRetention] = [:]
    /// A segment file is closed when a frame would make it larger.
    public var segmentBytesMax: Int64 = 64 << 20
    /// The largest record, key, value and headers together.
    public var recordBytesMax = 16 << 20
    /// Bytes of one job's uncommitted records kept in memory. Beyond it, writers that wait for a commit
    /// are not ready, and the others' records go to a spill file, so that a barrier still gets through.
    public var stagingBytesMax = 64 << 20
    /// Bytes of one epoch in its spill file; beyond it the job fails, naming this limit.
    public var spillBytesMax: Int64 = 4 << 30
    /// Bytes of a journal before it is compacted.
    public var journalBytesMax: Int64 = 1 << 20
    /// How often a reading process looks for commits of the writing one.
    public var followPollMillis = 10
    /// What is checked on opening for writing.
    public var verification = LogVerification.lastCommit
    public var clock: any RuntimeClock = SystemClock()
    public var log = RuntimeLog.silent

    /// Tests: told of each durability step; throwing is a crash there.
    package var step: LogStepHook?

    public init() {}
}
