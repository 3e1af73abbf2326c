import CRdKafka

/// A cluster as it presents itself.
public struct KafkaCluster: Sendable {
    /// Of librdkafka.
    public let clientVersion: String
    /// `host:port` by broker id.
    public let brokers: [Int32: String]
    /// Of the broker with the smallest id; empty when `settingsRefusal` says why.
    public let settings: [String: String]
    public let settingsRefusal: String?
}

extension KafkaAdmin {
    /// Blocks, at most `timeoutMillis` for each of two questions. Brokers that do not tell their settings are no error.
    public func cluster() throws -> KafkaCluster {
        let brokers = try handle.withMetadata(timeoutMillis: timeoutMillis) { metadata in
            var brokers: [Int32: String] = [:]
            for index in 0..<Int(metadata.broker_cnt) {
                guard let broker = metadata.brokers?[index] else { continue }
                brokers[broker.id] = "\(String(cString: broker.host)):\(broker.port)"
            }
            return brokers
        }
        var settings: [String: String] = [:]
        var refusal: String?
        if let first = brokers.keys.min() {
            do { settings = try self.settings(RD_KAFKA_RESOURCE_BROKER, "\(first)") } catch { refusal = "\(error)" }
        }
        return KafkaCluster(
            clientVersion: String(cString: rd_kafka_version_str()), brokers: brokers, settings: settings,
            settingsRefusal: refusal)
    }

    /// Asks for a committed offset of the group: throws what keeps a job from using it, `GROUP_AUTHORIZATION_FAILED` for one.
    public func checkGroup(_ group: String, topic: String) throws {
        let member = try KafkaHandle(
            .consumer, configuration, settings: [("group.id", group), ("allow.auto.create.topics", "false")],
            log: handle.context.log)
        try waitForKafka(
            "the coordinator of group '\(group)'", log: handle.context.log, isCancelled: { false },
            limitMillis: Int(timeoutMillis)
        ) {
            _ = try member.committedOffsets(
                of: [TopicPartition(topic: topic, partition: 0)], timeoutMillis: timeoutMillis)
        }
    }
}
