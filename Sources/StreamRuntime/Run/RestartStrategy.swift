/// What happens after an attempt has failed.
public enum RestartStrategy: Sendable, Equatable {
    /// The job fails.
    case none
    /// At most `attempts` restarts, `delayMillis` apart.
    case fixedDelay(attempts: Int, delayMillis: Int)
    /// Without limit: the delay doubles from `initialMillis` to `maxMillis`, with ± `jitter` of itself, and
    /// starts over once an attempt has lived for `resetAfterMillis`.
    case exponential(
        initialMillis: Int = 100, maxMillis: Int = 30_000, jitter: Double = 0.1, resetAfterMillis: Int = 60_000)
    /// Until more than `failures` happened within `perMillis`; `delayMillis` apart.
    case failureRate(failures: Int, perMillis: Int, delayMillis: Int)
}

/// Applies a strategy. Pure: time and randomness are given.
package struct RestartDecider {
    package enum Verdict: Equatable {
        case restart(afterMillis: Int)
        case giveUp(reason: String)
    }

    private let strategy: RestartStrategy
    private var failures = 0
    private var recentFailuresMillis: [Int64] = []

    package init(_ strategy: RestartStrategy) { self.strategy = strategy }

    /// `unit` is a random number in 0..<1.
    package mutating func failed(atMillis now: Int64, livedMillis: Int64, unit: Double) -> Verdict {
        switch strategy {
        case .none:
            return .giveUp(reason: "the restart strategy is 'none'")
        case .fixedDelay(let attempts, let delay):
            failures += 1
            return failures > attempts
                ? .giveUp(reason: "all \(attempts) restarts are used up") : .restart(afterMillis: delay)
        case .exponential(let initial, let max, let jitter, let reset):
            if livedMillis >= Int64(reset) { failures = 0 }
            let doubled = Double(initial) * Double(1 << min(failures, 30))
            failures += 1
            let delay = min(doubled, Double(max))
            return .restart(afterMillis: Int(delay * (1 + jitter * (2 * unit - 1))))
        case .failureRate(let allowed, let per, let delay):
            recentFailuresMillis.append(now)
            recentFailuresMillis.removeAll { $0 <= now - Int64(per) }
            return recentFailuresMillis.count > allowed
                ? .giveUp(reason: "\(recentFailuresMillis.count) failures within \(per) ms, \(allowed) are allowed")
                : .restart(afterMillis: delay)
        }
    }
}

/// An error that a restart cannot mend: the job fails at once.
public protocol UnrestartableError: Error {}

/// What a job was to go on from, or to read, is damaged or gone: going on could lose or double records. Its text has the remedy.
public protocol DataLossError: UnrestartableError {}

/// An epoch was given up because it took too long (rule 9), by the engine or by the system that decides. Three in a
/// row fail the job, unless an outside system was known to be down meanwhile.
public protocol EpochExpiry: Error {}

extension RecoveryRefusal: DataLossError {}
extension GraphError: UnrestartableError {}
