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

    private let buildGraph: @Sendable () throws -> JobGraph
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
        let graph = try flow.graph(keyGroups: options.keyGroups)
        _ = try Plan(graph, defaultParallelism: options.parallelism, keyGroups: options.keyGroups)
        buildGraph = { graph }
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
        var timeoutsInARow = 0
        while true {
            let began = environment.clock.monotonicNanos()
            var decidedBefore = Epoch.genesis
            var decidedAfter = Epoch.genesis
            var hasStarted = false
            do {
                set(.starting)
                let attempt = try makeAttempt(checkpointMetrics)
                decidedBefore = attempt.lastDecided
                defer { decidedAfter = attempt.lastDecided }
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
                timeoutsInARow = isTimeout(error) && decidedAfter == decidedBefore ? timeoutsInARow + 1 : 0
                let lived = (environment.clock.monotonicNanos() - began) / 1_000_000
                try afterFailure(error, lived, timeoutsInARow, &decider)
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

    private func isTimeout(_ error: any Error) -> Bool { error is EpochTimeout }

    /// Waits before the next attempt, or throws when there is none.
    private func afterFailure(
        _ error: any Error, _ livedMillis: Int64, _ timeoutsInARow: Int, _ decider: inout RestartDecider
    ) throws {
        let cause = (error as? AttemptFailure)?.cause ?? error
        func giveUp(_ why: String) -> JobFailure {
            let failure = JobFailure(jobName: jobName, cause: cause, reason: "\(error)", why: why)
            set(.failed(reason: failure.description))
            log(.error, "job failed", ["error": "\(error)", "why": why])
            return failure
        }
        if cause is any UnrestartableError { throw giveUp("a restart cannot mend this") }
        if timeoutsInARow >= 3 { throw giveUp("three epochs in a row took too long") }
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

    // MARK: Making an attempt (rule 4.5)

    private func makeAttempt(_ checkpointMetrics: CheckpointMetrics) throws -> JobAttempt {
        let graph = try buildGraph()
        let attempt = AttemptID.random()
        let store = try FileCheckpointStore(root: options.checkpointRoot, job: job)
        let cancelled: @Sendable () -> Bool = { [self] in
            state.withLock { $0.stop != nil && !$0.isAttemptRunning }
        }
        let splits = try discoverSplits(graph, cancelled)
        let owner = IslandOwner(
            job: job, jobName: jobName, island: 0, attempt: attempt, splits: splits, log: log, isCancelled: cancelled)
        let restore: RestorePoint
        do {
            restore = try findRestorePoint(graph, store, owner)
            try restore.check(job: job, graph: graph, keyGroups: options.keyGroups, splits: splits)
        } catch {
            graph.domain?.close()
            throw error
        }
        log(
            .info, restore.manifest == nil ? "starting from the beginning" : "restoring",
            ["attempt": attempt.rawValue, "firstEpoch": restore.firstEpoch.description])
        let workFolder = "\(options.workRoot)/\(job)"
        try? FileManager.default.removeItem(atPath: workFolder)
        let taskEnvironment = TaskEnvironment(
            graph: graph, job: job, jobName: jobName, attempt: attempt, keyGroups: options.keyGroups,
            backend: environment.backend, readableBackends: environment.readableBackends, files: store,
            workFolder: workFolder, restore: restore, splits: splits, clock: environment.clock, log: log,
            metrics: metrics, pauses: pauses, isCancelled: cancelled)
        let events = EventQueue<JobAttempt.Event>()
        let stop = state.withLock {
            $0.events = events
            return $0.stop
        }
        if let stop { events.post(stop) }
        return JobAttempt(
            environment: taskEnvironment, options: options, store: store, domain: graph.domain,
            metrics: checkpointMetrics, events: events)
    }

    private func discoverSplits(_ graph: JobGraph, _ cancelled: @escaping @Sendable () -> Bool) throws -> [OwnedSplit] {
        var splits: [OwnedSplit] = []
        for node in graph.nodes {
            guard let discover = node.discoverSplits else { continue }
            let context = SourceContext(
                operatorID: node.id, job: job, jobName: jobName, log: log.with(["operator": node.id.rawValue]),
                isCancelled: cancelled)
            let found = try discover(context).sorted { $0.id < $1.id }
            guard !found.isEmpty else {
                throw GraphError("source '\(node.id)' has nothing to read: it found no splits")
            }
            splits += found.map { OwnedSplit(source: node.id, split: $0) }
        }
        return splits
    }

    private func findRestorePoint(
        _ graph: JobGraph, _ store: FileCheckpointStore, _ owner: IslandOwner
    ) throws -> RestorePoint {
        guard let domain = graph.domain else { return try latestCheckpoint(store) }
        let decision = try domain.recover(owner)
        if let startFrom = options.startFrom {
            guard decision?.checkpoint == startFrom || options.acceptsReplay else {
                throw RecoveryRefusal(
                    "checkpoint \(startFrom) is not the last decision (\(decision.map { "\($0.checkpoint)" } ?? "there is none"))",
                    remedy: "Outputs after it would be emitted again; say --accept-replay if that is wanted.")
            }
            let last = max(decision?.checkpoint.epoch ?? .genesis, startFrom.epoch)
            return RestorePoint(manifest: try store.manifest(startFrom).manifest, after: last)
        }
        if let decision { return try RestorePoint(decision: decision, store: store) }
        guard try store.manifestNames().isEmpty else {
            throw RecoveryRefusal(
                "\(store.folder) holds checkpoints of this job, but \(domain.identity) holds no decision of it",
                remedy: "Point the job at the system it ran on, or start over: weir reset, or another --namespace.")
        }
        return try beginGenesis(domain, owner)
    }

    /// A first start: the start offsets are decided before anything is read.
    private func beginGenesis(_ domain: any TransactionDomain, _ owner: IslandOwner) throws -> RestorePoint {
        let genesis = Decision(
            checkpoint: CheckpointID(job: job, island: 0, epoch: .genesis, attempt: owner.attempt),
            manifestHash: Decision.genesisHash,
            offsets: owner.splits.map {
                SourceOffset(
                    source: $0.source, position: SplitPosition(split: $0.split.id, next: $0.split.start),
                    brokerOffset: $0.split.brokerOffset)
            })
        try domain.commit(genesis)
        return .beginning
    }

    private func latestCheckpoint(_ store: FileCheckpointStore) throws -> RestorePoint {
        if let startFrom = options.startFrom {
            let last = try store.manifestNames().last.map { try store.manifest(named: $0).manifest.id?.epoch } ?? nil
            return RestorePoint(
                manifest: try store.manifest(startFrom).manifest, after: max(last ?? .genesis, startFrom.epoch))
        }
        guard let newest = try store.manifestNames().last else { return .beginning }
        let manifest = try store.manifest(named: newest).manifest
        guard let id = manifest.id else {
            throw RecoveryRefusal(
                "checkpoint manifest \(newest) carries the id '\(manifest.checkpoint)', which is none",
                remedy: "Move it away and start again.")
        }
        return RestorePoint(manifest: manifest, after: id.epoch)
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
