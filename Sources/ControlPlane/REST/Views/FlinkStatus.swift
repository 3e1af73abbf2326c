import WeirKit

/// Flink's words for where a job stands.
package enum FlinkStatus: String, Sendable, CaseIterable {
    case initializing = "INITIALIZING", created = "CREATED", running = "RUNNING", failing = "FAILING", failed = "FAILED",
        cancelling = "CANCELLING", canceled = "CANCELED", finished = "FINISHED", restarting = "RESTARTING"

    package init(_ view: JobView) {
        switch view.record.state {
        case .launching, .starting: self = .initializing
        case .running, .ending(_, .stop, _): self = FlinkStatus(ofReport: view.snapshot?.report.status)
        case .ending(_, .cancel, _): self = .cancelling
        case .ending(_, .relaunch, _), .waiting: self = .restarting
        case .ended(.finished): self = .finished
        case .ended(.cancelled): self = .canceled
        case .ended(.failed): self = .failed
        }
    }

    /// A process's own word (JobReport). A paused job runs; one that has ended still has a process to end.
    private init(ofReport status: String?) {
        self =
            switch status {
            case "created"?, "starting"?: .initializing
            case "restarting"?: .restarting
            case "failed"?: .failing
            case nil: .initializing
            default: .running
            }
    }

    package var isEnded: Bool { self == .failed || self == .canceled || self == .finished }

    /// What a subtask of such a job is: Flink's ExecutionState.
    package var ofSubtasks: String {
        switch self {
        case .initializing, .restarting: "INITIALIZING"
        case .created: "CREATED"
        case .running, .failing: "RUNNING"
        case .failed: "FAILED"
        case .cancelling: "CANCELING"
        case .canceled: "CANCELED"
        case .finished: "FINISHED"
        }
    }

    static let subtaskStates = [
        "CREATED", "SCHEDULED", "DEPLOYING", "RUNNING", "FINISHED", "CANCELING", "CANCELED", "FAILED", "RECONCILING",
        "INITIALIZING",
    ]

    /// Why, where there is a reason, for people: Flink has no such field.
    static func reason(_ view: JobView) -> String? {
        switch view.record.state {
        case .waiting(_, let reason), .ended(.failed(let reason)): reason
        case .running where view.isSilent: "its process does not answer"
        case .running: view.snapshot?.report.reason
        default: nil
        }
    }

    static let pausedWord = "PAUSED"

    /// Weir's own word, which tells a paused job from a running one.
    static func word(_ view: JobView) -> String {
        if case .running = view.record.state, view.snapshot?.report.status == "paused" { return pausedWord }
        return FlinkStatus(view).rawValue
    }
}
