import COSShim
import Foundation
import Synchronization

/// Lets a worker thread sleep and others wake it, by an eventfd.
public final class Waker: Sendable {
    private let descriptor: Int32
    private let asleep = Atomic<Bool>(false)
    /// Set by `wake` while the worker runs, so that a wake-up between its last look and its sleep is not lost.
    private let pending = Atomic<Bool>(false)

    init() { descriptor = cos_wake_fd_create() }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// From any thread. Costs two atomic operations while the worker runs, a system call when it sleeps.
    public func wake() {
        pending.store(true, ordering: .sequentiallyConsistent)
        if asleep.load(ordering: .sequentiallyConsistent) { cos_wake_fd_signal(descriptor) }
    }

    /// Wakes only a worker that sleeps: for the sender of a batch, whose receiver looks at its rings anyway
    /// before it sleeps (`sleep` is told to look once more after announcing it).
    /// The fence keeps the look at `asleep` behind the push before it.
    @inline(__always) func wakeIfAsleep() {
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if asleep.load(ordering: .sequentiallyConsistent) { cos_wake_fd_signal(descriptor) }
    }

    /// Sleeps until woken or for `micros`, unless `hasWork` says, after the sleep was announced, that there is something to do.
    func sleep(micros: Int64, unless hasWork: () -> Bool) {
        asleep.store(true, ordering: .sequentiallyConsistent)
        if !pending.exchange(false, ordering: .sequentiallyConsistent), !hasWork() {
            cos_wake_fd_wait(descriptor, micros)
        }
        asleep.store(false, ordering: .sequentiallyConsistent)
        pending.store(false, ordering: .sequentiallyConsistent)
    }
}
