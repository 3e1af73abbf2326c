/// What a drill does to a job's process, or to what it talks to.
public enum Trouble: Sendable, Hashable {
    /// SIGKILL: nothing gets a chance to tidy up. The process is started again at once.
    case kill
    /// SIGSTOP, and SIGCONT so much later: to the outside the process is dead, to itself no time has passed.
    case standstill(millis: Int)
    /// For so long every write to a file fails, as on a full disk.
    case fullDisk(millis: Int)
    /// SIGTERM: a last checkpoint, an orderly end, a new start.
    case restart
    /// The command that the user gave for it.
    case brokerRestart

    public enum Kind: String, Sendable, Hashable, CaseIterable, Codable {
        case kill
        case standstill = "stop-cont"
        case fullDisk = "disk-full"
        case restart
        case brokerRestart = "broker-restart"
        /// The process killed itself at a point of its protocol (`--inject`); never scheduled.
        case injected
    }

    /// Whether another process goes on after it.
    public var endsProcess: Bool {
        switch self {
        case .kill, .restart: true
        case .standstill, .fullDisk, .brokerRestart: false
        }
    }

    public var kind: Kind {
        switch self {
        case .kill: .kill
        case .standstill: .standstill
        case .fullDisk: .fullDisk
        case .restart: .restart
        case .brokerRestart: .brokerRestart
        }
    }
}
