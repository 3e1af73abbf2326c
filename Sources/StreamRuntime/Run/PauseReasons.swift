import Synchronization

/// Why a job is paused: outside systems known to be down. While there is a reason, no epoch is begun, and
/// nothing counts as a failure (rule 9). Any thread.
public final class PauseReasons: Sendable {
    /// How many say so: the subtasks of an operator have the same words.
    private let reasons = Mutex<[String: Int]>([:])

    public init() {}

    /// Adds `reason`, e.g. `dynamodb: circuit open`, or takes it back. Each that adds it takes it back, once.
    public func set(_ reason: String, _ isActive: Bool) {
        reasons.withLock { reasons in
            let count = (reasons[reason] ?? 0) + (isActive ? 1 : -1)
            reasons[reason] = count > 0 ? count : nil
        }
    }

    public var current: [String] { reasons.withLock { $0.keys.sorted() } }
    var isPaused: Bool { reasons.withLock { !$0.isEmpty } }
}
