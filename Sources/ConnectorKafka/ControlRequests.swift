import CRdKafka
import Synchronization

/// Counts the requests of one client that change a transaction and were sent without an answer having come: a late
/// copy of one could still reach a broker and hit the producer's next transaction.
///
/// librdkafka tells of an answer once on the broker's thread, which also sent the request, and for most requests a
/// second time on its main thread, where the answer is handled. Requests carry no number there, so only the
/// first telling counts: the one on a thread that sends. Callable from any thread.
final class ControlRequests: Sendable {
    // AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, TxnOffsetCommit
    private static let keys: Set<Int16> = [24, 25, 26, 28]

    private let unansweredByThread = Mutex<[UInt: Int]>([:])

    /// What the client's interceptor is told when a request is written to a socket.
    func sent(_ apiKey: Int16) {
        guard Self.keys.contains(apiKey) else { return }
        unansweredByThread.withLock { $0[weir_thread_id(), default: 0] += 1 }
    }

    /// What the client's interceptor is told when an answer has come, or will not: `error` then.
    func answered(_ apiKey: Int16, _ error: rd_kafka_resp_err_t) {
        guard Self.keys.contains(apiKey), error == RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        unansweredByThread.withLock { counts in
            let thread = weir_thread_id()
            if let count = counts[thread] { counts[thread] = count - 1 }
        }
    }

    var isAnyUnanswered: Bool { unansweredByThread.withLock { $0.values.contains { $0 != 0 } } }
}
