import CRdKafka
import StreamRuntime

/// Finds a source's partitions and resolves their start to numbers. Blocking, on the coordinator's thread.
struct SplitDiscovery {
    let configuration: KafkaConfiguration
    let topics: [String]
    let groupID: String
    let start: KafkaStart
    let context: SourceContext
    /// What an earlier start of the same run has found.
    let known: [String: Int32]
    /// A topic that was known and is missing is asked for so long: brokers that have just started may not know all of theirs.
    let topicGoneAfterMillis: Int

    /// The position of a partition whose start is not known (`.committed` without an offset). A decision
    /// or a reader that needs it refuses it; a start from a decision does not.
    static let unknownPosition: Int64 = -1
    private static let sliceMillis: Int32 = 2_000
    private static let lookAgainMillis = 250

    static func splitID(_ partition: TopicPartition) -> String { "\(partition.topic)/\(partition.partition)" }

    static func partition(ofSplit id: String) -> TopicPartition? {
        guard let slash = id.lastIndex(of: "/"), let number = Int32(id[id.index(after: slash)...]), number >= 0,
            slash > id.startIndex
        else { return nil }
        return TopicPartition(topic: String(id[..<slash]), partition: number)
    }

    func splits() throws -> (splits: [SourceSplit], counts: [String: Int32]) {
        guard !topics.isEmpty, !groupID.isEmpty else {
            throw KafkaConfigurationError(
                property: topics.isEmpty ? "topics" : "group.id",
                problem: "source '\(context.operatorID)' needs at least one topic and a group id")
        }
        let client = try KafkaHandle(
            .consumer, configuration,
            settings: [
                ("group.id", groupID), ("isolation.level", "read_committed"), ("enable.auto.commit", "false"),
                ("allow.auto.create.topics", "false"),
            ], log: context.log)
        let counts = try partitionCounts(client)
        let partitions = counts.flatMap { topic, count in
            (0..<count).map { TopicPartition(topic: topic, partition: $0) }
        }.sorted()
        let beginnings = try offsets(partitions, KafkaHandle.earliestTime, client)
        let starts = try resolve(partitions, beginnings, client)
        let splits = partitions.map { partition in
            SourceSplit(
                id: Self.splitID(partition), start: starts[partition] ?? Self.unknownPosition,
                startWhenAdded: beginnings[partition] ?? Self.unknownPosition,
                brokerOffset: BrokerOffset(
                    domain: configuration.identity, group: groupID, topic: partition.topic,
                    partition: partition.partition))
        }
        return (splits, counts)
    }

    private func partitionCounts(_ client: KafkaHandle) throws -> [String: Int32] {
        let brokers = "the brokers at \(configuration.bootstrapServers)"
        var waitedMillis = 0
        while true {
            let counts = try wait(brokers) { try client.partitionCounts(of: topics, timeoutMillis: Self.sliceMillis) }
            guard let missing = topics.first(where: { (counts[$0] ?? 0) == 0 }) else { return counts }
            guard known[missing] != nil else {
                throw KafkaError(
                    code: RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
                    message: """
                        source '\(context.operatorID)': topic '\(missing)' does not exist at \
                        \(configuration.bootstrapServers). Make it with `weir provision`, or correct the name
                        """)
            }
            if context.isCancelled() { throw KafkaCancelled(waitingFor: "topic '\(missing)'") }
            guard waitedMillis < topicGoneAfterMillis else {
                throw KafkaTopicGone(topic: missing, bootstrapServers: configuration.bootstrapServers)
            }
            sleepMillis(Self.lookAgainMillis, unless: context.isCancelled)
            waitedMillis += Self.lookAgainMillis
        }
    }

    private func resolve(
        _ partitions: [TopicPartition], _ beginnings: [TopicPartition: Int64], _ client: KafkaHandle
    ) throws -> [TopicPartition: Int64] {
        switch start {
        case .earliest: beginnings
        case .latest: try offsets(partitions, KafkaHandle.latestTime, client)
        case .timestampMillis(let time):
            try orLatest(try offsets(partitions, max(0, time), client).filter { $0.value >= 0 }, partitions, client)
        case .committed: try committed(partitions, client)
        case .committedOrEarliest: try committed(partitions, client).merging(beginnings) { committed, _ in committed }
        case .committedOrLatest: try orLatest(try committed(partitions, client), partitions, client)
        }
    }

    /// `known`, with the ends of the partitions that it lacks.
    private func orLatest(
        _ known: [TopicPartition: Int64], _ partitions: [TopicPartition], _ client: KafkaHandle
    ) throws -> [TopicPartition: Int64] {
        let missing = partitions.filter { known[$0] == nil }
        return known.merging(try offsets(missing, KafkaHandle.latestTime, client)) { first, _ in first }
    }

    private func offsets(
        _ partitions: [TopicPartition], _ time: Int64, _ client: KafkaHandle
    ) throws -> [TopicPartition: Int64] {
        try wait("offsets of \(topics.joined(separator: ", "))") {
            try client.offsets(of: partitions, atMillis: time, timeoutMillis: Self.sliceMillis)
        }
    }

    private func committed(
        _ partitions: [TopicPartition], _ client: KafkaHandle
    ) throws -> [TopicPartition: Int64] {
        try wait("committed offsets of group '\(groupID)'") {
            try client.committedOffsets(of: partitions, timeoutMillis: Self.sliceMillis).compactMapValues(\.offset)
        }
    }

    private func wait<Result>(_ what: String, _ attempt: () throws -> Result) throws -> Result {
        try waitForKafka(what, log: context.log, isCancelled: context.isCancelled, attempt: attempt)
    }
}
