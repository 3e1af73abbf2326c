import Foundation
import Synchronization

/// A bounded queue between many tasks and one thread that takes everything that waits at once: the heart of
/// group commit and of pipelining. While the thread works on one batch the next one gathers.
final class RequestInbox<Request: Sendable>: @unchecked Sendable {
    // Sendable because `condition` guards every stored property below it.
    private let condition = NSCondition()
    private var waiting: [Request] = []
    private var isClosed = false
    private var isTaking = false

    private let capacity: Int

    /// What became of an offer.
    enum Offer {
        case accepted, full, closed
    }

    /// An inbox that holds at most `capacity` requests.
    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Adds a request; never waits for room.
    func offer(_ request: Request) -> Offer {
        condition.lock()
        defer { condition.unlock() }
        if isClosed { return .closed }
        if waiting.count >= capacity { return .full }
        waiting.append(request)
        if isTaking { condition.signal() }
        return .accepted
    }

    /// Everything that waits, in order, at least one and at most `countMax`; waits for the first. Nil once
    /// closed and empty. Only the one thread calls it.
    func take(countMax: Int) -> [Request]? {
        condition.lock()
        defer { condition.unlock() }
        isTaking = true
        while waiting.isEmpty {
            if isClosed { return nil }
            condition.wait()
        }
        isTaking = false
        if waiting.count <= countMax {
            defer {
                waiting = []
                waiting.reserveCapacity(countMax)
            }
            return waiting
        }
        let taken = Array(waiting[..<countMax])
        waiting.removeFirst(countMax)
        return taken
    }

    /// Refuses further requests; those inside are still taken. Idempotent.
    func close() {
        condition.lock()
        isClosed = true
        condition.signal()
        condition.unlock()
    }
}

/// A thread that ends once, and tasks that wait for it.
final class WorkerThread: Sendable {
    private let ended: AsyncStream<Never>

    /// Starts a thread called `name` that runs `body` and ends.
    init(name: String, _ body: @escaping @Sendable () -> Void) {
        let (stream, continuation) = AsyncStream.makeStream(of: Never.self)
        ended = stream
        let thread = Thread {
            body()
            continuation.finish()
        }
        thread.name = name
        thread.stackSize = 1 << 20
        thread.start()
    }

    /// Waits until the thread has ended. Any number of tasks may.
    func wait() async {
        for await _ in ended {}
    }
}

/// Something given to a thread: the thread's reference ends with its work and not with its `Thread` object,
/// which lives a moment longer and would keep files open after `close`.
final class HandOver<Value: Sendable>: Sendable {
    private let value: Mutex<Value?>

    init(_ value: Value) {
        self.value = Mutex(value)
    }

    /// The value, once.
    func take() -> Value? {
        value.withLock { value in
            defer { value = nil }
            return value
        }
    }
}
