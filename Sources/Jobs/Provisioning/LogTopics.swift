import ConnectorLog
import StoreKit

extension TopicPlan {
    /// How long an embedded log keeps the topics: as long as Kafka does. What comes in masses and is of no use once it is read
    /// is bounded in bytes too; refusals are not, because they say that an order of the last days is decided.
    public var logRetentions: [String: LogRetention] {
        let bounded: Set = [names.marketData, names.orders]
        return Dictionary(
            uniqueKeysWithValues: topics.map { topic in
                switch topic.cleanup {
                case .days(let days):
                    (
                        topic.name,
                        LogRetention(bytes: bounded.contains(topic.name) ? logBytes : nil, millis: days * Self.dayMillis)
                    )
                case .never, .compact: (topic.name, .forever)
                }
            })
    }
}

/// The topics of the trading system in an embedded log. Optional there: the log makes topics when they are first
/// written to. Made beforehand they can have another partition count.
public struct LogTopics: ResourceProvider {
    public let system = "log"
    public let required: [RequiredResource]
    private let store: LogStore?

    /// - Parameter store: open for writing if anything is to be made; nil: there is no log yet, only looking is possible.
    public init(_ store: LogStore?, _ plan: TopicPlan) {
        self.store = store
        required = plan.inLog
    }

    public func find(_ resources: [RequiredResource]) async throws -> [String: [String: String]] {
        var found: [String: [String: String]] = [:]
        for resource in resources {
            guard let topic = try store?.topic(resource.name) else { continue }
            found[resource.name] = [TopicPlan.partitionsName: "\(topic.partitions)"]
        }
        return found
    }

    public func create(_ resource: RequiredResource) async throws {
        let partitions = resource.properties.first { $0.name == TopicPlan.partitionsName }.flatMap { Int32($0.value) }
        try store?.createTopic(resource.name, partitions: partitions)
    }
}
