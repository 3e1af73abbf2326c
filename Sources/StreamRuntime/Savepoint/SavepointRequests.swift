import Synchronization

/// The savepoints that are asked of one attempt. Asked for from any thread; the rest is the coordinator's.
///
/// A request waits for the next barrier, then for its epoch's decision, then for its folder to be written beside the stream;
/// it is answered exactly once, whatever becomes of the attempt.
final class SavepointRequests: Sendable {
    /// One savepoint that somebody waits for.
    struct Request: Sendable {
        let folder: String
        /// Only the job's last epoch will do.
        let isOfTheEnd: Bool
        let answer: @Sendable (Result<Savepoint, any Error>) -> Void
    }
    private struct State {
        var waiting: [Request] = []
        /// Those whose barrier is on its way.
        var taken: [Request] = []
        var writing = 0
        var isClosed = false
    }
    private let state = Mutex(State())

    /// False when the attempt has ended: `request` will not be answered.
    func add(_ request: Request) -> Bool {
        state.withLock {
            guard !$0.isClosed else { return false }
            $0.waiting.append(request)
            return true
        }
    }

    /// A barrier begins its way; `isLast`: the job's last one.
    func barrierBegins(isLast: Bool) {
        state.withLock { state in
            state.taken += state.waiting.filter { isLast || !$0.isOfTheEnd }
            state.waiting.removeAll { isLast || !$0.isOfTheEnd }
        }
    }

    /// The epoch of the last barrier is decided: these are to be written, each followed by `written`.
    func takeDecided() -> [Request] {
        state.withLock { state in
            defer { state.taken = [] }
            state.writing += state.taken.count
            return state.taken
        }
    }

    func written() { state.withLock { $0.writing -= 1 } }

    /// Savepoints are being written, and not given up.
    var isWriting: Bool { state.withLock { $0.writing > 0 && !$0.isClosed } }

    /// The attempt is over, or is to be: what is being written gives up, what waits is answered with `reason`. Idempotent.
    func close(_ reason: String) {
        let left = state.withLock { state in
            state.isClosed = true
            defer {
                state.waiting = []
                state.taken = []
            }
            return state.waiting + state.taken
        }
        for request in left { request.answer(.failure(SavepointError(reason))) }
    }

    var isClosed: Bool { state.withLock { $0.isClosed } }
}
