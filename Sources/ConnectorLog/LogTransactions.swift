import StreamRuntime
import Synchronization

/// The embedded log as the system that takes a job's decisions (rules 4–6).
///
/// One synced journal entry holds the epoch's new partition ends and its decision: that is the commit.
/// What is staged belongs to the store and the job, not to this object: all `LogTransactions` of one store
/// that a job has are one domain, whichever of them the engine drives. Jobs of one process share the
/// store and commit side by side.
///
/// Thread rule: as `TransactionDomain`. Cost: a commit syncs each partition file written to and the
/// journal; an empty epoch syncs the journal alone. Concurrent jobs share those syncs.
public final class LogTransactions: TransactionDomain {
    public let identity: String
    let store: LogStore
    private struct Bound {
        var session: TransactionSession
        var isCancelled: @Sendable () -> Bool
        var faults: (any FaultInjector)?
    }
    private let bound = Mutex<Bound?>(nil)

    /// `store` must be open for writing by the time of `recover`.
    public init(_ store: LogStore) {
        self.store = store
        identity = store.identity
    }

    /// Claims the island for the attempt: any older attempt is fenced, in the journal, before the last
    /// decision is read. One journal sync. Throws `RecoveryRefusal` if that decision does not decode,
    /// `LogUsageError` if the log is open for reading only.
    public func recover(_ owner: IslandOwner) throws -> Decision? {
        let island = LogOwner(job: owner.job, island: owner.island)
        let (session, known) = try store.claim(island, owner.attempt)
        bound.withLock { $0 = Bound(session: session, isCancelled: owner.isCancelled, faults: owner.faults) }
        try owner.faults?.reached(.fenced)
        guard let json = known?.decision else { return nil }
        let decision: Decision
        do {
            decision = try Decision(json: json)
        } catch {
            throw RecoveryRefusal(
                "the last decision of job \(owner.jobName), island \(owner.island), in \(identity) is unreadable: \(error)",
                remedy: "Run the version that wrote it, or clear the log together with the job's checkpoints")
        }
        guard decision.checkpoint.job == owner.job, decision.checkpoint.island == owner.island else {
            throw RecoveryRefusal(
                "the last decision kept for \(island) in \(identity) is of \(decision.checkpoint)",
                remedy: "Clear the log together with the job's checkpoints")
        }
        owner.log.with(epoch: decision.checkpoint.epoch)(
            .info, "the log's last decision was read",
            ["checkpoint": decision.checkpoint.description, "log": identity])
        return decision
    }

    public func begin(_ epoch: Epoch, writers: Int) throws { try current().session.begin(epoch, writers: writers) }

    /// Waits for the writers; the records are staged in memory, so there is nothing else to wait for.
    public func prepare(_ epoch: Epoch, timeoutMillis: Int) throws {
        let now = try current()
        try now.session.awaitEnded(epoch, timeoutMillis: timeoutMillis, isCancelled: now.isCancelled)
    }

    /// The decision: durable and visible when this returns. After an error it may be either (the sync of
    /// the entry failed): `recover` tells.
    public func commit(_ decision: Decision) throws {
        let now = try current()
        let session = now.session
        let id = decision.checkpoint
        guard id.job == session.owner.job, id.island == session.owner.island, id.attempt == session.attempt else {
            throw LogUsageError("the decision \(id) is not one of \(session.owner), attempt \(session.attempt)")
        }
        let data = try session.data(of: id.epoch)
        let decided = CommitRecord.Decided(
            owner: session.owner, attempt: session.attempt.rawValue, epoch: id.epoch.rawValue,
            decision: decision.encodedJSON())
        try now.faults?.reached(.decisionSent)
        try store.commit(StagedTransaction(decided: decided, data: data))
        try now.faults?.reached(.committed)
        session.committed(id.epoch)
    }

    /// True for every other domain of the same store.
    public func sharesDecisions(with other: any TransactionDomain) -> Bool {
        (other as? LogTransactions)?.store === store
    }

    public func close() {
        guard
            let last = bound.withLock({ value -> Bound? in
                defer { value = nil }
                return value
            })
        else { return }
        store.endSession(last.session, LogUsageError("the transaction of \(last.session.owner) was closed"))
    }

    private func current() throws -> Bound {
        guard let now = bound.withLock({ $0 }) else {
            throw LogUsageError("the log's transactions are used before recover or after close")
        }
        return now
    }
}
