import Foundation

/// The time of day where no caller passes it: request signatures, expiry, credentials.
package enum WallClock {
    /// Epoch milliseconds.
    package static func nowMillis() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
