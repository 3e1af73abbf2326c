/// Encoded messages on their way to a producer: one byte buffer and one entry per message.
///
/// `@unchecked Sendable`: owned by one thread at a time. The writer's task thread fills it, then gives it up
/// to an `Outbox`, which reads it under its lock and hands it back empty.
final class MessageBatch: @unchecked Sendable {
    struct Slice {
        var start = 0
        /// -1: absent (null), which is not the same as empty.
        var count = -1
    }
    struct Header {
        var name: Slice
        var value: Slice
    }
    struct Entry {
        var topic = ""
        var partition: Int32 = -1
        var timestampMillis: Int64 = -1
        var key = Slice()
        var value = Slice()
        var headers: Range<Int> = 0..<0
        /// What librdkafka's batch call can carry: no headers, no timestamp, and no explicit partition. For the
        /// last, 2.0.2 adds partition -1 to the transaction while it has no metadata of the topic; a broker
        /// refuses that for ever and the commit stalls or aborts the process (rd_kafka_produce_batch).
        var isPlain: Bool { headers.isEmpty && timestampMillis < 0 && partition < 0 }
    }

    var bytes: [UInt8] = []
    var headers: [Header] = []
    var entries: [Entry] = []

    var byteCount: Int { bytes.count }

    func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        headers.removeAll(keepingCapacity: true)
        entries.removeAll(keepingCapacity: true)
    }
}

/// What a sink's `encode` closure fills in for one element: topic, key, value, headers, time, partition.
///
/// Only valid inside the closure. The topic is the sink's default one unless set. A key or value that is
/// not set is null (a null value is a tombstone on a compacted topic). Costs no allocation per message.
/// `skip()` sends nothing for the element.
public struct KafkaMessageBuilder {
    let batch: MessageBatch
    var entry = MessageBatch.Entry()
    var isSkipped = false

    init(batch: MessageBatch, defaultTopic: String) {
        self.batch = batch
        entry.topic = defaultTopic
        entry.headers = batch.headers.count..<batch.headers.count
    }

    /// Where the message goes.
    public var topic: String {
        get { entry.topic }
        set { entry.topic = newValue }
    }

    /// An explicit partition; `nil` leaves it to the partitioner (Kafka's murmur2 of the key), which is cheaper,
    /// because the client's batch call cannot be used with one.
    public var partition: Int32? {
        get { entry.partition < 0 ? nil : entry.partition }
        set { entry.partition = newValue ?? -1 }
    }

    /// The record's time, milliseconds since 1970; `nil`: now. Setting it costs about 1 µs a message,
    /// because the client's batch call cannot carry it.
    public var timestampMillis: Int64? {
        get { entry.timestampMillis < 0 ? nil : entry.timestampMillis }
        set { entry.timestampMillis = newValue ?? -1 }
    }

    public mutating func setKey(_ key: some Sequence<UInt8>) { entry.key = append { $0.append(contentsOf: key) } }
    public mutating func setKey(_ key: String) { entry.key = append { $0.append(contentsOf: key.utf8) } }
    public mutating func setValue(_ value: some Sequence<UInt8>) {
        entry.value = append { $0.append(contentsOf: value) }
    }
    public mutating func setValue(_ value: String) { entry.value = append { $0.append(contentsOf: value.utf8) } }

    // The generic ones run unspecialised when called from another module; these are what hot paths use.
    public mutating func setKey(_ key: [UInt8]) { entry.key = key.withUnsafeBytes { copy($0) } }
    public mutating func setKey(_ key: UnsafeRawBufferPointer) { entry.key = copy(key) }
    public mutating func setValue(_ value: [UInt8]) { entry.value = value.withUnsafeBytes { copy($0) } }
    public mutating func setValue(_ value: UnsafeRawBufferPointer) { entry.value = copy(value) }

    /// Writes the key in place; the closure must only append to the buffer.
    public mutating func writeKey(_ body: (inout [UInt8]) -> Void) { entry.key = append(body) }
    /// Writes the value in place, without a copy; the closure must only append to the buffer.
    public mutating func writeValue(_ body: (inout [UInt8]) -> Void) { entry.value = append(body) }

    /// Adds a header; the same name may be added again. A `nil` value is null.
    public mutating func addHeader(_ name: String, _ value: (some Sequence<UInt8>)?) {
        let name = append { $0.append(contentsOf: name.utf8) }
        let slice = value.map { value in append { $0.append(contentsOf: value) } } ?? MessageBatch.Slice()
        batch.headers.append(MessageBatch.Header(name: name, value: slice))
        entry.headers = entry.headers.lowerBound..<batch.headers.count
    }
    public mutating func addHeader(_ name: String, _ value: String) { addHeader(name, Array(value.utf8)) }

    /// Sends nothing for this element.
    public mutating func skip() { isSkipped = true }

    private func copy(_ bytes: UnsafeRawBufferPointer) -> MessageBatch.Slice {
        let start = batch.bytes.count
        batch.bytes.append(contentsOf: bytes)
        return MessageBatch.Slice(start: start, count: bytes.count)
    }

    private func append(_ body: (inout [UInt8]) -> Void) -> MessageBatch.Slice {
        let start = batch.bytes.count
        body(&batch.bytes)
        return MessageBatch.Slice(start: start, count: batch.bytes.count - start)
    }
}
