import Jobs
import WeirKit

/// Settings of what `provision` makes.
enum ProvisionSettings {
    static let partitions = Setting.integer(
        "topics.partitions", default: 4, in: 1...4096,
        help: "Partitions of each topic that 'provision' makes; fixed by the first record.")
    static let replication = Setting.optionalInteger(
        "topics.replication", in: 1...32, help: "Replicas of each topic on Kafka; unset: the broker's default.")
    static let retentionBytes = Setting.bytes(
        "topics.retention-bytes", default: Int(TopicPlan.logBytesDefault),
        help: "What a partition of prices or orders keeps in an embedded log, beside what is not read yet; 0: no bound.")

    static let keys: [ConfigurationKey] = [partitions.key, replication.key, retentionBytes.key]
}
