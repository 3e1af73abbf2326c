import ConnectorKafka
import Dispatch
import StoreKit

/// The topics of the trading system on a Kafka cluster.
public struct KafkaTopics: ResourceProvider {
    public let system = "kafka"
    public let required: [RequiredResource]
    private let configuration: KafkaConfiguration
    private let timeoutMillis: Int

    /// - Parameter timeoutMillis: of each question to the brokers.
    public init(_ configuration: KafkaConfiguration, _ plan: TopicPlan, timeoutMillis: Int = 10_000) {
        self.configuration = configuration
        self.timeoutMillis = timeoutMillis
        required = plan.onKafka
    }

    public func find(_ resources: [RequiredResource]) async throws -> [String: [String: String]] {
        try await blocking { admin in
            try admin.topics(resources.map(\.name)).mapValues { topic in
                var properties = topic.settings
                properties[TopicPlan.partitionsName] = "\(topic.partitions)"
                properties[TopicPlan.replicationName] = "\(topic.replicationFactor)"
                return properties
            }
        }
    }

    public func create(_ resource: RequiredResource) async throws {
        var settings = Dictionary(resource.properties.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
        guard let partitions = settings.removeValue(forKey: TopicPlan.partitionsName).flatMap(Int32.init) else {
            preconditionFailure("every topic of the plan has a partition count")
        }
        let spec = KafkaTopicSpec(
            resource.name, partitions: partitions,
            replicationFactor: settings.removeValue(forKey: TopicPlan.replicationName).flatMap(Int32.init),
            settings: settings,
            // Not fixed: clusters refuse them, or tell others than were asked for.
            wishes: settings[TopicPlan.cleanupName] == TopicPlan.compactName ? KafkaTopicSpec.smallSegments : [:])
        try await blocking { try $0.ensure([spec]) }
    }

    /// The client's calls block: they are made on a thread that may.
    private func blocking<Result: Sendable>(_ body: @escaping @Sendable (KafkaAdmin) throws -> Result) async throws -> Result {
        let (configuration, timeoutMillis) = (configuration, timeoutMillis)
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Swift.Result { try body(KafkaAdmin(configuration, timeoutMillis: timeoutMillis)) })
            }
        }
    }
}
