import CRdKafka
import StreamRuntime
import Synchronization
import TransactionRules

/// Reads groups' committed offsets read-committed, which makes the coordinator refuse offsets that a
/// transaction is still completing. Blocking; used by a domain's `recover` only.
struct CommittedOffsets {
    let configuration: KafkaConfiguration
    let owner: IslandOwner

    func read(_ places: [BrokerOffset]) throws -> [BrokerOffset: CommittedOffset] {
        var found: [BrokerOffset: CommittedOffset] = [:]
        for (group, places) in Dictionary(grouping: places, by: \.group) {
            let client = try KafkaHandle(
                .consumer, configuration,
                settings: [
                    ("group.id", group), ("isolation.level", "read_committed"), ("enable.auto.commit", "false"),
                    ("allow.auto.create.topics", "false"),
                ], log: owner.log)
            let byPartition = Dictionary(
                places.map { (TopicPartition(topic: $0.topic, partition: $0.partition), $0) },
                uniquingKeysWith: { first, _ in first })
            let committed = try waitForKafka(
                "committed offsets of group '\(group)'", log: owner.log, isCancelled: owner.isCancelled
            ) {
                try client.committedOffsets(of: byPartition.keys.sorted(), timeoutMillis: 2_000)
            }
            for (partition, place) in byPartition { found[place] = committed[partition] }
        }
        return found
    }
}

/// The groups whose offsets a transaction of this process carries. A plain commit to one of them would
/// erase the checkpoint id in its metadata and so make the next start refuse: `KafkaSource` asks here
/// before it commits for monitoring.
enum TransactionalGroups {
    private static let counts = Mutex<[BrokerOffset: Int]>([:])

    static func add(_ places: [BrokerOffset]) {
        counts.withLock { counts in
            for place in places { counts[place, default: 0] += 1 }
        }
    }

    static func remove(_ places: [BrokerOffset]) {
        counts.withLock { counts in
            for place in places {
                let left = (counts[place] ?? 1) - 1
                counts[place] = left > 0 ? left : nil
            }
        }
    }

    static func contains(_ place: BrokerOffset) -> Bool { counts.withLock { $0[place] != nil } }
}
