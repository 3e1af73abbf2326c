import Foundation
import StreamRuntime

/// The operating system's clocks, of which the monotonic one goes on while the machine sleeps: for deadlines that another
/// machine keeps too.
public struct SinceBootClock: RuntimeClock {
    /// Linux stops CLOCK_MONOTONIC during a suspend, macOS does not.
    #if os(Linux)
        package static let id = CLOCK_BOOTTIME
    #else
        package static let id = CLOCK_MONOTONIC
    #endif

    public init() {}

    public func monotonicNanos() -> Int64 {
        var time = timespec()
        clock_gettime(Self.id, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    public func wallMillis() -> Int64 { SystemClock().wallMillis() }
}
