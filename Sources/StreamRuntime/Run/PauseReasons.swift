import Synchronization

/// Why a job is paused: outside systems known to be down. While there is a reason, no epoch is begun, and
/// nothing counts as a failure (rule 4.9). Any thread.
public final class PauseReasons: Sendable {
    private let reasons = Mutex<Set<String>>([])

    public init() {}

    /// Adds or removes `reason`, e.g. `dynamodb: circuit open`.
    public func set(_ reason: String, _ isActive: Bool) {
        reasons.withLock { if isActive { $0.insert(reason) } else { $0.remove(reason) } }
    }

    public var current: [String] { reasons.withLock { $0.sorted() } }
    var isPaused: Bool { reasons.withLock { !$0.isEmpty } }
}
