import Foundation
import StreamRuntime
import Synchronization

/// Runs several jobs in one process, each on a thread of its own, and stops them in order.
///
/// Jobs have a stage. A stop drains the jobs of the lowest stage first and goes to the next stage when all
/// of them have ended, so that a job which reads what another writes still gets all of it: one that was added with
/// `catchUp` reads on until it has come to the end of its input, for so long at most. How long a stage takes is bounded
/// by that and its jobs' drain and epoch time-outs. Before the first stage comes what `closeFirst` was given.
///
/// Callable from any thread.
public final class JobHost: Sendable {
    /// What the failure of one job, after all its restarts, means for the others.
    public enum FailurePolicy: Sendable { case keepOthers, stopAll }

    private struct Member {
        let runner: JobRunner
        let stage: Int
        let catchUp: Duration
        /// Let go when the job has ended.
        var held: [any Sendable]
        var isStopAsked = false
        var outcome: JobOutcome?
    }
    /// What brings work in from outside the jobs; closed before the first stage is stopped.
    private enum Intake {
        case none
        case open(close: @Sendable () async -> Void)
        case closing
    }
    private struct State {
        var members: [Member] = []
        var isStarted = false
        var isStopping = false
        var intake = Intake.none
        var waiters: [CheckedContinuation<[JobOutcome], Never>] = []

        var isOver: Bool { isStarted && members.allSatisfy { $0.outcome != nil } }

        /// How to close the intake, to be done by whoever gets it: once the host stops, if it is open.
        mutating func intakeToClose() -> (@Sendable () async -> Void)? {
            guard isStopping, case .open(let close) = intake else { return nil }
            intake = .closing
            return close
        }

        /// The jobs of the lowest stage that has any left, unless they were told already, or work still comes in.
        mutating func nextToStop() -> [Member] {
            guard case .none = intake else { return [] }
            guard isStopping, let stage = members.filter({ $0.outcome == nil }).map(\.stage).min() else { return [] }
            var told: [Member] = []
            for index in members.indices
            where members[index].outcome == nil && members[index].stage == stage && !members[index].isStopAsked {
                members[index].isStopAsked = true
                told.append(members[index])
            }
            return told
        }
    }

    private let failurePolicy: FailurePolicy
    private let state = Mutex(State())

    public init(failurePolicy: FailurePolicy = .keepOthers) { self.failurePolicy = failurePolicy }

    /// Adds a job; lower stages stop first. `held` lives until the job has ended (a lock, a connection).
    /// Once the host runs, the job starts at once. Throws `JobHostError` for a second job of one id, and
    /// once the host is being stopped.
    public func add(
        _ runner: JobRunner, stage: Int = 0, catchUp: Duration = .zero, holding held: [any Sendable] = []
    ) throws {
        let startsNow = try state.withLock { state in
            if state.isStopping { throw JobHostError("job '\(runner.jobName)' cannot be added: the jobs are being stopped") }
            if state.members.contains(where: { $0.runner.job == runner.job && $0.outcome == nil }) {
                throw JobHostError(
                    "job '\(runner.jobName)' (\(runner.job)) runs here already; give the second one another --namespace")
            }
            // A job that has ended and is started again takes its own place.
            state.members.removeAll { $0.runner.job == runner.job }
            state.members.append(Member(runner: runner, stage: stage, catchUp: catchUp, held: held))
            return state.isStarted
        }
        JobMetrics.register(runner)
        if startsNow { launch(runner) }
    }

    /// Starts every job added so far; a second call does nothing.
    public func start() {
        let runners = state.withLock { state -> [JobRunner] in
            guard !state.isStarted else { return [] }
            state.isStarted = true
            return state.members.map(\.runner)
        }
        for runner in runners { launch(runner) }
        resumeWaitersIfOver()
    }

    /// Asks all jobs to drain and end, stage by stage; returns at once, see `wait`. May be called again, and
    /// before `start`.
    public func stop() {
        state.withLock { $0.isStopping = true }
        stopNext()
    }

    /// A stop begins with `close`, and goes on to the jobs when that has returned.
    package func closeFirst(_ close: @escaping @Sendable () async -> Void) {
        state.withLock { $0.intake = .open(close: close) }
        stopNext()
    }

    /// Does what a stop comes to next, if the host is being stopped.
    private func stopNext() {
        let (close, members) = state.withLock { ($0.intakeToClose(), $0.nextToStop()) }
        for member in members { stop(member) }
        guard let close else { return }
        Task {
            await close()
            state.withLock { $0.intake = .none }
            stopNext()
        }
    }

    private func stop(_ member: Member) {
        guard member.catchUp > .zero else { return member.runner.stop(drain: true) }
        Task {
            await Self.catchUp(member.runner, within: member.catchUp)
            member.runner.stop(drain: true)
        }
    }

    /// Returns when the job has read all there is, twice in a row and longer apart than its lag is published, or when the
    /// time is over.
    private static func catchUp(_ runner: JobRunner, within limit: Duration) async {
        let deadline = ContinuousClock.now + limit
        var readings = 0
        while readings < 2, ContinuousClock.now < deadline {
            guard (try? await Task.sleep(for: .milliseconds(600))) != nil else { return }
            readings = runner.metrics.sum("weir_source_lag_records") == 0 ? readings + 1 : 0
        }
    }

    /// True once `stop` was called, or a failure stops all.
    public var isStopping: Bool { state.withLock { $0.isStopping } }

    /// True when jobs were added, whether they run yet or have ended.
    public var hasJobs: Bool { state.withLock { !$0.members.isEmpty } }

    /// Returns when the host was started and every job has ended, in the order the jobs were added.
    public func wait() async -> [JobOutcome] {
        await withCheckedContinuation { continuation in
            let over = state.withLock { state -> [JobOutcome]? in
                if state.isOver { return state.members.compactMap(\.outcome) }
                state.waiters.append(continuation)
                return nil
            }
            if let over { continuation.resume(returning: over) }
        }
    }

    /// Every job's state now, in the order added.
    public var statuses: [JobReport] {
        runners.map { JobReport(name: $0.jobName, id: $0.job, status: $0.status) }
    }

    /// The job of this id, ended or not.
    public func runner(_ id: JobID) -> JobRunner? {
        state.withLock { $0.members.first { $0.runner.job == id }?.runner }
    }

    public var runners: [JobRunner] { state.withLock { $0.members.map(\.runner) } }

    /// The registries to scrape: a registry of one job alone gets the label `job_name` (and `job_id` if another job has that
    /// name), one that jobs share is listed once. The label is not `job`, which is Prometheus' own for what it scrapes.
    public var registries: [LabelledRegistry] {
        let runners = runners
        let uses = Dictionary(grouping: runners) { ObjectIdentifier($0.metrics) }
        let names = Dictionary(grouping: runners, by: \.jobName)
        var seen: Set<ObjectIdentifier> = []
        return runners.compactMap { runner in
            let id = ObjectIdentifier(runner.metrics)
            guard seen.insert(id).inserted else { return nil }
            guard uses[id]?.count == 1 else { return LabelledRegistry(runner.metrics) }
            var labels = ["job_name": runner.jobName]
            if (names[runner.jobName]?.count ?? 0) > 1 { labels["job_id"] = runner.job.rawValue }
            return LabelledRegistry(runner.metrics, labels: labels)
        }
    }

    // MARK: Threads

    private func launch(_ runner: JobRunner) {
        let thread = Thread { [self] in
            do {
                try runner.run()
                ended(runner, nil)
            } catch {
                ended(runner, error)
            }
        }
        thread.name = "weir-job"
        thread.start()
    }

    private func ended(_ runner: JobRunner, _ error: (any Error)?) {
        state.withLock { state in
            if let index = state.members.firstIndex(where: { $0.runner === runner }) {
                state.members[index].held = []
                state.members[index].outcome = JobOutcome(name: runner.jobName, id: runner.job, error: error)
            }
            if error != nil, failurePolicy == .stopAll { state.isStopping = true }
        }
        stopNext()
        resumeWaitersIfOver()
    }

    private func resumeWaitersIfOver() {
        let (waiters, outcomes) = state.withLock { state in
            guard state.isOver else { return ([CheckedContinuation<[JobOutcome], Never>](), [JobOutcome]()) }
            defer { state.waiters = [] }
            return (state.waiters, state.members.compactMap(\.outcome))
        }
        for waiter in waiters { waiter.resume(returning: outcomes) }
    }
}

/// A job that cannot be added to a host.
public struct JobHostError: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
