/// The places of the checkpoint protocol at which something may go wrong, in the order in which an attempt meets them.
/// The simulator crashes jobs at each of them; a test fails when one is never met.
public enum FaultPoint: String, CaseIterable, Sendable, CustomStringConvertible {
    // A start.
    /// Nothing is read yet, nobody fenced.
    case recoveryBegin = "recovery-begin"
    /// Older owners of the island are fenced; the last decision is not read yet.
    case fenced
    /// The decision is read, the checkpoint it names is not.
    case decisionRead = "decision-read"
    /// A first start: its start offsets are decided.
    case genesisDecided = "genesis-decided"
    /// State is restored; no task has taken a step.
    case restored

    // A task at a barrier.
    case barrier
    /// The operators have given what they hold; the barrier is not handed on.
    case snapshotTaken = "snapshot-taken"

    // Beside the stream: a state file.
    case stateBegin = "state-begin"
    /// Written, not synced.
    case fileWritten = "file-written"
    /// Synced; its folder is not.
    case fileSynced = "file-synced"
    /// The task's share is durable; the coordinator does not know it.
    case stateWritten = "state-written"

    // The coordinator.
    /// Every share is durable; outputs may still be unacknowledged.
    case allWritten = "all-written"
    /// Outputs are acknowledged.
    case prepared
    case manifestBegin = "manifest-begin"
    /// Whole under its temporary name.
    case manifestSynced = "manifest-synced"
    /// Under its final name, which is not durable yet.
    case manifestRenamed = "manifest-renamed"
    case manifestDurable = "manifest-durable"

    // The deciding system.
    /// The transaction carries the offsets.
    case offsetsSent = "offsets-sent"
    /// The transaction carries the decision record.
    case decisionSent = "decision-sent"
    /// The decision has taken effect; nobody in this process knows.
    case committed

    // After the decision.
    case decided
    case cleanupBegin = "cleanup-begin"
    /// Old manifests are gone, their files are not.
    case cleanupManifests = "cleanup-manifests"
    case cleanupDone = "cleanup-done"
    /// The sources have been told to fall silent.
    case drain

    public var description: String { rawValue }
}

/// Decides what goes wrong. Asked at each point that is met: a few times a checkpoint, never per record; a job without
/// one pays a comparison with `nil`. Any thread.
public protocol FaultInjector: AnyObject, Sendable {
    /// Returns when nothing is to happen. Throws what is to fail here, or does not return.
    func reached(_ point: FaultPoint) throws
}
