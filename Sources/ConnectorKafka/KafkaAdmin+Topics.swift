import CRdKafka

/// A topic as it is.
public struct KafkaTopicDescription: Sendable, Hashable {
    public let partitions: Int32
    /// Replicas of its first partition.
    public let replicationFactor: Int32
    /// All of its settings, defaults of the broker included, e.g. `retention.ms`.
    public let settings: [String: String]
}

extension KafkaAdmin {
    /// The topics that exist, with their settings. Blocks, at most `timeoutMillis` for each question.
    public func topics(_ names: [String]) throws -> [String: KafkaTopicDescription] {
        var found: [String: KafkaTopicDescription] = [:]
        for (name, layout) in try handle.layouts(of: names, timeoutMillis: timeoutMillis) {
            found[name] = KafkaTopicDescription(
                partitions: layout.partitions, replicationFactor: layout.replicas,
                settings: try settings(RD_KAFKA_RESOURCE_TOPIC, name))
        }
        return found
    }

    /// All settings of a topic, or of the broker with this id.
    func settings(_ type: rd_kafka_ResourceType_t, _ name: String) throws -> [String: String] {
        let doing = "settings of \(type == RD_KAFKA_RESOURCE_BROKER ? "broker" : "topic") '\(name)'"
        guard let resource = rd_kafka_ConfigResource_new(type, name) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__INVALID_ARG, doing)
        }
        defer { rd_kafka_ConfigResource_destroy(resource) }
        var wanted: OpaquePointer? = resource
        var found: [String: String] = [:]
        try perform(doing, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS) { options, queue in
            rd_kafka_DescribeConfigs(handle.pointer, &wanted, 1, options, queue)
        } read: { event in
            var resources = 0
            guard let list = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &resources),
                resources > 0
            else { return }
            let code = rd_kafka_ConfigResource_error(list[0])
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
                throw KafkaError(
                    code, doing,
                    detail: rd_kafka_ConfigResource_error_string(list[0]).map { String(cString: $0) })
            }
            var count = 0
            guard let entries = rd_kafka_ConfigResource_configs(list[0], &count) else { return }
            for index in 0..<count {
                guard let key = rd_kafka_ConfigEntry_name(entries[index]), let value = rd_kafka_ConfigEntry_value(entries[index])
                else { continue }
                found[String(cString: key)] = String(cString: value)
            }
        }
        return found
    }
}
