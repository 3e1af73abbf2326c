import CRdKafka
import StreamRuntime

/// Up to where a partition can be read: by everyone, and by those that see decided transactions only.
public struct KafkaPartitionEnd: Sendable, Hashable {
    public let topic: String
    public let partition: Int32
    /// The high watermark.
    public let end: Int64
    /// The last stable offset: where the oldest undecided transaction begins, else the end.
    public let stable: Int64

    public init(topic: String, partition: Int32, end: Int64, stable: Int64) {
        self.topic = topic
        self.partition = partition
        self.end = end
        self.stable = stable
    }

    /// Records that `read_committed` consumers do not get to see yet, control records included.
    public var withheld: Int64 { max(0, end - stable) }
}

/// The ends of the partitions that can be asked for theirs.
public struct KafkaReachableEnds: Sendable {
    public let ends: [KafkaPartitionEnd]
    /// Those without a leader, as `topic/partition`, in order.
    public let leaderless: [String]
}

extension KafkaAdmin {
    private static let partitionsPerRequest = 500

    /// The ends of all partitions of the topics; `nil`: of every topic of the cluster but the brokers' own (`__…`). A topic
    /// that does not exist is an error. Blocks, at most `timeoutMillis` for each question; that long it waits for partitions
    /// without a leader, which are then an error.
    public func partitionEnds(of topics: [String]?) throws -> [KafkaPartitionEnd] { try ends(of: places(of: topics)) }

    /// The same of those partitions that have a leader now.
    public func reachablePartitionEnds(of topics: [String]?) throws -> KafkaReachableEnds {
        let places = try places(of: topics), leaderless = try leaderless()
        return KafkaReachableEnds(
            ends: try ends(of: places.filter { !leaderless.contains($0) }),
            leaderless: places.filter(leaderless.contains).map(\.description))
    }

    private func leaderless() throws -> Set<TopicPartition> {
        try handle.withMetadata(timeoutMillis: timeoutMillis) { metadata in
            var found: Set<TopicPartition> = []
            for index in 0..<Int(metadata.topic_cnt) {
                guard let topic = metadata.topics?[index] else { continue }
                for place in 0..<Int(topic.partition_cnt) {
                    guard let partition = topic.partitions?[place], partition.leader < 0 else { continue }
                    found.insert(TopicPartition(topic: String(cString: topic.topic), partition: partition.id))
                }
            }
            return found
        }
    }

    private func places(of topics: [String]?) throws -> [TopicPartition] {
        let counts = try topics.map(describe) ?? handle.allPartitionCounts(timeoutMillis: timeoutMillis)
        if let missing = topics?.first(where: { counts[$0] == nil }) {
            throw KafkaError(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "topic '\(missing)'")
        }
        return counts.filter { topics != nil || !$0.key.hasPrefix("__") }
            .flatMap { name, count in (0..<count).map { TopicPartition(topic: name, partition: $0) } }.sorted()
    }

    private func ends(of all: [TopicPartition]) throws -> [KafkaPartitionEnd] {
        let everything = try reader("read_uncommitted"), decided = try reader("read_committed")
        var found: [KafkaPartitionEnd] = []
        for start in stride(from: 0, to: all.count, by: Self.partitionsPerRequest) {
            let part = Array(all[start..<min(all.count, start + Self.partitionsPerRequest)])
            // In this order: what is decided in between is not taken for open.
            let ends = try latest(everything, part), stable = try latest(decided, part)
            for partition in part {
                guard let end = ends[partition], let stable = stable[partition] else { continue }
                found.append(
                    KafkaPartitionEnd(topic: partition.topic, partition: partition.partition, end: end, stable: stable))
            }
        }
        return found
    }

    private func reader(_ isolation: String) throws -> KafkaHandle {
        try KafkaHandle(
            .consumer, configuration,
            settings: [
                ("isolation.level", isolation), ("allow.auto.create.topics", "false"), ("group.id", "weir-admin"),
            ], log: handle.context.log)
    }

    private func latest(_ reader: KafkaHandle, _ partitions: [TopicPartition]) throws -> [TopicPartition: Int64] {
        try waitForKafka(
            "offsets of \(partitions[0].topic)", log: handle.context.log, isCancelled: { false },
            limitMillis: Int(timeoutMillis)
        ) {
            try reader.offsets(of: partitions, atMillis: KafkaHandle.latestTime, timeoutMillis: timeoutMillis)
        }
    }

    /// Makes the cluster abort what the transactional id has open, and fences whoever used it until now: by taking the id
    /// over, which is what a new owner does first. Returns when the coordinator has done it, so that readers go on; what was
    /// never open is no error.
    ///
    /// A job that runs with this id fails. `limitMillis` bounds the waiting (`KafkaError`, retriable).
    public func abortTransaction(_ transactionalID: String, limitMillis: Int) throws {
        let log = handle.context.log
        let producer = try TransactionalProducer(
            configuration, transactionalID: transactionalID, timeoutMillis: KafkaTransactions.timeoutMillisDefault, log: log,
            onEvent: { _ in })
        defer { producer.producer.stop() }
        try waitForKafka(
            "the transaction coordinator of '\(transactionalID)'", log: log, isCancelled: { false }, limitMillis: limitMillis
        ) {
            try producer.initTransactions(sliceMillis: Int32(clamping: min(limitMillis, 1_000)))
        }
    }
}
