import CRdKafka

/// A cluster as it presents itself.
public struct KafkaCluster: Sendable {
    /// Of librdkafka.
    public let clientVersion: String
    /// `host:port` by broker id.
    public let brokers: [Int32: String]
    /// By `host:port`, of those that were talked to.
    public let releases: [String: KafkaRelease]
    /// By broker id, of those that tell them.
    public let settings: [Int32: [String: String]]
    /// Why the others do not.
    public let refusals: [Int32: String]
}

extension KafkaAdmin {
    /// Blocks, at most `timeoutMillis` for the brokers and three times as long for all of their settings. Brokers that do not
    /// tell these are no error.
    public func cluster() throws -> KafkaCluster {
        let versions = BrokerVersions()
        let asking = try KafkaAdmin(configuration, timeoutMillis: Int(timeoutMillis), log: versions.log, debug: "feature")
        let brokers = try asking.handle.withMetadata(timeoutMillis: timeoutMillis) { metadata in
            var brokers: [Int32: String] = [:]
            for index in 0..<Int(metadata.broker_cnt) {
                guard let broker = metadata.brokers?[index] else { continue }
                brokers[broker.id] = "\(String(cString: broker.host)):\(broker.port)"
            }
            return brokers
        }
        var settings: [Int32: [String: String]] = [:]
        var refusals: [Int32: String] = [:]
        let deadline = ContinuousClock.now + .milliseconds(3 * Int(timeoutMillis))
        for id in brokers.keys.sorted() {
            guard ContinuousClock.now < deadline else {
                refusals[id] = "not asked: others did not answer in time"
                continue
            }
            do {
                let told = try asking.settings(RD_KAFKA_RESOURCE_BROKER, "\(id)")
                if told.isEmpty { refusals[id] = "none came" } else { settings[id] = told }
            } catch {
                refusals[id] = "\(error)"
            }
        }
        return KafkaCluster(
            clientVersion: String(cString: rd_kafka_version_str()), brokers: brokers, releases: versions.releases,
            settings: settings, refusals: refusals)
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
