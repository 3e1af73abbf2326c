import StoreKit

/// Version-guarded sets in batches, down one connection on a thread of its own. Any task may call; calls that wait share a
/// pipeline.
final class RedisWriter: Sendable {
    typealias Waiter = CheckedContinuation<Result<Int, StoreError>, Never>

    struct Request: Sendable {
        let sets: [VersionedSet]
        let waiter: Waiter
    }

    private static let queuedMax = 1_024
    private static let pipelineMax = 16

    private let inbox: RequestInbox<Request>
    private let thread: WorkerThread

    init(_ address: RedisConnection.Address) {
        let inbox = RequestInbox<Request>(capacity: Self.queuedMax)
        self.inbox = inbox
        thread = WorkerThread(name: "redis-sink") {
            var link = Link(address: address)
            var requests: [Request] = []
            while inbox.take(into: &requests, countMax: Self.pipelineMax) {
                for request in requests { request.waiter.resume(returning: link.run(request.sets)) }
            }
        }
    }

    deinit { inbox.close() }

    /// How many were newer than what was there. All of them may be set again after a failure.
    func set(_ sets: [VersionedSet]) async throws(StoreError) -> Int {
        let inbox = inbox
        let result = await withCheckedContinuation { (waiter: Waiter) in
            switch inbox.offer(Request(sets: sets, waiter: waiter)) {
            case .accepted: break
            case .full: waiter.resume(returning: .failure(.throttled("the queue to redis is full")))
            case .closed: waiter.resume(returning: .failure(.unavailable("the connection to redis is closed")))
            }
        }
        return try result.get()
    }

    /// The connection, made anew after a failure. Confined to the thread.
    private struct Link {
        let address: RedisConnection.Address
        var connection: RedisConnection?

        mutating func run(_ sets: [VersionedSet]) -> Result<Int, StoreError> {
            do throws(StoreError) {
                return .success(try exchange(sets, on: try connected()))
            } catch {
                if error.isRetryable { connection = nil }
                return .failure(error)
            }
        }

        private mutating func connected() throws(StoreError) -> RedisConnection {
            if let connection { return connection }
            let made = try RedisConnection(address)
            connection = made
            return made
        }

        /// Sends everything, then reads every reply: none must stand in the way of a later request's.
        private func exchange(_ sets: [VersionedSet], on connection: RedisConnection) throws(StoreError) -> Int {
            // The first one brings the script with it, should the server have forgotten it.
            for (index, set) in sets.enumerated() { connection.append(set.command(whole: index == 0)) }
            var newer = 0
            var refused: StoreError?
            for _ in sets {
                switch try connection.reply() {
                case .integer(let count): newer += Int(count)
                case .refusal(let words):
                    refused =
                        RedisRefusal.isPassing(words) || words.hasPrefix("NOSCRIPT")
                        ? .unavailable("redis: \(words)") : .invalid("redis: \(words)")
                default: refused = .invalid("redis: the script answered something else")
                }
            }
            if let refused { throw refused }
            return newer
        }
    }
}
