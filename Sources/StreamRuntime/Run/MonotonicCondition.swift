import Foundation

/// A lock, and a condition whose timed waits are measured on the monotonic clock. `NSCondition` waits for a date: too long
/// when the machine's clock is set back meanwhile, not at all when it is set forward. Any thread.
package final class MonotonicCondition: @unchecked Sendable {  // the system's own means of sharing between threads
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    package init() {
        pthread_mutex_init(mutex, nil)
        #if canImport(Darwin)
            pthread_cond_init(condition, nil)
        #else
            var attributes = pthread_condattr_t()
            pthread_condattr_init(&attributes)
            pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
            pthread_cond_init(condition, &attributes)
            pthread_condattr_destroy(&attributes)
        #endif
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    package func lock() { pthread_mutex_lock(mutex) }
    package func unlock() { pthread_mutex_unlock(mutex) }

    package func withLock<Value>(_ body: () throws -> Value) rethrows -> Value {
        lock()
        defer { unlock() }
        return try body()
    }

    /// Wakes one of those that wait.
    package func signal() { pthread_cond_signal(condition) }
    package func broadcast() { pthread_cond_broadcast(condition) }

    /// Under the lock: gives it away until woken, or for so long. May return earlier for no reason.
    package func wait(nanos: Int64) {
        #if canImport(Darwin)
            var time = Self.time(max(0, nanos))
            pthread_cond_timedwait_relative_np(condition, mutex, &time)
        #else
            var time = Self.time(SystemClock().monotonicNanos().addingSaturating(max(0, nanos)))
            pthread_cond_timedwait(condition, mutex, &time)
        #endif
    }

    private static func time(_ nanos: Int64) -> timespec {
        timespec(tv_sec: Int(nanos / 1_000_000_000), tv_nsec: Int(nanos % 1_000_000_000))
    }
}
