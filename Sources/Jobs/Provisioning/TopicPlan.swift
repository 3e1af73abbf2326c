import ConnectorKafka
import StoreKit

/// The topics of the trading system as they must be: the one list behind `provision` and its documentation.
public struct TopicPlan: Sendable {
    public var names: TradingTopics
    /// Of every topic that carries records. Fixed by the first record: another count sends users elsewhere.
    public var partitions: Int32 = 4
    /// Replicas of every topic on Kafka; nil: the broker's default.
    public var replication: Int32?
    /// Of price changes and of orders a partition of an embedded log keeps so many bytes, and what is still to be read; nil:
    /// all, for their time.
    public var logBytes: Int64? = Self.logBytesDefault
    public static let logBytesDefault: Int64 = 1 << 30

    public init(
        names: TradingTopics = TradingTopics(), partitions: Int32 = 4, replication: Int32? = nil,
        logBytes: Int64? = Self.logBytesDefault
    ) {
        self.names = names
        self.partitions = partitions
        self.replication = replication
        self.logBytes = logBytes
    }

    /// One topic of the list.
    public struct Topic: Sendable, Hashable {
        public let name: String
        public let purpose: String
        public let partitions: Int32
        public let cleanup: Cleanup
    }

    /// How a topic forgets.
    public enum Cleanup: Sendable, Hashable {
        /// Records go after so many days.
        case days(Int64)
        /// Records stay: what reads them can be filled again from the beginning.
        case never
        /// The last record of each key stays.
        case compact
    }

    /// Job decisions, on Kafka only: the embedded log keeps its own.
    public static let decisions = "weir-decisions"

    /// In the order they are made.
    public var topics: [Topic] {
        func topic(_ name: String, _ cleanup: Cleanup, _ purpose: String) -> Topic {
            Topic(name: name, purpose: purpose, partitions: partitions, cleanup: cleanup)
        }
        let letters = TradingTopics.deadLetters(of:)
        return [
            topic(names.marketData, .days(1), "price changes, by symbol"),
            // Longer than an order can wait: the ledger of outcomes outlives both (docs/provisioning.md).
            topic(names.orders, .days(7), "accepted orders, by user"),
            topic(names.executed, .never, "executed trades, by user: history and analytics are filled from it"),
            topic(names.rejected, .days(30), "refused orders, by user"),
            topic(letters(names.marketData), .days(30), "records of \(names.marketData) that do not decode"),
            topic(letters(names.orders), .days(30), "records of \(names.orders) that do not decode"),
            topic(letters(names.executed), .days(30), "records of \(names.executed) that do not decode"),
        ]
    }

    /// The decision topic; each island of a job has a partition, and one is enough until there are more.
    var decisionTopic: Topic {
        Topic(name: Self.decisions, purpose: "the last decision of each job", partitions: 1, cleanup: .compact)
    }
}

extension TopicPlan {
    /// What must exist on a Kafka cluster.
    public var onKafka: [RequiredResource] {
        (topics + [decisionTopic]).map { topic in
            RequiredResource(
                kind: "topic", name: topic.name, purpose: topic.purpose,
                properties: [ResourceProperty(Self.partitionsName, "\(topic.partitions)")]
                    + (replication.map { [ResourceProperty(Self.replicationName, "\($0)")] } ?? [])
                    + kafkaSettings(topic).sorted { $0.key < $1.key }.map { ResourceProperty($0.key, $0.value) })
        }
    }

    static let partitionsName = "partitions"
    static let replicationName = "replicas"
    static let cleanupName = "cleanup.policy"
    static let compactName = "compact"
    static let dayMillis: Int64 = 86_400_000

    private func kafkaSettings(_ topic: Topic) -> [String: String] {
        var settings: [String: String]
        switch topic.cleanup {
        case .days(let days): settings = [Self.cleanupName: "delete", "retention.ms": "\(days * Self.dayMillis)"]
        case .never: settings = [Self.cleanupName: "delete", "retention.ms": "-1"]
        case .compact: settings = [Self.cleanupName: Self.compactName]
        }
        // With three replicas, an acknowledged record is on two of them at least.
        if let replication, replication >= 3 { settings["min.insync.replicas"] = "2" }
        return settings
    }

    /// What must exist in an embedded log.
    public var inLog: [RequiredResource] {
        topics.map { topic in
            RequiredResource(
                kind: "topic", name: topic.name, purpose: topic.purpose,
                properties: [ResourceProperty(Self.partitionsName, "\(topic.partitions)")])
        }
    }
}
