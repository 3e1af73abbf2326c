import Foundation

/// A job run on the caller's thread, a turn at a time: what `JobRunner` is without threads, without restarts and without
/// time of its own. The base of the testing kit. Used by one thread.
package final class SteppedRun {
    private let graph: JobGraph
    package let job: JobID
    private let jobName: String
    private let environment: JobEnvironment
    package let pauses = PauseReasons()
    private var order: TaskOrder
    private var current: Current?

    private struct Current {
        let attempt: JobAttempt
        let executor: InlineExecutor
        let events: EventQueue<JobAttempt.Event>
    }

    /// Checks the graph that `build` writes down; throws `GraphError`.
    package init(
        jobName: String, keyGroups: KeyGroups, environment: JobEnvironment, order: TaskOrder,
        build: (Flow) throws -> Void
    ) throws {
        let flow = Flow()
        try build(flow)
        graph = try flow.graph(keyGroups: keyGroups)
        job = JobID(namespace: "default", jobName: jobName)
        self.jobName = jobName
        self.environment = environment
        self.order = order
    }

    /// Recovers from the last decision and starts an attempt; its tasks take their first step with `step`.
    package func start(_ options: JobOptions, order newOrder: TaskOrder? = nil) throws {
        end()
        if let newOrder { order = newOrder }
        let options = options.bounded
        let plan = try Plan(graph, defaultParallelism: options.parallelism, keyGroups: options.keyGroups)
        let recovery = Recovery(
            graph: graph, plan: plan, job: job, jobName: jobName, options: options, environment: environment,
            log: environment.log, pauses: pauses, isCancelled: { false })
        let executor = InlineExecutor(order: order, clock: environment.clock)
        let events = EventQueue<JobAttempt.Event>()
        let attempt = try recovery.makeAttempt(executor, CheckpointMetrics(environment.metrics), events)
        current = Current(attempt: attempt, executor: executor, events: events)
        do { try attempt.start() } catch {
            end()
            throw error
        }
    }

    /// What was posted is handled, then every task takes a step. False when nothing happened: more happens only when time
    /// passes, a source gets records, or a request is answered. Throws what failed the attempt, which is over then.
    package func step() throws -> Bool {
        guard let current, !current.attempt.isFinished else { return false }
        do {
            let handled = try current.attempt.turn(waitMillis: 0)
            if current.attempt.isFinished {
                end()
                return true
            }
            return current.executor.round() || handled || !current.events.isEmpty
        } catch {
            end()
            throw (error as? AttemptFailure)?.cause ?? error
        }
    }

    /// Ends the attempt; what it had not decided is lost. Nothing to do without one.
    package func end() {
        guard let current else { return }
        lastDecided = current.attempt.lastDecided
        current.attempt.tearDown()
        self.current = nil
    }

    /// As `end`, when the process is to be gone: what waits to be written is not, and nobody is told.
    package func abandon() {
        current?.executor.abandon()
        end()
    }

    /// The tasks take a step while the coordinator waits for an outside system. False when nothing happened.
    package func stepTasks() -> Bool { current?.executor.round() ?? false }

    package var isRunning: Bool { current != nil }

    /// The last epoch this run has decided.
    package var lastDecidedEpoch: Epoch { current?.attempt.lastDecided ?? lastDecided }
    private var lastDecided = Epoch.genesis

    /// A savepoint of the next epoch; `answer` is called in a later step, on the same thread.
    package func requestSavepoint(_ folder: String, answer: @escaping @Sendable (Result<Savepoint, any Error>) -> Void) {
        guard let current else { return answer(.failure(SavepointError("the job does not run"))) }
        _ = current.attempt.savepoints.add(.init(folder: folder, isOfTheEnd: false, answer: answer))
        requestCheckpoint()
    }

    package func requestCheckpoint() { current?.events.post(.checkpoint) }

    package func requestStop(drain: Bool) { current?.events.post(.stop(drain: drain)) }

    /// The time at which `step` may do something although nothing happened.
    package var deadlineNanos: Int64 {
        current.map { min($0.executor.deadlineNanos, $0.attempt.deadlineNanos) } ?? .max
    }

    /// Requests of asynchronous operators that are not answered yet.
    package var requestsInFlight: Int { current?.executor.requestsInFlight ?? 0 }
}
