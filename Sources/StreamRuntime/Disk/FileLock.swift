import Foundation

/// Locks by `flock`.
package enum FileLock {
    /// Unlocked before it is closed: a child that is being spawned has a copy of the descriptor for a moment, which would keep
    /// the lock.
    package static func release(_ descriptor: Int32) {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}
