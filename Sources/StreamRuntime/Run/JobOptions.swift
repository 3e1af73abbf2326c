/// How a job is run.
public struct JobOptions: Sendable {
    /// With the job's name, gives the job its id.
    public var namespace = "default"
    /// Overrides the derived id.
    public var jobID: JobID?
    public var parallelism = 1
    /// The highest parallelism the job can ever have; fixed by its first checkpoint.
    public var keyGroups = KeyGroups()
    /// Worker threads; `nil`: one per core, at most as many as the widest operator has subtasks.
    public var threads: Int?
    public var checkpointRoot = "checkpoints"
    /// For working files of state backends; emptied when the job starts.
    public var workRoot = "data/state"
    public var checkpointIntervalMillis = 1000
    /// An epoch that takes longer is given up (rule 9): half the transaction time-out of Kafka's default.
    public var epochTimeoutMillis = 30_000
    /// Checkpoints kept, the newest included; at least 2 (rule 10).
    public var retainedCheckpoints = 3
    public var restart = RestartStrategy.exponential()
    /// Start from this checkpoint of the job instead of the last decision, once: a start that finds decisions which go back
    /// to it goes on from the last of them, so that a supervisor may repeat the same command.
    public var startFrom: CheckpointID?
    /// The same with the savepoint in this folder, which may be of another job.
    public var startFromSavepoint: String?
    /// What is started from is another checkpoint than the last decision, and outputs may be emitted again.
    public var acceptsReplay = false
    /// Drop stored operators and states that the job does not have, instead of refusing to start.
    public var dropsUnknownState = false
    /// How long a stop waits for records in flight.
    public var drainTimeoutMillis = 30_000
    /// How often each source subtask sends a latency marker; 0: never.
    public var latencyIntervalMillis = 100
    /// Records in a batch between subtasks.
    public var batchRecords = 1024

    public init() {}

    /// A century: never, and sums of it with times do not overflow.
    private static let foreverMillis = 100 * 366 * 86_400_000
    private static let batchRecordsMax = 1 << 16

    /// With the nearest values that can be worked with: `.max` milliseconds mean never, a batch has a record at least.
    var bounded: JobOptions {
        func bound(_ millis: Int) -> Int { min(max(0, millis), Self.foreverMillis) }
        var options = self
        options.checkpointIntervalMillis = bound(checkpointIntervalMillis)
        options.epochTimeoutMillis = bound(epochTimeoutMillis)
        options.drainTimeoutMillis = bound(drainTimeoutMillis)
        options.latencyIntervalMillis = bound(latencyIntervalMillis)
        options.batchRecords = min(max(1, batchRecords), Self.batchRecordsMax)
        return options
    }
}

/// What the runtime uses of its surroundings.
public struct JobEnvironment: Sendable {
    public var backend: any StateBackend
    /// Every backend whose checkpoints can be read; `backend` included.
    public var readableBackends: [any StateBackend]
    var formats: [any StateFormat] { readableBackends + [SavepointFormat()] }
    public var clock: any RuntimeClock
    public var log: RuntimeLog
    public var metrics: MetricRegistry
    /// What goes wrong on purpose; `nil` in a running job.
    public var faults: (any FaultInjector)?
    /// Where checkpoints are.
    package var disk: any Disk = SystemDisk()
    package var makeAttemptID: @Sendable () -> AttemptID = { .random() }

    public init(
        backend: any StateBackend = HeapBackend(), readableBackends: [any StateBackend] = [],
        clock: any RuntimeClock = SystemClock(), log: RuntimeLog = .silent, metrics: MetricRegistry = MetricRegistry(),
        faults: (any FaultInjector)? = nil
    ) {
        self.faults = faults
        self.backend = backend
        self.readableBackends = readableBackends + [backend, HeapBackend()]
        self.clock = clock
        self.log = log
        self.metrics = metrics
    }
}
