import Foundation
import Synchronization

/// A bounded queue between many tasks and one thread that takes everything that waits at once: the heart of
/// group commit and of pipelining. While the thread works on one batch the next one gathers. Inlinable, so that it is compiled
/// for the requests of each user.
package final class RequestInbox<Request: Sendable>: @unchecked Sendable {
    // Sendable because `condition` guards every stored property below it.
    @usableFromInline let condition = NSCondition()
    @usableFromInline var waiting: [Request] = []
    @usableFromInline var isClosed = false
    @usableFromInline var isTaking = false

    @usableFromInline let capacity: Int

    /// What became of an offer.
    package enum Offer {
        case accepted, full, closed
    }

    /// An inbox that holds at most `capacity` requests.
    @inlinable package init(capacity: Int) {
        self.capacity = capacity
    }

    /// Adds a request; never waits for room.
    @inlinable package func offer(_ request: Request) -> Offer {
        condition.lock()
        defer { condition.unlock() }
        if isClosed { return .closed }
        if waiting.count >= capacity { return .full }
        waiting.append(request)
        if isTaking { condition.signal() }
        return .accepted
    }

    /// Puts everything that waits into `batch`, in order, at least one and at most `countMax`; waits for the first. False
    /// once closed and empty. Only the one thread calls it, with the same array each time: its memory is used again.
    @inlinable package func take(into batch: inout [Request], countMax: Int) -> Bool {
        batch.removeAll(keepingCapacity: true)
        condition.lock()
        defer { condition.unlock() }
        isTaking = true
        while waiting.isEmpty {
            if isClosed { return false }
            condition.wait()
        }
        isTaking = false
        if waiting.count <= countMax {
            swap(&waiting, &batch)
        } else {
            batch.append(contentsOf: waiting[..<countMax])
            waiting.removeFirst(countMax)
        }
        return true
    }

    /// Refuses further requests; those inside are still taken. Idempotent.
    package func close() {
        condition.lock()
        isClosed = true
        condition.signal()
        condition.unlock()
    }
}

/// A thread that ends once, and tasks that wait for it.
package final class WorkerThread: Sendable {
    private struct State {
        var hasEnded = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }
    private final class End: Sendable {
        let state = Mutex(State())
    }
    private let end: End

    /// Starts a thread called `name` that runs `body` and ends.
    package init(name: String, _ body: @escaping @Sendable () -> Void) {
        let end = End()
        self.end = end
        let thread = Thread {
            body()
            let waiting = end.state.withLock { state in
                defer { state = State(hasEnded: true) }
                return state.waiting
            }
            for waiter in waiting { waiter.resume() }
        }
        thread.name = name
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// Waits until the thread has ended, in a task that is cancelled too. Any number of tasks may.
    package func wait() async {
        await withCheckedContinuation { waiter in
            let hasEnded = end.state.withLock { state in
                if !state.hasEnded { state.waiting.append(waiter) }
                return state.hasEnded
            }
            if hasEnded { waiter.resume() }
        }
    }
}

/// Something given to a thread: the thread's reference ends with its work and not with its `Thread` object,
/// which lives a moment longer and would keep files open after `close`.
package final class HandOver<Value: Sendable>: Sendable {
    private let value: Mutex<Value?>

    package init(_ value: Value) {
        self.value = Mutex(value)
    }

    /// The value, once.
    package func take() -> Value? {
        value.withLock { value in
            defer { value = nil }
            return value
        }
    }
}
