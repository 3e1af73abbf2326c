import StreamRuntime
import WeirKit

/// A job as seen now: what is remembered, and what its process last said.
package struct JobView: Sendable {
    package var record: JobRecord
    /// The last two snapshots of one process, newest first; of a job that has ended, its last one.
    package var snapshot: JobSnapshot?
    package var previous: JobSnapshot?
    /// The process is there, but has not answered for a while.
    package var isSilent = false

    package init(record: JobRecord, snapshot: JobSnapshot? = nil, previous: JobSnapshot? = nil) {
        self.record = record
        self.snapshot = snapshot
        self.previous = previous
    }

    /// Takes in what the process says now. Readings of two processes are never compared.
    mutating func take(_ new: JobSnapshot, isSameProcess: Bool) {
        previous = isSameProcess ? snapshot : nil
        snapshot = new
    }
}
