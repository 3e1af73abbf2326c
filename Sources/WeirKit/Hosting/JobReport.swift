import StreamRuntime

/// A job's state as read from outside: JSON of `/readyz` and of tools.
public struct JobReport: Sendable, Hashable, Codable {
    public let name: String
    /// 32 hex digits.
    public let id: String
    /// A `Word`.
    public let status: String
    /// Why it is paused, restarting or failed.
    public let reason: String?

    /// Where a job stands.
    public enum Word: String, Sendable, CaseIterable {
        case created, starting, running, paused, restarting, stopping, finished, cancelled, failed
    }

    public init(name: String, id: JobID, status: JobStatus) {
        self.name = name
        self.id = id.rawValue
        let word: Word
        switch status {
        case .created: (word, self.reason) = (.created, nil)
        case .starting: (word, self.reason) = (.starting, nil)
        case .running: (word, self.reason) = (.running, nil)
        case .paused(let systems): (word, self.reason) = (.paused, "waiting for \(systems.joined(separator: ", "))")
        case .restarting(let reason): (word, self.reason) = (.restarting, reason)
        case .stopping: (word, self.reason) = (.stopping, nil)
        case .finished: (word, self.reason) = (.finished, nil)
        case .cancelled: (word, self.reason) = (.cancelled, nil)
        case .failed(let reason): (word, self.reason) = (.failed, reason)
        }
        self.status = word.rawValue
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
