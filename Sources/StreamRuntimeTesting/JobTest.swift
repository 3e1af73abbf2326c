import StreamRuntime
import Synchronization

/// A whole job on the thread of the test, in virtual time.
///
///     let orders = TestSource<Order>()
///     let totals = CollectSink<String>()
///     let test = try JobTest { flow in
///         flow.source(orders).keyed(by: \.user).fold(0) { $0 += $1.quantity }.map { "\($0.key)=\($0.value)" }.sink(totals)
///     }
///     orders.push(Order(user: "ann", quantity: 3))
///     try test.checkpoint()
///     try test.crashAndRestore(parallelism: 3)
///
/// Tasks, channels, checkpoints and recovery are those of a running job; replaced are threads, by the calls made here,
/// and the clock. Nothing happens between the calls, but for the requests of asynchronous operators: `await settle()` waits
/// for their answers.
///
/// What fails the job is thrown by the call in which it happens. The attempt is over then, as after `crash`; `restore`
/// begins another one. Used by one thread.
public final class JobTest {
    private let stepped: SteppedRun
    private let sources = TestSources()
    private var setup: TestSetup
    let folder: TestFolder
    public let metrics: MetricRegistry
    /// The outside systems the job says it waits for.
    public var pauseReasons: [String] { stepped.pauses.current }

    /// More than any test needs.
    private static let roundsMax = 10_000_000
    private static let endWithin = Duration.seconds(3600)

    /// Starts `job`; it does nothing before the first call. Throws `GraphError` when its graph is wrong.
    public convenience init(_ job: some StreamJob, _ setup: TestSetup = TestSetup()) throws {
        try self.init(jobName: type(of: job).name, setup: setup, folder: TestFolder(), build: job.build)
    }

    /// Starts the job that `build` writes down.
    public convenience init(_ setup: TestSetup = TestSetup(), of build: (Flow) throws -> Void) throws {
        try self.init(jobName: "job-test", setup: setup, folder: TestFolder(), build: build)
    }

    init(jobName: String, setup: TestSetup, folder: TestFolder, build: (Flow) throws -> Void) throws {
        self.setup = setup
        self.folder = folder
        metrics = MetricRegistry()
        stepped = try SteppedRun(
            jobName: jobName, keyGroups: setup.keyGroups,
            environment: JobEnvironment(
                backend: setup.backend, readableBackends: setup.readableBackends, clock: setup.clock, metrics: metrics,
                faults: setup.faults),
            order: setup.seed.map { .shuffled(SeededGenerator(seed: $0)) } ?? .inTurn, build: build)
        try start()
    }

    deinit { stepped.end() }

    private func start() throws {
        try TestSources.$current.withValue(sources) { try stepped.start(setup.options(folder)) }
    }

    public var clock: ManualClock { setup.clock }
    var backend: any StateBackend { setup.backend }
    private var backends: [any StateBackend] { [setup.backend] + setup.readableBackends }
    var job: JobID { stepped.job }

    /// False after the end, a crash or a failure.
    public var isRunning: Bool { stepped.isRunning }

    // MARK: Running

    /// Works off everything there is to do at this moment.
    public func run() throws {
        guard isRunning else {
            throw JobTestError("the job does not run: it has ended, failed or crashed; restore() begins again")
        }
        try rest()
    }

    private func rest() throws {
        for _ in 0..<Self.roundsMax { guard try stepped.step() else { return } }
        throw JobTestError("the job does not come to rest: does it have a source without end?")
    }

    /// Lets virtual time pass, moment by moment: each timer fires at its time.
    public func advance(by duration: Duration) throws {
        try run()
        try advance(toNanos: clock.monotonicNanos() + duration.wholeNanos)
    }

    private func advance(toNanos target: Int64) throws {
        while clock.monotonicNanos() < target {
            let next = max(stepped.deadlineNanos, clock.monotonicNanos() + 1_000_000)
            clock.advance(toNanos: min(next, target))
            try rest()
        }
    }

    /// Waits, in real time, until every request of asynchronous operators is answered, and works off the answers in the order
    /// of the requests. Requests that are made again after a delay need `advance`.
    nonisolated(nonsending) public func settle() async throws {
        try run()
        try await restWithAnswers()
    }

    nonisolated(nonsending) private func restWithAnswers() async throws {
        try rest()
        // With none in flight a last step takes the answer that came since.
        while try stepped.requestsInFlight > 0 || stepped.step() {
            try await answers()
            try rest()
        }
    }

    /// All requests in flight are answered.
    nonisolated(nonsending) private func answers() async throws {
        let limit = ContinuousClock.now + setup.answersWithin
        while stepped.requestsInFlight > 0 {
            guard ContinuousClock.now < limit else {
                throw JobTestError("\(stepped.requestsInFlight) request(s) were not answered within \(setup.answersWithin)")
            }
            try await Task.sleep(for: .microseconds(200))
        }
    }

    // MARK: Checkpoints, crashes, ends

    /// Works off everything, then takes a checkpoint; returns once that is decided.
    @discardableResult
    public func checkpoint() throws -> Epoch {
        try run()
        let before = stepped.lastDecidedEpoch
        stepped.requestCheckpoint()
        try rest()
        guard stepped.lastDecidedEpoch > before else {
            throw JobTestError("the checkpoint was not decided: the job \(isRunning ? "is held up" : "has ended")")
        }
        return stepped.lastDecidedEpoch
    }

    /// Works off everything, takes a checkpoint, and writes a savepoint of it into `folder`; another `JobTest` begins with it
    /// when its `TestSetup.savepoint` names the savepoint's path.
    @discardableResult
    public func savepoint(to folder: String) throws -> Savepoint {
        try run()
        let answer = Mutex<Result<Savepoint, any Error>?>(nil)
        stepped.requestSavepoint(folder) { result in answer.withLock { $0 = result } }
        try rest()
        guard let result = answer.withLock({ $0 }) else {
            throw JobTestError("the savepoint was not written: the job \(isRunning ? "is held up" : "has ended")")
        }
        return try result.get()
    }

    /// The keyed state of the operator `id` as the last decided checkpoint holds it, of all subtasks. Throws
    /// `StateViewError` when there is no such operator with state.
    public func state(of id: OperatorID) throws -> StateView {
        try folder.state(of: id, job: stepped.job, backends: backends)
    }

    /// Drops everything since the last decided checkpoint, records pushed but not yet read included: they are read again.
    public func crash() { stepped.end() }

    /// Goes on from the last decided checkpoint, after a crash, a failure or an end.
    public func restore(parallelism: Int? = nil) throws {
        setup.parallelism = parallelism ?? setup.parallelism
        try start()
    }

    public func crashAndRestore(parallelism: Int? = nil) throws {
        crash()
        try restore(parallelism: parallelism)
    }

    /// Ends every `TestSource`, works off what is in flight, and decides the final epoch. Advances virtual time where that
    /// takes some: for requests that are made again later, and for sources that keep a pace. In asynchronous code
    /// `await finish()` also waits for the answers of outside systems.
    public func finish() throws {
        sources.finishAll()
        try end()
    }

    nonisolated(nonsending) public func finish() async throws {
        sources.finishAll()
        try await awaitEnd()
    }

    /// Stops the job where its sources are, works off what is in flight, and decides the final epoch; `restore` goes on.
    /// Advances virtual time, and waits for answers, as `finish` does.
    public func drain() throws {
        stepped.requestStop(drain: true)
        try end()
    }

    nonisolated(nonsending) public func drain() async throws {
        stepped.requestStop(drain: true)
        try await awaitEnd()
    }

    private func end() throws {
        try run()
        let limit = clock.monotonicNanos() + Self.endWithin.wholeNanos
        while let next = try nextMoment(before: limit) { try advance(toNanos: next) }
    }

    nonisolated(nonsending) private func awaitEnd() async throws {
        try await settle()
        let limit = clock.monotonicNanos() + Self.endWithin.wholeNanos
        while let next = try nextMoment(before: limit) {
            try advance(toNanos: next)
            try await restWithAnswers()
        }
    }

    /// When something happens that may bring the end nearer; `nil` once it has come.
    private func nextMoment(before limit: Int64) throws -> Int64? {
        guard isRunning else { return nil }
        if stepped.requestsInFlight > 0 {
            throw JobTestError("\(stepped.requestsInFlight) request(s) are in flight: `await` the end")
        }
        guard stepped.deadlineNanos < limit else {
            throw JobTestError(
                "the job does not end within \(Self.endWithin): is a source not finished, or a sink not ready?")
        }
        return max(stepped.deadlineNanos, clock.monotonicNanos() + 1)
    }
}
