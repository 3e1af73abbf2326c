import StreamRuntime
import WeirKit

/// Something asked of a job that takes a while: its caller comes back for the result.
package struct Operation: Sendable {
    package enum Kind: Sendable, Equatable {
        /// Until the job has ended, and its savepoint, if one was asked for, is written.
        case stop(savepoint: Bool)
        /// Until it is written.
        case savepoint
        /// Until it is drawn.
        case profile
        /// Until a checkpoint that began no earlier is decided.
        case checkpoint(fromMillis: Int64)
        /// Until another process than this serves, and the savepoint of the former, if one was asked for, is written.
        case relaunch(from: ProcessIdentity?, savepoint: Bool = false)

        /// Below a job's path: where its progress is asked for.
        package var resource: String {
            switch self {
            case .stop, .savepoint: "savepoints"
            case .profile: "profile"
            case .checkpoint: "checkpoints"
            case .relaunch: "rescaling"
            }
        }
    }
    package enum Status: Sendable, Equatable {
        case inProgress
        /// `location`: of the checkpoint, where there is one.
        case completed(location: String?, checkpoint: UInt64?)
        case failed(reason: String)
    }
    /// Of a failure, by the name clients know it by.
    package enum Cause: String, Sendable {
        case failed = "weir.OperationFailed"
        /// Its time was over; it may still come about.
        case late = "weir.TimedOut"
        /// The job has failed meanwhile.
        case jobFailed = "weir.JobFailed"
    }

    package let id: String
    package let job: JobID
    package let kind: Kind
    package let begunAtMillis: Int64
    /// One that takes longer has failed.
    package let limitMillis: Int64
    /// Of the savepoint or profile that was written.
    package var written: String?
    /// What whoever asked should know of it.
    package var note: String?
    package private(set) var status = Status.inProgress
    package private(set) var cause = Cause.failed

    package static let limitMillis: Int64 = 600_000

    package init(id: String, job: JobID, kind: Kind, begunAtMillis: Int64, limitMillis: Int64 = Self.limitMillis) {
        self.id = id
        self.job = job
        self.kind = kind
        self.begunAtMillis = begunAtMillis
        self.limitMillis = limitMillis
    }

    package mutating func fail(_ reason: String, _ cause: Cause = .failed) {
        status = .failed(reason: reason)
        self.cause = cause
    }

    /// Looks at what the job has come to.
    package mutating func update(_ state: JobMachine.State, _ snapshot: JobSnapshot?, atMillis now: Int64) {
        guard status == .inProgress else { return }
        switch kind {
        case .stop(let savepoint): updateStop(state, snapshot, savepoint: savepoint)
        case .savepoint, .profile:
            if written != nil {
                status = .completed(location: written, checkpoint: nil)
            } else if kind == .savepoint {
                failIfEnded(state)
            }
        case .checkpoint(let from):
            if let done = snapshot?.checkpoints.records.first(where: { $0.triggeredAtMillis >= from && $0.status == .completed }),
                case .running = state
            {
                status = .completed(location: done.path, checkpoint: done.epoch)
            } else {
                failIfEnded(state)
            }
        case .relaunch(let former, let savepoint):
            if case .running(let process) = state, process != former {
                if !savepoint || written != nil { status = .completed(location: written, checkpoint: nil) }
            } else {
                failIfEnded(state)
            }
        }
        if status == .inProgress, now - begunAtMillis > limitMillis {
            fail("it took longer than \(DurationText.text(Int(limitMillis)))", .late)
        }
    }

    private mutating func updateStop(_ state: JobMachine.State, _ snapshot: JobSnapshot?, savepoint: Bool) {
        guard case .ended(let outcome) = state else { return }
        if case .failed(let reason) = outcome { return fail(reason, .jobFailed) }
        guard !savepoint else {
            // Without one its answer is on the way.
            if written != nil { status = .completed(location: written, checkpoint: nil) }
            return
        }
        let last = snapshot?.checkpoints.records.last { $0.status == .completed }
        status = .completed(location: last?.path ?? snapshot?.checkpoints.lastRestored?.path, checkpoint: last?.epoch)
    }

    /// What is asked of a job that runs does not come about any more once it has ended.
    private mutating func failIfEnded(_ state: JobMachine.State) {
        guard case .ended(let outcome) = state else { return }
        if case .failed(let reason) = outcome { fail(reason, .jobFailed) } else { fail("the job has ended") }
    }
}
