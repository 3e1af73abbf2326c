import StreamRuntime

/// Which of an island's two producers may do what (rule 6), as a pure state machine: the session
/// feeds it events and performs the actions it returns. Epoch N belongs to producer N mod 2.
///
/// Kept here, and nowhere else:
/// 1. At most one epoch accepts sends at any time.
/// 2. Epoch N+1 opens only when every writer has ended N and all of N's sends are acknowledged.
/// 3. Epoch N+1 opens only when N−1, the previous transaction of its producer, is committed.
/// 4. Epoch N is committed only when its sends are acknowledged and N−1 is committed.
package struct EpochAlternation: Equatable {
    package enum Phase: Equatable {
        case idle
        /// The producer's transaction is being begun.
        case opening(Epoch)
        /// Writers send; so many of them have ended the epoch.
        case sending(Epoch, ended: Int)
        /// All writers have ended the epoch; its sends are being acknowledged.
        case flushing(Epoch)
        /// Acknowledged, but the next epoch's producer has not committed its last transaction yet.
        case waitingForCommit(of: Epoch)
    }

    package enum Action: Equatable {
        case open(Epoch)
        case flush(Epoch)
    }

    package struct Violation: Error, CustomStringConvertible {
        package let description: String
    }

    package private(set) var phase = Phase.idle
    package private(set) var writers = 0
    package private(set) var first = Epoch.genesis
    package private(set) var acknowledged: Epoch?
    package private(set) var committed = Epoch.genesis

    package init() {}

    package static func producerIndex(of epoch: Epoch) -> Int { Int(epoch.rawValue % 2) }

    /// The epoch that accepts sends now.
    package var sending: Epoch? {
        if case .sending(let epoch, _) = phase { return epoch }
        return nil
    }

    package mutating func begin(_ epoch: Epoch, writers: Int) throws(Violation) -> Action {
        guard phase == .idle else { throw Violation(description: "epoch \(epoch) begun while \(phase)") }
        guard epoch > .genesis, writers >= 0 else {
            throw Violation(description: "epoch \(epoch) cannot begin with \(writers) writers")
        }
        self.writers = writers
        first = epoch
        committed = Epoch(epoch.rawValue - 1)
        phase = .opening(epoch)
        return .open(epoch)
    }

    package mutating func opened(_ epoch: Epoch) throws(Violation) -> Action? {
        guard phase == .opening(epoch) else { throw Violation(description: "epoch \(epoch) opened while \(phase)") }
        phase = .sending(epoch, ended: 0)
        return closeIfAllEnded()
    }

    package mutating func writerEnded(_ epoch: Epoch) throws(Violation) -> Action? {
        guard case .sending(epoch, let ended) = phase else {
            throw Violation(description: "a writer ended epoch \(epoch) while \(phase)")
        }
        phase = .sending(epoch, ended: ended + 1)
        return closeIfAllEnded()
    }

    private mutating func closeIfAllEnded() -> Action? {
        guard case .sending(let epoch, let ended) = phase, ended >= writers, writers > 0 else { return nil }
        phase = .flushing(epoch)
        return .flush(epoch)
    }

    /// A job without writers has nothing to end: its epochs end when they are prepared.
    package mutating func prepareWithoutWriters(_ epoch: Epoch) -> Action? {
        guard writers == 0, case .sending(epoch, _) = phase else { return nil }
        phase = .flushing(epoch)
        return .flush(epoch)
    }

    package mutating func flushed(_ epoch: Epoch) throws(Violation) -> Action? {
        guard phase == .flushing(epoch) else { throw Violation(description: "epoch \(epoch) flushed while \(phase)") }
        acknowledged = epoch
        phase = .waitingForCommit(of: Epoch(epoch.rawValue - 1))
        return openIfCommitted()
    }

    private mutating func openIfCommitted() -> Action? {
        guard case .waitingForCommit(let previous) = phase, committed >= previous else { return nil }
        let next = previous.next.next
        phase = .opening(next)
        return .open(next)
    }

    /// Throws unless `epoch` may be committed now.
    package func checkCommit(_ epoch: Epoch) throws(Violation) {
        guard let acknowledged, acknowledged >= epoch, committed.next == epoch else {
            let last = acknowledged.map { "\($0)" } ?? "none"
            throw Violation(
                description: "epoch \(epoch) cannot be committed: last acknowledged \(last), last committed \(committed)")
        }
    }

    package mutating func committed(_ epoch: Epoch) throws(Violation) -> Action? {
        try checkCommit(epoch)
        committed = epoch
        return openIfCommitted()
    }
}
