import StreamRuntime

/// A job's state as read from outside: JSON of `/readyz` and of tools.
public struct JobReport: Sendable, Hashable, Codable {
    public let name: String
    /// 32 hex digits.
    public let id: String
    /// `created`, `starting`, `running`, `paused`, `restarting`, `stopping`, `finished` or `failed`.
    public let status: String
    /// Why it is paused, restarting or failed.
    public let reason: String?

    public init(name: String, id: JobID, status: JobStatus) {
        self.name = name
        self.id = id.rawValue
        switch status {
        case .created: (self.status, reason) = ("created", nil)
        case .starting: (self.status, reason) = ("starting", nil)
        case .running: (self.status, reason) = ("running", nil)
        case .paused(let systems): (self.status, reason) = ("paused", "waiting for \(systems.joined(separator: ", "))")
        case .restarting(let reason): (self.status, self.reason) = ("restarting", reason)
        case .stopping: (self.status, reason) = ("stopping", nil)
        case .finished: (self.status, reason) = ("finished", nil)
        case .failed(let reason): (self.status, self.reason) = ("failed", reason)
        }
    }

    /// A paused job is ready: it runs, and a restart of its process would mend nothing.
    public var isReady: Bool { ["running", "paused", "finished"].contains(status) }
}

/// How a job ended: `error` is `nil` when it finished or was stopped.
public struct JobOutcome: Sendable {
    public let name: String
    public let id: JobID
    public let error: (any Error)?
}
