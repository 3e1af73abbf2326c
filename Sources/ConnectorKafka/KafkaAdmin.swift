import CRdKafka
import StreamRuntime

/// A topic to create.
public struct KafkaTopicSpec: Sendable, Hashable {
    public var name: String
    public var partitions: Int32
    /// `nil`: the broker's default.
    public var replicationFactor: Int32?
    /// Broker-side settings, e.g. `cleanup.policy`.
    public var settings: [String: String]
    /// Settings that are left out where a cluster refuses them: managed ones bound what their users may choose.
    public var wishes: [String: String]

    public init(
        _ name: String, partitions: Int32, replicationFactor: Int32? = nil, settings: [String: String] = [:],
        wishes: [String: String] = [:]
    ) {
        self.name = name
        self.partitions = partitions
        self.replicationFactor = replicationFactor
        self.settings = settings
        self.wishes = wishes
    }

    /// Of a topic of decisions, so that compaction keeps what a start has to read short.
    public static let smallSegments = ["segment.bytes": "16777216", "segment.ms": "3600000"]

    /// What to ask for when it was refused so; `nil`: the refusal stands. Pure.
    package func withoutWishes(refused code: rd_kafka_resp_err_t) -> KafkaTopicSpec? {
        guard !wishes.isEmpty, code == RD_KAFKA_RESP_ERR_POLICY_VIOLATION || code == RD_KAFKA_RESP_ERR_INVALID_CONFIG else {
            return nil
        }
        var plain = self
        plain.wishes = [:]
        return plain
    }
}

/// Creates and describes topics, looks at the cluster and its open transactions: for provisioning, operators and tests, not
/// for a running job.
///
/// Every call blocks, for at most `timeoutMillis`, and may be made from any thread. Errors are `KafkaError`.
public final class KafkaAdmin: Sendable {
    let configuration: KafkaConfiguration
    let handle: KafkaHandle
    let timeoutMillis: Int32

    public convenience init(
        _ configuration: KafkaConfiguration, timeoutMillis: Int = 10_000, log: RuntimeLog = .silent
    ) throws {
        try self.init(configuration, timeoutMillis: timeoutMillis, log: log, debug: nil)
    }

    /// `debug`: what the client says more of, into `log`.
    init(_ configuration: KafkaConfiguration, timeoutMillis: Int, log: RuntimeLog, debug: String?) throws {
        self.configuration = configuration
        self.timeoutMillis = Int32(clamping: timeoutMillis)
        // A consumer client, because a producer's metadata request may create the topic it asks about.
        handle = try KafkaHandle(
            .consumer, configuration,
            settings: [("allow.auto.create.topics", "false"), ("group.id", "weir-admin")] + (debug.map { [("debug", $0)] } ?? []),
            log: log)
    }

    /// Partition counts of the topics that exist.
    public func describe(_ topics: [String]) throws -> [String: Int32] {
        try handle.partitionCounts(of: topics, timeoutMillis: timeoutMillis)
    }

    /// Creates topics; one that exists already is an error (`TOPIC_ALREADY_EXISTS`).
    public func createTopics(_ specs: [KafkaTopicSpec]) throws {
        for spec in specs {
            do {
                try create(spec)
            } catch let error as KafkaError {
                guard let plain = spec.withoutWishes(refused: error.response) else { throw error }
                try create(plain)
            }
        }
    }

    private func create(_ spec: KafkaTopicSpec) throws {
        var text = [CChar](repeating: 0, count: 256)
        var topic = rd_kafka_NewTopic_new(spec.name, spec.partitions, spec.replicationFactor ?? -1, &text, 256)
        guard topic != nil else {
            throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, "create topic '\(spec.name)'", detail: String(cCharacters: text))
        }
        defer { rd_kafka_NewTopic_destroy(topic) }
        for (name, value) in spec.settings.merging(spec.wishes, uniquingKeysWith: { $1 }).sorted(by: { $0.key < $1.key }) {
            rd_kafka_NewTopic_set_config(topic, name, value)
        }
        try request("create topic '\(spec.name)'", RD_KAFKA_ADMIN_OP_CREATETOPICS) { options, queue in
            rd_kafka_CreateTopics(handle.pointer, &topic, 1, options, queue)
        } results: { event, count in
            rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), count)
        }
    }

    /// Raises a topic's partition count.
    public func createPartitions(_ topic: String, total: Int32) throws {
        var text = [CChar](repeating: 0, count: 256)
        var wanted = rd_kafka_NewPartitions_new(topic, Int(total), &text, 256)
        guard wanted != nil else {
            throw KafkaError(
                RD_KAFKA_RESP_ERR__INVALID_ARG, "raise partitions of '\(topic)'", detail: String(cCharacters: text))
        }
        defer { rd_kafka_NewPartitions_destroy(wanted) }
        try request("raise partitions of '\(topic)' to \(total)", RD_KAFKA_ADMIN_OP_CREATEPARTITIONS) {
            rd_kafka_CreatePartitions(handle.pointer, &wanted, 1, $0, $1)
        } results: { event, count in
            rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), count)
        }
    }

    public func deleteTopics(_ topics: [String]) throws {
        for name in topics {
            var topic = rd_kafka_DeleteTopic_new(name)
            defer { rd_kafka_DeleteTopic_destroy(topic) }
            try request("delete topic '\(name)'", RD_KAFKA_ADMIN_OP_DELETETOPICS) { options, queue in
                rd_kafka_DeleteTopics(handle.pointer, &topic, 1, options, queue)
            } results: { event, count in
                rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), count)
            }
        }
    }

    /// Deletes the records of a partition that lie before `offset`.
    public func deleteRecords(topic: String, partition: Int32, before offset: Int64) throws {
        let list = PartitionList([(TopicPartition(topic: topic, partition: partition), offset)])
        var wanted = list.withPointer { rd_kafka_DeleteRecords_new($0) }
        defer { rd_kafka_DeleteRecords_destroy(wanted) }
        let doing = "delete records of \(topic)/\(partition)"
        try perform(doing, RD_KAFKA_ADMIN_OP_DELETERECORDS) {
            rd_kafka_DeleteRecords(handle.pointer, &wanted, 1, $0, $1)
        } read: { event in
            guard let result = rd_kafka_event_DeleteRecords_result(event),
                let offsets = rd_kafka_DeleteRecords_result_offsets(result)
            else { return }
            for index in 0..<Int(offsets.pointee.cnt) {
                let code = offsets.pointee.elems[index].err
                guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, doing) }
            }
        }
    }

    /// Makes sure that each topic exists with at least its partitions: creates what is missing. A topic that
    /// exists with fewer partitions is an error, because raising a count moves keys to other partitions.
    public func ensure(_ specs: [KafkaTopicSpec]) throws {
        let existing = try describe(specs.map(\.name))
        for spec in specs {
            if let count = existing[spec.name] {
                guard count >= spec.partitions else {
                    throw KafkaError(
                        code: RD_KAFKA_RESP_ERR_INVALID_PARTITIONS,
                        message: """
                            topic '\(spec.name)' has \(count) partitions and needs \(spec.partitions). Raising the \
                            count moves keys to other partitions: recreate the topic, or raise it by hand with \
                            kafka-topics.sh --alter --topic \(spec.name) --partitions \(spec.partitions)
                            """)
                }
                continue
            }
            do {
                try createTopics([spec])
            } catch let error as KafkaError where error.response == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS {
                continue  // another process was faster
            }
        }
    }

    private func request(
        _ doing: String, _ operation: rd_kafka_admin_op_t,
        _ send: (_ options: OpaquePointer?, _ queue: OpaquePointer?) -> Void,
        results: (_ event: OpaquePointer?, UnsafeMutablePointer<Int>) -> UnsafeMutablePointer<OpaquePointer?>?
    ) throws {
        try perform(doing, operation, send) { event in
            var count = 0
            guard let list = results(event, &count) else { return }
            for index in 0..<count {
                let topicError = rd_kafka_topic_result_error(list[index])
                guard topicError == RD_KAFKA_RESP_ERR_NO_ERROR else {
                    throw KafkaError(
                        topicError, doing,
                        detail: rd_kafka_topic_result_error_string(list[index]).map { String(cString: $0) })
                }
            }
        }
    }

    /// Sends one request and reads its answer, which is valid only inside `read`.
    func perform(
        _ doing: String, _ operation: rd_kafka_admin_op_t,
        _ send: (_ options: OpaquePointer?, _ queue: OpaquePointer?) -> Void,
        read: (_ event: OpaquePointer) throws -> Void
    ) throws {
        let options = rd_kafka_AdminOptions_new(handle.pointer, operation)
        defer { rd_kafka_AdminOptions_destroy(options) }
        var text = [CChar](repeating: 0, count: 256)
        rd_kafka_AdminOptions_set_request_timeout(options, timeoutMillis, &text, 256)
        let queue = rd_kafka_queue_new(handle.pointer)
        defer { rd_kafka_queue_destroy(queue) }
        send(options, queue)
        guard let event = rd_kafka_queue_poll(queue, timeoutMillis + 1000) else {
            throw handle.error(RD_KAFKA_RESP_ERR__TIMED_OUT, doing)
        }
        defer { rd_kafka_event_destroy(event) }
        let code = rd_kafka_event_error(event)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            let text = rd_kafka_event_error_string(event).map { String(cString: $0) } ?? String(cString: rd_kafka_err2str(code))
            throw KafkaError(code, doing, detail: handle.detail(of: code, text))
        }
        try read(event)
    }
}
