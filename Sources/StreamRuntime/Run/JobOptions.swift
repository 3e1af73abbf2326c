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
    /// An epoch that takes longer is given up (rule 4.9): half the transaction time-out of Kafka's default.
    public var epochTimeoutMillis = 30_000
    /// Checkpoints kept, the newest included; at least 2 (rule 4.10).
    public var retainedCheckpoints = 3
    public var restart = RestartStrategy.exponential()
    /// Start from this checkpoint instead of the last decision.
    public var startFrom: CheckpointID?
    /// `startFrom` names another checkpoint than the last decision, and outputs may be emitted again.
    public var acceptsReplay = false
    /// How long a stop waits for records in flight.
    public var drainTimeoutMillis = 30_000
    /// Records in a batch between subtasks.
    public var batchRecords = 1024

    public init() {}
}

/// What the runtime uses of its surroundings.
public struct JobEnvironment: Sendable {
    public var backend: any StateBackend
    /// Every backend whose checkpoints can be read; `backend` included.
    public var readableBackends: [any StateBackend]
    public var clock: any RuntimeClock
    public var log: RuntimeLog
    public var metrics: MetricRegistry

    public init(
        backend: any StateBackend = HeapBackend(), readableBackends: [any StateBackend] = [],
        clock: any RuntimeClock = SystemClock(), log: RuntimeLog = .silent, metrics: MetricRegistry = MetricRegistry()
    ) {
        self.backend = backend
        self.readableBackends = readableBackends + [backend, HeapBackend()]
        self.clock = clock
        self.log = log
        self.metrics = metrics
    }
}
