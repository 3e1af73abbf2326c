import StreamRuntime

/// How a `JobTest` or a harness runs its job.
public struct TestSetup: Sendable {
    public var parallelism: Int
    public var backend: any StateBackend
    /// Backends whose checkpoints can be read besides.
    public var readableBackends: [any StateBackend] = []
    public var keyGroups = KeyGroups()
    /// The path of a savepoint to start from.
    public var savepoint: String?
    /// Start although the savepoint holds state that the job does not have.
    public var dropsUnknownState = false
    /// Records a task takes at once, and timers it fires at once: with few of them much happens in between.
    public var batchRecords = JobOptions().batchRecords
    /// Virtual time between checkpoints that nobody asks for.
    public var checkpointEvery: Duration?
    /// How often each source sends a latency marker, in virtual time; `nil`: never.
    public var latencyEvery: Duration?
    /// Steps the tasks in another order each round, the same for the same seed; `nil`: along the stream.
    public var seed: UInt64?
    public var clock = ManualClock()
    /// What goes wrong on purpose: `FaultPlan([.fail(at: .manifestSynced)])`.
    public var faults: (any FaultInjector)?
    /// Real time to wait for the answers of outside systems, at most.
    public var answersWithin = Duration.seconds(30)

    public init(
        parallelism: Int = 1, backend: any StateBackend = HeapBackend(), seed: UInt64? = nil,
        faults: (any FaultInjector)? = nil
    ) {
        self.faults = faults
        self.parallelism = parallelism
        self.backend = backend
        self.seed = seed
    }

    /// A hundred years, in milliseconds: never.
    private static let never = 100 * 365 * 86_400_000

    func options(_ folder: TestFolder) -> JobOptions {
        var options = JobOptions()
        options.parallelism = parallelism
        options.keyGroups = keyGroups
        options.batchRecords = batchRecords
        options.checkpointRoot = folder.checkpoints
        options.workRoot = folder.work
        options.checkpointIntervalMillis = checkpointEvery.map { Int($0.wholeNanos / 1_000_000) } ?? Self.never
        options.epochTimeoutMillis = Self.never
        options.drainTimeoutMillis = Self.never
        options.latencyIntervalMillis = latencyEvery.map { Int($0.wholeNanos / 1_000_000) } ?? 0
        options.startFromSavepoint = savepoint
        options.dropsUnknownState = dropsUnknownState
        return options
    }
}

/// A test that cannot go on as it asks.
public struct JobTestError: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
