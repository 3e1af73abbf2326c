import CRdKafka
import Foundation
import StreamRuntime
import Synchronization

/// What a producer's poller learns.
enum ProducerEvent {
    /// Delivery reports: how many messages of each tag were acknowledged.
    case delivered([UInt: Int])
    /// A message of this tag was not delivered and will not be. Counted in the `delivered` that follows, too.
    case failed(KafkaError, tag: UInt)
    /// The producer can no longer be used; another one with its transactional id may have taken over.
    case fatal(KafkaError)
    /// Regularly, at least every 100 ms: there may be room in the local queue.
    case tick
}

/// A producing client with its topic handles and the thread that serves its events. Thread-safe.
/// Must be stopped with `stop`, or its poller keeps it.
///
/// `@unchecked Sendable`: C pointers under the lock or set once; librdkafka does its own locking.
final class KafkaProducer: @unchecked Sendable {
    let handle: KafkaHandle
    private let topics = Mutex<[String: UInt]>([:])  // name → rd_kafka_topic_t*, destroyed in deinit
    private let isStopped = Atomic<Bool>(false)
    /// Set while an outbox waits for room: the poller then looks every 2 ms.
    let hasBacklog = Atomic<Bool>(false)

    /// `onEvent` is called on the poller thread and must not block for long.
    init(
        _ configuration: KafkaConfiguration, settings: [(String, String)], log: RuntimeLog, name: String,
        onEvent: @escaping @Sendable (ProducerEvent) -> Void
    ) throws {
        handle = try KafkaHandle(
            .producer, configuration, defaults: Self.defaults, settings: settings,
            events: Int32(RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR), log: log)
        let thread = Thread { [self] in poll(onEvent) }
        thread.name = name
        thread.start()
    }

    /// `murmur2_random` is what Java's producer does: murmur2 of the key, any partition without one.
    private static let defaults: [(String, String)] = [
        ("partitioner", "murmur2_random"), ("linger.ms", "5"), ("batch.num.messages", "10000"),
        ("queue.buffering.max.messages", "100000"), ("queue.buffering.max.kbytes", "131072"),
    ]

    deinit {
        topics.withLock { topics in
            for raw in topics.values { rd_kafka_topic_destroy(OpaquePointer(bitPattern: raw)) }
        }
    }

    /// Ends the poller; what is still unsent is dropped with the client. Returns at once. Idempotent.
    func stop() { isStopped.store(true, ordering: .releasing) }

    /// Drops what is queued or in flight without waiting.
    func purge() {
        rd_kafka_purge(
            handle.pointer,
            Int32(RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING))
    }

    /// True once everything handed over is acknowledged (or has failed); waits at most `timeoutMillis`.
    func flush(timeoutMillis: Int32) -> Bool {
        rd_kafka_flush(handle.pointer, timeoutMillis) == RD_KAFKA_RESP_ERR_NO_ERROR
    }

    private func topic(_ name: String) throws -> OpaquePointer {
        let raw = try topics.withLock { topics in
            if let known = topics[name] { return known }
            guard let made = rd_kafka_topic_new(handle.pointer, name, nil) else {
                throw KafkaError(rd_kafka_last_error(), "topic '\(name)'")
            }
            topics[name] = UInt(bitPattern: made)
            return UInt(bitPattern: made)
        }
        guard let pointer = OpaquePointer(bitPattern: raw) else {
            preconditionFailure("a topic handle of '\(name)' is null")
        }
        return pointer
    }
}

// Handing over.
extension KafkaProducer {
    private static let runMax = 512

    /// Hands messages over, from `index` on, until the local queue is full: how many were taken. Never
    /// blocks; copies the bytes. Throws for a message that no queue will ever take.
    func produce(_ batch: MessageBatch, from index: Int, tag: UInt) throws -> Int {
        try batch.bytes.withUnsafeBytes { bytes in
            var next = index
            while next < batch.entries.count {
                let end = Self.plainRun(in: batch, from: next)
                let taken =
                    end > next
                    ? try produceRun(batch, next..<end, bytes, tag) : try produceOne(batch, next, bytes, tag)
                next += taken
                if taken == 0 || next < end { break }
            }
            return next - index
        }
    }

    /// The end of the longest run of plain messages to one topic that starts at `start`.
    private static func plainRun(in batch: MessageBatch, from start: Int) -> Int {
        var end = start
        let limit = min(batch.entries.count, start + runMax)
        while end < limit, batch.entries[end].isPlain, batch.entries[end].topic == batch.entries[start].topic {
            end += 1
        }
        return end
    }

    private func produceRun(
        _ batch: MessageBatch, _ run: Range<Int>, _ bytes: UnsafeRawBufferPointer, _ tag: UInt
    ) throws -> Int {
        let name = batch.entries[run.lowerBound].topic
        let topic = try topic(name)
        return try withUnsafeTemporaryAllocation(of: rd_kafka_message_t.self, capacity: run.count) { messages in
            for (slot, index) in run.enumerated() {
                let entry = batch.entries[index]
                messages.initializeElement(
                    at: slot,
                    to: rd_kafka_message_t(
                        err: RD_KAFKA_RESP_ERR_NO_ERROR, rkt: nil, partition: RD_KAFKA_PARTITION_UA,
                        payload: Self.pointer(entry.value, bytes), len: max(0, entry.value.count),
                        key: Self.pointer(entry.key, bytes), key_len: max(0, entry.key.count), offset: 0,
                        _private: UnsafeMutableRawPointer(bitPattern: tag)))
            }
            let taken = Int(
                rd_kafka_produce_batch(
                    topic, RD_KAFKA_PARTITION_UA, Int32(RD_KAFKA_MSG_F_COPY), messages.baseAddress, Int32(run.count)))
            if taken == run.count { return taken }
            // The rest must be a tail refused for want of room: anything else would change the order.
            for slot in 0..<run.count {
                let code = messages[slot].err
                let isExpected = slot < taken ? code == RD_KAFKA_RESP_ERR_NO_ERROR : code == RD_KAFKA_RESP_ERR__QUEUE_FULL
                if !isExpected { throw Self.refusal(code, name, batch.entries[run.lowerBound + slot]) }
            }
            return taken
        }
    }

    private func produceOne(
        _ batch: MessageBatch, _ index: Int, _ bytes: UnsafeRawBufferPointer, _ tag: UInt
    ) throws -> Int {
        let entry = batch.entries[index]
        let headers = entry.headers.isEmpty ? nil : rd_kafka_headers_new(entry.headers.count)
        for header in batch.headers[entry.headers] {
            rd_kafka_header_add(
                headers, bytes.baseAddress?.advanced(by: header.name.start).assumingMemoryBound(to: CChar.self),
                header.name.count, Self.pointer(header.value, bytes), max(0, header.value.count))
        }
        let code = weir_rd_producev(
            handle.pointer, try topic(entry.topic), entry.partition, Self.pointer(entry.key, bytes),
            max(0, entry.key.count), Self.pointer(entry.value, bytes), max(0, entry.value.count),
            entry.timestampMillis, headers, UnsafeMutableRawPointer(bitPattern: tag))
        if code == RD_KAFKA_RESP_ERR_NO_ERROR { return 1 }
        if let headers { rd_kafka_headers_destroy(headers) }
        if code == RD_KAFKA_RESP_ERR__QUEUE_FULL { return 0 }
        throw Self.refusal(code, entry.topic, entry)
    }

    /// Absent is null; empty is a pointer to no bytes, which librdkafka tells apart.
    private static func pointer(
        _ slice: MessageBatch.Slice, _ bytes: UnsafeRawBufferPointer
    ) -> UnsafeMutableRawPointer? {
        if slice.count < 0 { return nil }
        guard let base = bytes.baseAddress else { return emptyBytes }
        return UnsafeMutableRawPointer(mutating: base.advanced(by: slice.start))
    }
    private static var emptyBytes: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(bitPattern: 1) }

    private static func refusal(
        _ code: rd_kafka_resp_err_t, _ topic: String, _ entry: MessageBatch.Entry
    ) -> KafkaError {
        let place = entry.partition >= 0 ? "\(topic)/\(entry.partition)" : topic
        return KafkaError(
            code, "a message of \(max(0, entry.value.count)) bytes to '\(place)' is refused", isRetriable: false,
            isOfTheRecord: code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
    }
}

// The poller.
extension KafkaProducer {
    private func poll(_ onEvent: @Sendable (ProducerEvent) -> Void) {
        let queue = rd_kafka_queue_get_main(handle.pointer)
        defer { rd_kafka_queue_destroy(queue) }
        while !isStopped.load(ordering: .acquiring) {
            let waitMillis: Int32 = hasBacklog.load(ordering: .relaxed) ? 2 : 100
            if let event = rd_kafka_queue_poll(queue, waitMillis) {
                handle(event, onEvent)
                rd_kafka_event_destroy(event)
            }
            onEvent(.tick)
        }
    }

    private func handle(_ event: OpaquePointer, _ onEvent: @Sendable (ProducerEvent) -> Void) {
        switch rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_DR:
            var delivered: [UInt: Int] = [:]
            var tag: UInt = 0
            var count = 0
            while let message = rd_kafka_event_message_next(event) {
                let own = UInt(bitPattern: message.pointee._private)
                if message.pointee.err != RD_KAFKA_RESP_ERR_NO_ERROR {
                    onEvent(.failed(failure(message.pointee), tag: own))
                }
                if own != tag {
                    delivered[tag, default: 0] += count
                    (tag, count) = (own, 0)
                }
                count += 1
            }
            delivered[tag, default: 0] += count
            onEvent(.delivered(delivered))
        case RD_KAFKA_EVENT_ERROR:
            let code = rd_kafka_event_error(event)
            let detail = rd_kafka_event_error_string(event).map { String(cString: $0) }
            if rd_kafka_event_error_is_fatal(event) != 0 || code == RD_KAFKA_RESP_ERR__FATAL {
                onEvent(.fatal(handle.fatalError ?? KafkaError(code, "the producer failed for good", detail: detail)))
            } else {
                handle.context.log(.warning, "kafka producer: \(detail ?? "")", [:])
            }
        default: break
        }
    }

    private func failure(_ message: rd_kafka_message_t) -> KafkaError {
        let topic = message.rkt.map { String(cString: rd_kafka_topic_name($0)) } ?? "?"
        // When a transaction fails the client drops what it has not sent: that says nothing of what went wrong.
        let isDropped = message.err == RD_KAFKA_RESP_ERR__PURGE_QUEUE || message.err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT
        return KafkaError(
            message.err, "a message to \(topic)/\(message.partition) was not delivered",
            detail: isDropped ? handle.context.transactionFailure : nil, isRetriable: false,
            isOfTheRecord: KafkaRemedies.concernsTheRecord(message.err))
    }
}
