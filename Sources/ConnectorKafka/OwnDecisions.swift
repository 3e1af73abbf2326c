import StreamRuntime

/// The decisions of an island that this process knows of, so that a restart notices one that somebody else has taken since:
/// a process that stood still must not fence the owner that took its place. Pure.
package struct OwnDecisions: Sendable {
    /// The last one read or committed.
    private var last: CheckpointID?
    /// One whose commit was asked for and has not returned: it may be decided or not.
    private var asked: CheckpointID?

    package init() {}

    /// An attempt has begun from this decision.
    package mutating func recovered(_ decision: CheckpointID?) {
        last = decision
        asked = nil
    }

    package mutating func committing(_ decision: CheckpointID) { asked = decision }

    package mutating func committed(_ decision: CheckpointID) { recovered(decision) }

    /// Whether there was an attempt before, so that asking makes sense.
    package var isAny: Bool { last != nil || asked != nil }

    /// Whether somebody else has decided `found`: it comes after the last decision known (a reader that does not wait may
    /// find an older one) and is not the one asked for.
    package func exclude(_ found: CheckpointID) -> Bool {
        guard let known = last ?? asked, (known.job, known.island) == (found.job, found.island) else { return false }
        if found == asked { return false }
        guard let last else { return true }
        return found.epoch > last.epoch
    }
}
