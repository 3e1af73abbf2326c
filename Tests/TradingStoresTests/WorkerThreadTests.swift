import Dispatch
import StoreKit
import Synchronization
import Testing

@Suite struct WorkerThreadTests {
    private final class Seen: Sendable {
        let hasEnded = Atomic<Bool>(false)
        let returned = Atomic<Int>(0)
    }

    /// Who closes a store is told that its thread has let it go, and may open it again.
    @Test func whoIsCancelledWaitsToo_andEndsTheWaitingOfNobodyElse() async {
        let seen = Seen()
        let mayEnd = DispatchSemaphore(value: 0)
        let thread = WorkerThread(name: "test-worker") {
            mayEnd.wait()
            seen.hasEnded.store(true, ordering: .releasing)
        }
        let waiters = (0..<2).map { _ in
            Task {
                await thread.wait()
                let hasEnded = seen.hasEnded.load(ordering: .acquiring)
                seen.returned.add(1, ordering: .releasing)
                return hasEnded
            }
        }
        waiters[0].cancel()
        // Time for those that would not wait.
        for _ in 0..<1_000 where seen.returned.load(ordering: .acquiring) < 2 { await Task.yield() }
        mayEnd.signal()
        for waiter in waiters {
            let hasEnded = await waiter.value
            #expect(hasEnded)
        }
        await thread.wait()  // one that has ended already
    }
}
