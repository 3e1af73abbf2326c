import CRdKafka
import StreamRuntime

/// The queues of a reader's client. Owned by the reader's task thread.
///
/// Where event time is aligned each partition has a queue of its own: while it is paused nothing is taken from it, and what
/// the client has read ahead waits there, in order and within the client's bounds (`ReadAhead`), so that nothing is fetched
/// twice. Elsewhere all partitions come through the consumer's one queue, as the events that belong to none always do.
final class ReaderQueues {
    private struct Queue {
        let pointer: OpaquePointer
        /// `nil`: the consumer's own.
        let partition: Int?
    }

    /// Takes in a row that may bring no message: callbacks and control records are served on the way.
    private static let emptyTakesMax = 256

    /// Must outlive the queues.
    private let handle: KafkaHandle
    private var queues: [Queue] = []
    private var turns: QueueTurns

    /// `separate`: the partitions that get queues of their own. To be made before they are assigned.
    init(of handle: KafkaHandle, separate: [TopicPartition], takeMax: Int) throws {
        self.handle = handle
        turns = QueueTurns(queues: separate.count + 1, most: takeMax)
        guard let own = rd_kafka_queue_get_consumer(handle.pointer) else {
            throw KafkaError(code: RD_KAFKA_RESP_ERR__STATE, message: "the consumer has no queue")
        }
        add(Queue(pointer: own, partition: nil))
        for (index, place) in separate.enumerated() {
            guard let queue = rd_kafka_queue_get_partition(handle.pointer, place.topic, place.partition) else {
                throw KafkaError(code: RD_KAFKA_RESP_ERR__STATE, message: "the client makes no queue for \(place)")
            }
            rd_kafka_queue_forward(queue, nil)
            add(Queue(pointer: queue, partition: index))
        }
    }

    deinit { close() }

    private func add(_ queue: Queue) {
        queues.append(queue)
        rd_kafka_queue_cb_event_enable(
            queue.pointer, { _, opaque in KafkaClientContext.from(opaque)?.onReadable() },
            Unmanaged.passUnretained(handle.context).toOpaque())
    }

    /// Messages from the next queue that has any and is not paused; how many, none when there is none now.
    func take(
        into messages: UnsafeMutablePointer<UnsafeMutablePointer<rd_kafka_message_t>?>, atMost wanted: Int,
        isPaused: (_ partition: Int) -> Bool
    ) -> Int {
        for _ in 0..<Self.emptyTakesMax {
            let take = turns.next(atMost: wanted) { index in
                if let partition = queues[index].partition, isPaused(partition) { return 0 }
                return Int(rd_kafka_queue_length(queues[index].pointer))
            }
            guard let take else { return 0 }
            let count = rd_kafka_consume_batch_queue(queues[take.queue].pointer, 0, messages, take.count)
            if count > 0 { return count }
        }
        return 0
    }

    func close() {
        for queue in queues {
            rd_kafka_queue_cb_event_enable(queue.pointer, nil, nil)
            rd_kafka_queue_destroy(queue.pointer)
        }
        queues = []
        turns = QueueTurns(queues: 0, most: 0)
    }
}
