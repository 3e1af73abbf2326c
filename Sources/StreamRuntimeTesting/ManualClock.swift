import StreamRuntime
import Synchronization

/// A clock that stands still until it is advanced. Any thread.
public final class ManualClock: RuntimeClock {
    private let startMillis: Int64
    private let elapsedNanos = Atomic<Int64>(0)

    /// `startMillis`: processing time at first, in milliseconds since 1970-01-01 UTC.
    public init(startingAt startMillis: Int64 = 0) { self.startMillis = startMillis }

    public func monotonicNanos() -> Int64 { elapsedNanos.load(ordering: .relaxed) }
    public func wallMillis() -> Int64 { startMillis + monotonicNanos() / 1_000_000 }

    /// `duration`: not negative, and less than 200 years in all.
    public func advance(by duration: Duration) {
        precondition(duration >= .zero, "a clock cannot be set back")
        elapsedNanos.add(duration.wholeNanos, ordering: .relaxed)
    }

    func advance(toNanos nanos: Int64) {
        if nanos > monotonicNanos() { elapsedNanos.store(nanos, ordering: .relaxed) }
    }
}

extension Duration {
    var wholeNanos: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
