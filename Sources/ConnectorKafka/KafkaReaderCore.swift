import CRdKafka
import StreamRuntime
import Synchronization

/// The part of a reader that does not depend on the element: the consumer, its fetched batch, positions.
///
/// Owned by one task thread. Order: the client keeps each partition's order, and a fetched batch is emitted
/// from front to back; what back-pressure leaves over stays in it. A partition that its alignment pauses is left
/// in its queue (`ReaderQueues`); what is left over in the batch of at most `fetchMax` records goes first.
@usableFromInline
final class KafkaReaderCore {
    private struct Partition {
        let place: TopicPartition
        let split: String
        /// The next record to emit.
        var next: Int64
    }

    private static let fetchMax = 1_024

    private let context: SourceReaderContext
    private let configuration: KafkaConfiguration
    private let groupID: String
    /// Both gone after `close`.
    private var handle: KafkaHandle?
    private var queues: ReaderQueues?
    private let watch: PartitionWatch?
    private let health: ClientHealth
    private var partitions: [Partition] = []
    private var indexOf: [TopicPartition: Int] = [:]
    /// The partition of the record before this one: records come in runs.
    private var lastTopic: OpaquePointer?
    private var lastIndex = -1

    private let fetched: UnsafeMutablePointer<UnsafeMutablePointer<rd_kafka_message_t>?>
    private var fetchedCount = 0
    private var cursor = 0
    private var currentIndex = 0
    /// Not yet added to `records`.
    private var emitted = 0
    private let records: MetricRegistry.Cell
    private var isClosed = false

    init(
        _ configuration: KafkaConfiguration, groupID: String, _ context: SourceReaderContext,
        watching: (counts: [String: Int32], everyMillis: Int)?
    ) throws {
        self.context = context
        self.configuration = configuration
        self.groupID = groupID
        let health = ClientHealth(context.source.log)
        self.health = health
        records = context.metrics.counter(
            .kafkaRecordsRead, labels: ["operator": context.source.operatorID.rawValue])
        partitions = try Self.partitions(of: context)
        for (index, partition) in partitions.enumerated() { indexOf[partition.place] = index }
        // A single partition that is paused is not polled at all.
        let separate = context.splits.isAligned && partitions.count > 1 ? partitions.map(\.place) : []
        handle =
            partitions.isEmpty
            ? nil : try Self.makeConsumer(configuration, groupID, context, health, separateQueues: separate.count)
        queues = try handle.map { try ReaderQueues(of: $0, separate: separate, takeMax: Self.fetchMax) }
        watch = watching.flatMap { watching in
            watching.counts.isEmpty
                ? nil : PartitionWatch(configuration, watching.counts, everyMillis: watching.everyMillis, context.source.log)
        }
        fetched = .allocate(capacity: Self.fetchMax)
        fetched.initialize(repeating: nil, count: Self.fetchMax)
        try assign()
    }

    deinit {
        close()
        fetched.deallocate()
    }

    private static func partitions(of context: SourceReaderContext) throws -> [Partition] {
        try context.assignments.map { assignment in
            guard let place = SplitDiscovery.partition(ofSplit: assignment.split) else {
                throw KafkaError(
                    code: RD_KAFKA_RESP_ERR__INVALID_ARG,
                    message: "split '\(assignment.split)' is no topic/partition: the checkpoint is of another source")
            }
            guard assignment.next >= 0 else {
                throw KafkaError(
                    code: RD_KAFKA_RESP_ERR__NO_OFFSET,
                    message: """
                        the start of \(place) is not known: the group has no committed offset there. Start from \
                        .earliest, .latest, .committedOrEarliest or .committedOrLatest
                        """)
            }
            return Partition(place: place, split: assignment.split, next: assignment.next)
        }
    }

    private static func makeConsumer(
        _ configuration: KafkaConfiguration, _ groupID: String, _ context: SourceReaderContext,
        _ health: ClientHealth, separateQueues: Int
    ) throws -> KafkaHandle {
        let wake = context.wake
        let readAhead = ReadAhead(
            separateQueues: separateQueues, pausesBriefly: KafkaHandle.knows("fetch.queue.backoff.ms"))
        let handle = try KafkaHandle(
            .consumer, configuration,
            defaults: readAhead.settings + [
                ("fetch.message.max.bytes", "4194304"), ("fetch.error.backoff.ms", "100"),
                // A broker may answer with more than was asked for, e.g. one huge batch.
                ("receive.message.max.bytes", "2000000000"),
            ],
            settings: [
                ("group.id", groupID), ("isolation.level", "read_committed"), ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"), ("auto.offset.reset", "error"),
                // The end of a partition tells the position behind control records.
                ("enable.partition.eof", "true"), ("allow.auto.create.topics", "false"),
            ], log: context.source.log, onClientError: { error, _ in health.note(error) }, onReadable: wake)
        rd_kafka_poll_set_consumer(handle.pointer)
        return handle
    }

    private func assign() throws {
        guard let handle else { return }
        let list = PartitionList(partitions.map { ($0.place, $0.next) })
        let code = list.withPointer { rd_kafka_assign(handle.pointer, $0) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, "assigning partitions") }
    }

    // MARK: Records

    @usableFromInline var isBackPressureRaised: Bool { context.backPressure.isRaised }
    /// True while fetched records wait to be emitted.
    @usableFromInline var hasFetched: Bool { cursor < fetchedCount }

    /// A paused partition may have records that nobody announces again: look for them soon.
    @usableFromInline var recheckMicros: Int64 {
        partitions.indices.contains(where: context.splits.isPaused) ? 5_000 : 100_000
    }

    /// Steps to the next record; false when there is none now.
    @usableFromInline
    func advance(atMost wanted: Int) throws -> Bool {
        while true {
            if cursor == fetchedCount {
                guard let queues, !isClosed else { return false }
                try watch?.check()
                cursor = 0
                fetchedCount = queues.take(
                    into: fetched, atMost: min(wanted, Self.fetchMax), isPaused: context.splits.isPaused)
                if fetchedCount == 0 { return false }
                records.add(emitted)
                emitted = 0
                if fetched[0]?.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR { health.isReading() }
            }
            guard let message = fetched[cursor] else { preconditionFailure("a fetched message is null") }
            if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                currentIndex = try index(of: message)
                return true
            }
            defer { finishMessage(message) }
            try noteEvent(message.pointee)
        }
    }

    @usableFromInline
    func currentView() -> KafkaRecordView {
        guard let message = fetched[cursor] else { preconditionFailure("no current record") }
        return KafkaRecordView(message, topic: partitions[currentIndex].place.topic)
    }

    @usableFromInline
    func finishCurrent() {
        guard let message = fetched[cursor] else { return }
        partitions[currentIndex].next = message.pointee.offset + 1
        emitted += 1
        finishMessage(message)
    }

    private func finishMessage(_ message: UnsafeMutablePointer<rd_kafka_message_t>) {
        rd_kafka_message_destroy(message)
        fetched[cursor] = nil
        cursor += 1
    }

    private func index(of message: UnsafeMutablePointer<rd_kafka_message_t>) throws -> Int {
        if message.pointee.rkt == lastTopic, lastIndex >= 0,
            partitions[lastIndex].place.partition == message.pointee.partition
        {
            return lastIndex
        }
        let place = Self.place(of: message.pointee)
        guard let index = indexOf[place] else {
            throw KafkaError(
                code: RD_KAFKA_RESP_ERR__STATE, message: "a record of \(place) came, which is not assigned here")
        }
        lastTopic = message.pointee.rkt
        lastIndex = index
        context.splits.select(index)
        return index
    }

    private static func place(of message: rd_kafka_message_t) -> TopicPartition {
        TopicPartition(
            topic: message.rkt.map { String(cString: rd_kafka_topic_name($0)) } ?? "?", partition: message.partition)
    }

    // MARK: What is not a record

    private func noteEvent(_ message: rd_kafka_message_t) throws {
        let place = Self.place(of: message)
        let text = message.payload.map {
            String(decoding: UnsafeRawBufferPointer(start: $0, count: message.len), as: UTF8.self)
        }
        switch message.err {
        case RD_KAFKA_RESP_ERR__PARTITION_EOF:
            health.isReading()
            if let index = indexOf[place] { partitions[index].next = max(partitions[index].next, message.offset) }
        case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
            throw outOfRange(place)
        case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
            // Brokers that have just started may say so of what they have not heard of yet: the next start asks again,
            // and refuses what is gone for good.
            throw KafkaError(
                code: message.err,
                message: "\(place) is not known at \(configuration.bootstrapServers) any more: was the topic deleted?")
        case let code where code.isTransient: health.note(KafkaError(code, "reading \(place)", detail: text))
        case let code: throw KafkaError(code, "reading \(place)", detail: text)
        }
    }

    private func outOfRange(_ place: TopicPartition) -> KafkaOffsetOutOfRange {
        KafkaOffsetOutOfRange(
            topic: place.topic, partition: place.partition, position: indexOf[place].map { partitions[$0].next } ?? -1,
            held: handle?.heldOffsets(of: place, timeoutMillis: 2_000))
    }

    // MARK: Positions

    /// Past control and aborted records too where the client has passed them.
    func positions() -> [SplitPosition] {
        records.add(emitted)
        emitted = 0
        if let handle, !hasFetched, !isClosed {
            let list = PartitionList(partitions.map { ($0.place, Int64(RD_KAFKA_OFFSET_INVALID)) })
            if list.withPointer({ rd_kafka_position(handle.pointer, $0) }) == RD_KAFKA_RESP_ERR_NO_ERROR,
                let known = try? list.offsets("position of")
            {
                for index in partitions.indices {
                    partitions[index].next = max(partitions[index].next, known[partitions[index].place] ?? -1)
                }
            }
        }
        return partitions.map { SplitPosition(split: $0.split, next: $0.next) }
    }

    /// Of partitions whose end the client has heard of.
    func lag() -> [(split: String, records: Int64)] {
        guard let handle, !isClosed else { return [] }
        return partitions.compactMap { partition in
            var low: Int64 = -1
            var high: Int64 = -1
            let code = rd_kafka_get_watermark_offsets(
                handle.pointer, partition.place.topic, partition.place.partition, &low, &high)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR, high >= 0 else { return nil }
            return (partition.split, max(0, high - partition.next))
        }
    }

    /// Asynchronous, and only for groups whose offsets no transaction of this process carries.
    func commitForMonitoring(_ positions: [SplitPosition]) {
        guard let handle, !isClosed else { return }
        let entries = positions.compactMap { position -> (TopicPartition, Int64)? in
            guard position.next >= 0, let place = SplitDiscovery.partition(ofSplit: position.split),
                indexOf[place] != nil,
                !TransactionalGroups.contains(
                    BrokerOffset(
                        domain: configuration.identity, group: groupID, topic: place.topic, partition: place.partition))
            else { return nil }
            return (place, position.next)
        }
        if entries.isEmpty { return }
        let code = PartitionList(entries).withPointer { rd_kafka_commit(handle.pointer, $0, 1) }
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        context.source.log(
            .warning, "committing offsets for monitoring failed",
            ["error": KafkaError(code, "group '\(groupID)'").description])
    }

    func close() {
        if isClosed { return }
        isClosed = true
        watch?.stop()
        for index in cursor..<max(cursor, fetchedCount) {
            if let message = fetched[index] { rd_kafka_message_destroy(message) }
            fetched[index] = nil
        }
        cursor = fetchedCount
        queues?.close()
        queues = nil
        handle = nil
    }
}
