import Foundation
import StreamRuntime
import Synchronization
import Testing

@Suite struct MonotonicConditionTests {
    @Test func whoIsNotWokenWaitsAsLongAsAsked() {
        let condition = MonotonicCondition()
        let clock = SystemClock()
        let deadline = clock.monotonicNanos() + 20_000_000
        condition.withLock {
            while clock.monotonicNanos() < deadline { condition.wait(nanos: deadline - clock.monotonicNanos()) }
        }
        condition.withLock { condition.wait(nanos: -1) }
        #expect(clock.monotonicNanos() >= deadline)
    }

    /// Hangs, unless the waiting thread is woken.
    @Test func whoIsWokenGoesOn() {
        let condition = MonotonicCondition()
        let isReady = Atomic<Bool>(false)
        let thread = Thread {
            condition.withLock {
                isReady.store(true, ordering: .relaxed)
                condition.broadcast()
            }
        }
        condition.withLock {
            thread.start()
            while !isReady.load(ordering: .relaxed) { condition.wait(nanos: .max) }
        }
        condition.withLock { condition.signal() }  // nobody waits
    }
}
