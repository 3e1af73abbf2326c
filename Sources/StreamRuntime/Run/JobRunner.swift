import Foundation
import Synchronization

/// Where a job stands.
public enum JobStatus: Sendable, Equatable {
    case created
    /// Looking for its last decision, restoring state.
    case starting
    case running
    /// Running, but no epoch is begun until these outside systems answer again.
    case paused([String])
    /// Waiting before the next attempt.
    case restarting(reason: String)
    case stopping
    case finished
    /// Ended at once, as asked; the last decided checkpoint holds.
    case cancelled
    case failed(reason: String)

    /// Nothing follows it.
    var isEnd: Bool {
        switch self {
        case .finished, .cancelled, .failed: true
        default: false
        }
    }
}

/// Runs one job in this process: attempts, restarts, the end.
///
/// `run` returns when the job has ended (outside Swift concurrency it blocks its thread); `stop` and `status` may be called
/// from any thread.
public final class JobRunner: Sendable {
    public let job: JobID
    public let jobName: String
    public let metrics: MetricRegistry
    public let pauses = PauseReasons()
    /// The chains that run and what passes between them.
    public let description: JobDescription
    private let checkpointHistory = CheckpointHistory()
    private let failureHistory = FailureHistory()

    private let graph: JobGraph
    private let plan: Plan
    private let options: JobOptions
    private let environment: JobEnvironment
    private let log: RuntimeLog
    private let state = Mutex(State())
    private let stopSignal = DispatchSemaphore(value: 0)

    private struct State {
        var status = JobStatus.created
        /// How to stop, once asked to.
        var stop: JobAttempt.Event?
        /// An attempt is past its recovery: a stop then lets it decide a last epoch, and cancels nothing.
        var isAttemptRunning = false
        /// Of the running attempt, once it is past its recovery.
        var savepoints: SavepointRequests?
        /// The running attempt's events; each attempt has its own, so that none hears of its forerunner.
        var events: EventQueue<JobAttempt.Event>?
    }

    /// Checks the job's graph; throws `GraphError` naming the operator that is wrong.
    public init(_ jobType: some StreamJob, options: JobOptions, environment: JobEnvironment) throws {
        jobName = type(of: jobType).name
        job = options.jobID ?? JobID(namespace: options.namespace, jobName: type(of: jobType).name)
        let options = options.bounded
        self.options = options
        self.environment = environment
        metrics = environment.metrics
        log = environment.log.with(["job": jobName, "jobId": job.rawValue, "island": "0"])
        let flow = Flow()
        try jobType.build(flow)
        graph = try flow.graph(keyGroups: options.keyGroups)
        plan = try Plan(graph, defaultParallelism: options.parallelism, keyGroups: options.keyGroups)
        description = JobDescription(graph, plan, keyGroups: options.keyGroups)
    }

    /// The last checkpoints of this process's attempts.
    public var checkpoints: CheckpointHistory.Reading { checkpointHistory.current }
    /// The last failures of this process's attempts, oldest first.
    public var failures: [FailureRecord] { failureHistory.current }

    public var status: JobStatus {
        let status = state.withLock { $0.status }
        if status == .running, !pauses.current.isEmpty { return .paused(pauses.current) }
        return status
    }

    /// Ends the job with a final epoch; `drain`: the sources stop and what is in flight is worked off first.
    public func stop(drain: Bool = true) {
        let events = state.withLock {
            $0.stop = .stop(drain: drain)
            if !$0.status.isEnd { $0.status = .stopping }
            return $0.events
        }
        stopSignal.signal()
        events?.post(.stop(drain: drain))
    }

    /// Ends the job at once, without a further epoch: the last decided checkpoint is what the next run goes on from.
    public func cancel() {
        let events = state.withLock {
            $0.stop = .cancel
            if !$0.status.isEnd { $0.status = .stopping }
            return $0.events
        }
        stopSignal.signal()
        events?.post(.cancel)
    }

    /// Begins a checkpoint now, unless one is open already or the job is paused. Says whether an attempt runs.
    @discardableResult public func requestCheckpoint() -> Bool {
        let events = state.withLock { $0.isAttemptRunning ? $0.events : nil }
        events?.post(.checkpoint)
        return events != nil
    }

    /// Writes a savepoint of the next epoch into `folder`, and returns once that is decided and the savepoint whole. The
    /// stream does not wait for it. Throws `SavepointError` when the job does not run or its attempt ends before, and what
    /// goes wrong in writing, which does the job no harm.
    public func savepoint(to folder: String) async throws -> Savepoint {
        try await ask(folder, ofTheEnd: false) { $0.post(.checkpoint) }
    }

    /// Ends the job as `stop(drain:)` does, with a savepoint of the final epoch; returns once it is written. The job has ended
    /// also when writing fails: its last checkpoint holds the same. Throws as `savepoint(to:)`; a job that does not run
    /// is not stopped.
    public func stop(drain: Bool = true, savepointFolder: String) async throws -> Savepoint {
        try await ask(savepointFolder, ofTheEnd: true) { [self] _ in stop(drain: drain) }
    }

    private func ask(
        _ folder: String, ofTheEnd: Bool, _ begin: (EventQueue<JobAttempt.Event>) -> Void
    ) async throws -> Savepoint {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Savepoint, any Error>) in
            let request = SavepointRequests.Request(folder: folder, isOfTheEnd: ofTheEnd) { continuation.resume(with: $0) }
            let (savepoints, events) = state.withLock { ($0.savepoints, $0.events) }
            guard let savepoints, let events, savepoints.add(request) else {
                return continuation.resume(
                    throwing: SavepointError(
                        "job '\(jobName)' does not run just now (\(status)); a savepoint needs a running job"))
            }
            begin(events)
        }
    }

    private var isStopRequested: Bool { state.withLock { $0.stop != nil } }
    private var isCancelRequested: Bool { state.withLock { if case .cancel? = $0.stop { true } else { false } } }
    private func set(_ status: JobStatus) {
        state.withLock {
            if $0.stop != nil, status == .running || status == .starting { return }
            $0.status = status
        }
    }

    /// Returns when the job has finished or was stopped; throws when it failed for good.
    public func run() throws {
        for id in graph.statefulWithoutID {
            log(
                .warning,
                "operator '\(id)' has state but no id of its own; give it .id(…) so that its state is found after the graph changes"
            )
        }
        let checkpointMetrics = CheckpointMetrics(metrics, history: checkpointHistory)
        var decider = RestartDecider(options.restart)
        var expiriesInARow = 0
        var lastDecided: Epoch?
        var hasStarted = false
        while true {
            let began = environment.clock.monotonicNanos()
            var hasDecided = false
            var wasPaused = false
            do {
                set(.starting)
                let attempt = try makeAttempt(checkpointMetrics)
                let decidedBefore = attempt.lastDecided
                defer {
                    lastDecided = attempt.lastDecided
                    hasDecided = attempt.lastDecided > decidedBefore
                    wasPaused = attempt.wasPausedSinceDecision || pauses.isPaused
                }
                defer {
                    state.withLock {
                        $0.isAttemptRunning = false
                        $0.savepoints = nil
                    }
                }
                try attempt.run {
                    hasStarted = true
                    state.withLock {
                        $0.isAttemptRunning = true
                        $0.savepoints = attempt.savepoints
                    }
                    set(.running)
                }
                let isCancelled = isCancelRequested
                set(isCancelled ? .cancelled : .finished)
                log(
                    .info, isCancelled ? "job cancelled" : "job finished", ["epoch": attempt.lastDecided.description])
                return
            } catch {
                // Stopped before any attempt has read anything: there is nothing to finish.
                if isStopRequested, !hasStarted { return set(isCancelRequested ? .cancelled : .finished) }
                if checkpointHistory.attemptFailed(atMillis: environment.clock.wallMillis(), reason: "\(error)") {
                    checkpointMetrics.failed()
                }
                if isCancelRequested { return set(.cancelled) }
                if cause(error) is NewSplits {
                    log(.info, "going on with what has come to a source", ["reason": "\(error)"])
                    continue
                }
                if hasDecided || !isExpiry(error) { expiriesInARow = 0 }
                if isExpiry(error), !wasPaused { expiriesInARow += 1 }
                let lived = (environment.clock.monotonicNanos() - began) / 1_000_000
                try afterFailure(
                    error, decided: lastDecided, lived, expiriesInARow, isOutage: isExpiry(error) && wasPaused, &decider)
                if isCancelRequested { return set(.cancelled) }
                checkpointMetrics.restarted()
            }
        }
    }

    /// The same for callers in Swift concurrency: a thread of its own runs the job, no pool thread is blocked. When the
    /// task is cancelled the job is, as by `cancel()`.
    public func run() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let thread = Thread { [self] in
                    continuation.resume(with: Result { try runBlocking() })
                }
                thread.name = "weir-\(jobName)"
                thread.start()
            }
        } onCancel: {
            cancel()
        }
    }

    private func runBlocking() throws { try run() }

    private static let outageDelayMillis = 1000

    /// What went wrong, without where.
    private func cause(_ error: any Error) -> any Error { (error as? AttemptFailure)?.cause ?? error }
    private func isExpiry(_ error: any Error) -> Bool { cause(error) is any EpochExpiry }

    /// Waits before the next attempt, or throws when there is none. `isOutage`: an epoch could not be decided because an
    /// outside system is down, which counts for nothing (rule 9).
    private func afterFailure(
        _ error: any Error, decided epoch: Epoch?, _ livedMillis: Int64, _ expiriesInARow: Int, isOutage: Bool,
        _ decider: inout RestartDecider
    ) throws {
        let cause = cause(error)
        var fields = ["error": "\(error)"]
        fields["place"] = (error as? AttemptFailure)?.place
        let log = log.with(fields).with(epoch: epoch)
        func giveUp(_ why: String) -> JobFailure {
            let failure = JobFailure(jobName: jobName, cause: cause, reason: "\(error)", why: why)
            set(.failed(reason: failure.description))
            log(.error, "job failed", ["why": why])
            failureHistory.add(error, atMillis: environment.clock.wallMillis(), isRestarted: false)
            return failure
        }
        if cause is any UnrestartableError { throw giveUp("a restart cannot mend this") }
        if expiriesInARow >= 3 { throw giveUp("three epochs in a row took too long and were given up") }
        if isStopRequested { throw giveUp("the job was being stopped") }
        let verdict =
            isOutage
            ? .restart(afterMillis: Self.outageDelayMillis)
            : decider.failed(
                atMillis: environment.clock.wallMillis(), livedMillis: livedMillis, unit: Double.random(in: 0..<1))
        switch verdict {
        case .giveUp(let reason): throw giveUp(reason)
        case .restart(let delay):
            set(.restarting(reason: "\(error)"))
            failureHistory.add(error, atMillis: environment.clock.wallMillis(), isRestarted: true)
            log(.warning, "attempt failed, restarting", ["delayMillis": String(delay)])
            _ = stopSignal.wait(timeout: .now() + .milliseconds(delay))
            if isCancelRequested { return }
            if isStopRequested { throw giveUp("the job was being stopped") }
        }
    }

    /// Each attempt has events and threads of its own.
    private func makeAttempt(_ checkpointMetrics: CheckpointMetrics) throws -> JobAttempt {
        let threads = options.threads ?? min(plan.width, ProcessInfo.processInfo.activeProcessorCount)
        let executor = ThreadExecutor(threads: min(threads, plan.width), clock: environment.clock)
        let recovery = Recovery(
            graph: graph, plan: plan, job: job, jobName: jobName, options: options, environment: environment, log: log,
            pauses: pauses,
            isCancelled: { [self] in state.withLock { $0.stop != nil && !$0.isAttemptRunning } })
        let events = EventQueue<JobAttempt.Event>()
        let attempt = try recovery.makeAttempt(executor, checkpointMetrics, events)
        let stop = state.withLock {
            $0.events = events
            return $0.stop
        }
        if let stop { events.post(stop) }
        return attempt
    }
}

/// A job that has failed for good.
public struct JobFailure: Error, CustomStringConvertible {
    public let jobName: String
    /// The error of the last attempt.
    public let cause: any Error
    /// Where it happened and what it was.
    public let reason: String
    /// Why there was no further attempt.
    public let why: String
    public var description: String { "job '\(jobName)' failed: \(reason) (\(why))" }
}
