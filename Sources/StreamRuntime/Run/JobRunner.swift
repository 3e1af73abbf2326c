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
    case failed(reason: String)
}

/// Runs one job in this process: attempts, restarts, the end.
///
/// `run` returns when the job has ended (outside Swift concurrency it blocks its thread); `stop` and `status` may be called from any thread.
public final class JobRunner: Sendable {
    public let job: JobID
    public let jobName: String
    public let metrics: MetricRegistry
    public let pauses = PauseReasons()

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
        /// The running attempt's events; each attempt has its own, so that none hears of its forerunner.
        var events: EventQueue<JobAttempt.Event>?
    }

    /// Checks the job's graph; throws `GraphError` naming the operator that is wrong.
    public init(_ jobType: some StreamJob, options: JobOptions, environment: JobEnvironment) throws {
        jobName = type(of: jobType).name
        job = options.jobID ?? JobID(namespace: options.namespace, jobName: type(of: jobType).name)
        self.options = options
        self.environment = environment
        metrics = environment.metrics
        log = environment.log.with(["job": jobName, "jobId": job.rawValue])
        let flow = Flow()
        try jobType.build(flow)
        graph = try flow.graph(keyGroups: options.keyGroups)
        plan = try Plan(graph, defaultParallelism: options.parallelism, keyGroups: options.keyGroups)
    }

    public var status: JobStatus {
        let status = state.withLock { $0.status }
        if status == .running, !pauses.current.isEmpty { return .paused(pauses.current) }
        return status
    }

    /// Ends the job with a final epoch; `drain`: the sources stop and what is in flight is worked off first.
    public func stop(drain: Bool = true) {
        let events = state.withLock {
            $0.stop = .stop(drain: drain)
            $0.status = .stopping
            return $0.events
        }
        stopSignal.signal()
        events?.post(.stop(drain: drain))
    }

    private var isStopRequested: Bool { state.withLock { $0.stop != nil } }
    private func set(_ status: JobStatus) {
        state.withLock {
            if $0.stop != nil, status == .running || status == .starting { return }
            $0.status = status
        }
    }

    /// Returns when the job has finished or was stopped; throws when it failed for good.
    public func run() throws {
        let checkpointMetrics = CheckpointMetrics(metrics)
        var decider = RestartDecider(options.restart)
        var expiriesInARow = 0
        while true {
            let began = environment.clock.monotonicNanos()
            var hasDecided = false
            var wasPaused = false
            var hasStarted = false
            do {
                set(.starting)
                let attempt = try makeAttempt(checkpointMetrics)
                let decidedBefore = attempt.lastDecided
                defer {
                    hasDecided = attempt.lastDecided > decidedBefore
                    wasPaused = attempt.wasPausedSinceDecision || pauses.isPaused
                }
                defer { state.withLock { $0.isAttemptRunning = false } }
                try attempt.run {
                    hasStarted = true
                    state.withLock { $0.isAttemptRunning = true }
                    set(.running)
                }
                set(.finished)
                log(.info, "job finished", ["epoch": attempt.lastDecided.description])
                return
            } catch {
                // Stopped before anything was read: there is nothing to finish.
                if isStopRequested, !hasStarted { return set(.finished) }
                checkpointMetrics.failed()
                if hasDecided || !isExpiry(error) { expiriesInARow = 0 }
                if isExpiry(error), !wasPaused { expiriesInARow += 1 }
                let lived = (environment.clock.monotonicNanos() - began) / 1_000_000
                try afterFailure(error, lived, expiriesInARow, &decider)
                checkpointMetrics.restarted()
            }
        }
    }

    /// The same for callers in Swift concurrency: a thread of its own runs the job, no pool thread is blocked.
    public func run() async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let thread = Thread { [self] in
                continuation.resume(with: Result { try runBlocking() })
            }
            thread.name = "weir-\(jobName)"
            thread.start()
        }
    }

    private func runBlocking() throws { try run() }

    /// What went wrong, without where.
    private func cause(_ error: any Error) -> any Error { (error as? AttemptFailure)?.cause ?? error }
    private func isExpiry(_ error: any Error) -> Bool { cause(error) is any EpochExpiry }

    /// Waits before the next attempt, or throws when there is none.
    private func afterFailure(
        _ error: any Error, _ livedMillis: Int64, _ expiriesInARow: Int, _ decider: inout RestartDecider
    ) throws {
        let cause = cause(error)
        func giveUp(_ why: String) -> JobFailure {
            let failure = JobFailure(jobName: jobName, cause: cause, reason: "\(error)", why: why)
            set(.failed(reason: failure.description))
            log(.error, "job failed", ["error": "\(error)", "why": why])
            return failure
        }
        if cause is any UnrestartableError { throw giveUp("a restart cannot mend this") }
        if expiriesInARow >= 3 { throw giveUp("three epochs in a row took too long and were given up") }
        if isStopRequested { throw giveUp("the job was being stopped") }
        let verdict = decider.failed(
            atMillis: environment.clock.wallMillis(), livedMillis: livedMillis, unit: Double.random(in: 0..<1))
        switch verdict {
        case .giveUp(let reason): throw giveUp(reason)
        case .restart(let delay):
            set(.restarting(reason: "\(error)"))
            log(.warning, "attempt failed, restarting", ["error": "\(error)", "delayMillis": String(delay)])
            _ = stopSignal.wait(timeout: .now() + .milliseconds(delay))
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
