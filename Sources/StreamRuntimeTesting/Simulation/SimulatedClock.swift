import StreamRuntime
import Synchronization

/// The clock of a simulation: stands still until the world moves it; its wall clock can be set like a computer's.
/// Any thread reads, the simulation's moves.
final class SimulatedClock: RuntimeClock {
    private static let startMillis: Int64 = 1_700_000_000_000
    private let nanos = Atomic<Int64>(0)
    private let wallOffsetMillis = Atomic<Int64>(0)

    func monotonicNanos() -> Int64 { nanos.load(ordering: .relaxed) }
    func wallMillis() -> Int64 {
        Self.startMillis + wallOffsetMillis.load(ordering: .relaxed) + monotonicNanos() / 1_000_000
    }

    func advance(to time: Int64) {
        if time > monotonicNanos() { nanos.store(time, ordering: .relaxed) }
    }

    /// As when somebody sets the computer's clock: durations are not affected.
    func setWall(byMillis offset: Int64) { wallOffsetMillis.add(offset, ordering: .relaxed) }
}
