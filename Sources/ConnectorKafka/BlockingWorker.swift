import Foundation
import StreamRuntime

/// A thread of its own for client calls that block, with a watchdog: the caller waits only until its
/// deadline. When that passes the worker is *abandoned*: its thread finishes the call whenever it
/// returns and ends; nothing new is accepted (librdkafka calls can ignore their time-outs: #5456, #4420).
///
/// `@unchecked Sendable`: all state is guarded by `condition`.
package final class BlockingWorker: @unchecked Sendable {
    private let condition = NSCondition()
    private var jobs: [@Sendable () -> Void] = []
    private var isEnding = false
    private var abandonedIn: String?
    private let name: String

    package init(name: String) {
        self.name = name
        let thread = Thread { [self] in loop() }
        thread.name = name
        thread.start()
    }

    private func loop() {
        while let job = next() { job() }
    }

    private func next() -> (@Sendable () -> Void)? {
        condition.lock()
        defer { condition.unlock() }
        while jobs.isEmpty, !isEnding { condition.wait() }
        return jobs.isEmpty ? nil : jobs.removeFirst()
    }

    /// Runs `body` after what was posted before; does not wait. Ignored once the worker has ended.
    func post(_ body: @escaping @Sendable () -> Void) {
        condition.withLock {
            if isEnding { return }
            jobs.append(body)
            condition.signal()
        }
    }

    /// Runs `body` on the worker's thread and waits for its result.
    /// Throws what it throws, `KafkaCallTimedOut` after `deadlineMillis`, or `KafkaCancelled` when the worker has ended.
    package func run<Value: Sendable>(
        _ what: String, deadlineMillis: Int, _ body: @escaping @Sendable () throws -> Value
    ) throws -> Value {
        let box = ResultBox<Value>()
        try condition.withLock {
            if let abandonedIn {
                throw KafkaCallTimedOut(description: "\(what) is not tried: '\(abandonedIn)' never returned")
            }
            if isEnding { throw KafkaCancelled(waitingFor: what) }
            // Under the same lock: an `end` in between would leave the call waiting for what nobody runs.
            jobs.append { box.set(Result { try body() }) }
            condition.signal()
        }
        guard let result = box.wait(millis: deadlineMillis) else {
            condition.withLock {
                abandonedIn = what
                isEnding = true
                jobs.removeAll()
            }
            throw KafkaCallTimedOut(
                description: "\(what) did not return within \(deadlineMillis) ms; its client is abandoned")
        }
        return try result.get()
    }

    /// Ends the thread after what is queued. Returns at once. Idempotent.
    package func end() {
        condition.withLock {
            isEnding = true
            condition.signal()
        }
    }

    /// `@unchecked Sendable`: guarded by its condition.
    private final class ResultBox<Value: Sendable>: @unchecked Sendable {
        private let condition = MonotonicCondition()
        private var result: Result<Value, any Error>?

        func set(_ result: Result<Value, any Error>) {
            condition.withLock {
                self.result = result
                condition.signal()
            }
        }

        func wait(millis: Int) -> Result<Value, any Error>? {
            let clock = SystemClock()
            let deadline = clock.monotonicNanos() + Int64(millis) * 1_000_000
            return condition.withLock {
                while result == nil {
                    let left = deadline - clock.monotonicNanos()
                    guard left > 0 else { break }
                    condition.wait(nanos: left)
                }
                return result
            }
        }
    }
}
