import CRdKafka
import Foundation
import StreamRuntime
import TransactionRules

/// A topic's partition as a value.
struct TopicPartition: Hashable, Comparable, CustomStringConvertible {
    let topic: String
    let partition: Int32

    var description: String { "\(topic)/\(partition)" }
    static func < (a: Self, b: Self) -> Bool { (a.topic, a.partition) < (b.topic, b.partition) }
}

// Questions to the cluster. All block, for at most `timeoutMillis`; none on a task thread.
extension KafkaHandle {
    /// Partition counts of the topics that exist; a topic that does not is absent. Creates none.
    func partitionCounts(of topics: [String], timeoutMillis: Int32) throws -> [String: Int32] {
        try layouts(of: topics, timeoutMillis: timeoutMillis).mapValues(\.partitions)
    }

    /// The same with the replicas of each topic's first partition.
    func layouts(
        of topics: [String], timeoutMillis: Int32
    ) throws -> [String: (partitions: Int32, replicas: Int32)] {
        var layouts: [String: (partitions: Int32, replicas: Int32)] = [:]
        for topic in topics {
            guard let handle = rd_kafka_topic_new(pointer, topic, nil) else {
                throw KafkaError(rd_kafka_last_error(), "topic '\(topic)'")
            }
            defer { rd_kafka_topic_destroy(handle) }
            var found: UnsafePointer<rd_kafka_metadata>?
            let code = rd_kafka_metadata(pointer, 0, handle, &found, timeoutMillis)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata = found else {
                throw error(code, "metadata of topic '\(topic)'")
            }
            defer { rd_kafka_metadata_destroy(metadata) }
            guard metadata.pointee.topic_cnt > 0, let entry = metadata.pointee.topics?[0] else { continue }
            switch entry.err {
            case RD_KAFKA_RESP_ERR_NO_ERROR:
                layouts[topic] = (entry.partition_cnt, entry.partition_cnt > 0 ? entry.partitions?[0].replica_cnt ?? 0 : 0)
            case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC: continue
            default: throw KafkaError(entry.err, "metadata of topic '\(topic)'")
            }
        }
        return layouts
    }

    /// Partition counts of every topic that can be seen.
    func allPartitionCounts(timeoutMillis: Int32) throws -> [String: Int32] {
        try withMetadata(timeoutMillis: timeoutMillis) { metadata in
            var counts: [String: Int32] = [:]
            for index in 0..<Int(metadata.topic_cnt) {
                guard let entry = metadata.topics?[index], entry.err == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
                counts[String(cString: entry.topic)] = entry.partition_cnt
            }
            return counts
        }
    }

    /// The whole cluster's, valid only inside `read`.
    func withMetadata<Result>(timeoutMillis: Int32, _ read: (rd_kafka_metadata) throws -> Result) throws -> Result {
        var found: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(pointer, 1, nil, &found, timeoutMillis)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata = found else { throw error(code, "the cluster's metadata") }
        defer { rd_kafka_metadata_destroy(metadata) }
        return try read(metadata.pointee)
    }

    /// The first offset at or after a time in milliseconds; or of the protocol's two special times
    /// `earliestTime` and `latestTime` (for a read-committed client that is the stable offset).
    /// -1 where no record is that late.
    func offsets(
        of partitions: [TopicPartition], atMillis time: Int64, timeoutMillis: Int32
    ) throws -> [TopicPartition: Int64] {
        if partitions.isEmpty { return [:] }
        let list = PartitionList(partitions.map { ($0, time) })
        let code = list.withPointer { rd_kafka_offsets_for_times(pointer, $0, timeoutMillis) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw error(code, "offsets of \(partitions[0].topic)")
        }
        return try list.offsets("offset of")
    }

    /// What a partition holds, the end excluded. Asked for, because a refusal to read carries no offsets on Kafka itself; what
    /// the client has heard before when no answer comes; `nil`: nothing.
    func heldOffsets(of place: TopicPartition, timeoutMillis: Int32) -> Range<Int64>? {
        var low: Int64 = -1
        var high: Int64 = -1
        if rd_kafka_query_watermark_offsets(pointer, place.topic, place.partition, &low, &high, timeoutMillis)
            != RD_KAFKA_RESP_ERR_NO_ERROR
        {
            rd_kafka_get_watermark_offsets(pointer, place.topic, place.partition, &low, &high)
        }
        return low >= 0 && high >= low ? low..<high : nil
    }

    static let earliestTime: Int64 = -2
    static let latestTime: Int64 = -1

    /// The group's committed offsets. A read-committed client gets only stable ones: while a transaction
    /// over one is being completed the coordinator says UNSTABLE_OFFSET_COMMIT, thrown as retriable.
    func committedOffsets(
        of partitions: [TopicPartition], timeoutMillis: Int32
    ) throws -> [TopicPartition: CommittedOffset] {
        if partitions.isEmpty { return [:] }
        let list = PartitionList(partitions.map { ($0, Int64(RD_KAFKA_OFFSET_INVALID)) })
        let code = list.withPointer { rd_kafka_committed(pointer, $0, timeoutMillis) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            if code == RD_KAFKA_RESP_ERR__TIMED_OUT, let refusal = refusalOfGroup() { throw refusal }
            throw error(code, "committed offsets of \(partitions[0].topic)")
        }
        return try list.committed()
    }

    /// Why the group cannot be used, if the client has been told: what comes of the search for its coordinator is for the
    /// consumer, and who asks for offsets hears of a time-out only. Of a client that reads nothing.
    private func refusalOfGroup() -> KafkaError? {
        while let message = rd_kafka_consumer_poll(pointer, 0) {
            defer { rd_kafka_message_destroy(message) }
            let code = message.pointee.err
            if code == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED { return KafkaError(code, "finding the group's coordinator") }
        }
        return nil
    }
}

/// An owned `rd_kafka_topic_partition_list_t`.
struct PartitionList: ~Copyable {
    private let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(_ entries: [(TopicPartition, Int64)], metadata: String? = nil) {
        guard let made = rd_kafka_topic_partition_list_new(Int32(entries.count)) else {
            preconditionFailure("rd_kafka_topic_partition_list_new returned no list")
        }
        pointer = made
        for (partition, offset) in entries {
            guard let entry = rd_kafka_topic_partition_list_add(made, partition.topic, partition.partition) else {
                preconditionFailure("rd_kafka_topic_partition_list_add returned no entry")
            }
            entry.pointee.offset = offset
            guard let metadata else { continue }
            // Freed with the list, by free().
            let copy = strdup(metadata)
            entry.pointee.metadata = UnsafeMutableRawPointer(copy)
            entry.pointee.metadata_size = metadata.utf8.count
        }
    }

    deinit { rd_kafka_topic_partition_list_destroy(pointer) }

    /// The list stays alive for the whole call, which its pointer alone would not ensure.
    func withPointer<Result>(
        _ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) -> Result
    ) -> Result {
        body(pointer)
    }

    private func forEach(_ body: (TopicPartition, rd_kafka_topic_partition_t) throws -> Void) rethrows {
        for index in 0..<Int(pointer.pointee.cnt) {
            let entry = pointer.pointee.elems[index]
            try body(TopicPartition(topic: String(cString: entry.topic), partition: entry.partition), entry)
        }
    }

    func offsets(_ doing: String) throws -> [TopicPartition: Int64] {
        var found: [TopicPartition: Int64] = [:]
        try forEach { partition, entry in
            guard entry.err == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(entry.err, "\(doing) \(partition)") }
            found[partition] = entry.offset
        }
        return found
    }

    func committed() throws -> [TopicPartition: CommittedOffset] {
        var found: [TopicPartition: CommittedOffset] = [:]
        try forEach { partition, entry in
            guard entry.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
                throw KafkaError(entry.err, "committed offset of \(partition)")
            }
            let bytes = UnsafeRawBufferPointer(start: entry.metadata, count: entry.metadata_size)
            found[partition] = CommittedOffset(
                offset: entry.offset >= 0 ? entry.offset : nil, metadata: String(decoding: bytes, as: UTF8.self))
        }
        return found
    }
}

extension KafkaHandle {
    /// Throws when no broker answers in time. Asks about no topic, so that none is created.
    func ping(timeoutMillis: Int32) throws {
        var found: UnsafePointer<rd_kafka_metadata>?
        let code = rd_kafka_metadata(pointer, 0, nil, &found, timeoutMillis)
        if let found { rd_kafka_metadata_destroy(found) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw error(code, "the cluster's metadata") }
    }
}
