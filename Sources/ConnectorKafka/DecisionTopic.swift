import CRdKafka
import StreamRuntime

/// The compacted topic that holds each island's last decision: partition = island, key = job/island.
/// Blocking; used by a domain's `recover` only.
struct DecisionTopic {
    let configuration: KafkaConfiguration
    let topic: String
    let owner: IslandOwner
    let replicationFactor: Int32?
    let clock: any RuntimeClock

    private static let sliceMillis: Int32 = 2_000
    /// Longer than any transaction a broker lets live by default (a minute and its ten-second sweep).
    private static let stableLimitMillis = 120_000
    /// How long the decisions may stand still while they are read.
    private static let silenceLimitMillis: Int64 = 60_000
    /// How long a cluster that comes up may take until it has as many brokers as the topic needs replicas.
    private static let brokersLimitMillis: Int64 = 60_000
    /// The first look back covers so many records; each further one eight times as many.
    private static let spanFirst: Int64 = 2_048

    var partition: TopicPartition { TopicPartition(topic: topic, partition: Int32(owner.island)) }
    static func key(job: JobID, island: Int) -> String { "\(job)/\(island)" }

    /// Creates the topic or adds partitions so that the island has its own.
    func ensure() throws {
        let admin = try KafkaAdmin(configuration, timeoutMillis: Int(Self.sliceMillis), log: owner.log)
        let needed = Int32(owner.island + 1)
        let start = clock.monotonicNanos()
        try waitForKafka("the decision topic '\(topic)'", log: owner.log, isCancelled: owner.isCancelled) {
            do {
                switch try admin.describe([topic])[topic] {
                case let count? where count >= needed: return
                case .some: try admin.createPartitions(topic, total: needed)
                case nil: try create(admin, partitions: needed)
                }
                throw KafkaError(RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, "decision topic '\(topic)' was just made")
            } catch let error as KafkaError where !error.isRetriable {
                if error.response == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS { return }
                // A broker's own trouble, of which it says no more: another attempt may meet none.
                if error.response == RD_KAFKA_RESP_ERR_UNKNOWN { throw error }
                if error.response == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR,
                    clock.monotonicNanos() - start < Self.brokersLimitMillis * 1_000_000
                {
                    throw KafkaError(
                        error.response, "decision topic '\(topic)'", detail: "fewer brokers are up than it needs replicas",
                        isRetriable: true)
                }
                throw RecoveryRefusal(
                    "the decision topic '\(topic)' needs at least \(needed) partitions and cannot be made: \(error)",
                    remedy: "Make it by hand: kafka-topics.sh --create --topic \(topic) --partitions \(needed) "
                        + "--config cleanup.policy=compact (or --alter --partitions \(needed))")
            }
        }
    }

    private func create(_ admin: KafkaAdmin, partitions: Int32) throws {
        owner.log(.info, "creating decision topic", ["topic": topic, "partitions": "\(partitions)"])
        try admin.createTopics([
            KafkaTopicSpec(
                topic, partitions: partitions, replicationFactor: replicationFactor,
                settings: ["cleanup.policy": "compact"], wishes: KafkaTopicSpec.smallSegments)
        ])
    }

    enum Extent {
        /// Waits until everything written before is decided, so that no commit in progress is missed (docs/proof.md:
        /// unstable-offsets). For a start, after `init_transactions`.
        case everything
        /// Without waiting; behind it there may be another decision, or not.
        case asFarAsDecided
    }

    /// The last decision of this job and island.
    func readLast(_ extent: Extent = .everything) throws -> Decision? {
        let committed = try client("read_committed")
        var end: Int64
        switch extent {
        case .asFarAsDecided: end = try offset(committed, KafkaHandle.latestTime)
        case .everything:
            end = try offset(try client("read_uncommitted"), KafkaHandle.latestTime)
            try waitUntilStable(committed, end)
        }
        let low = try offset(committed, KafkaHandle.earliestTime)
        var span = Self.spanFirst
        while end > low {
            let start = max(low, end - span)
            switch try lastRecord(committed, from: start, to: end) {
            case .value(let value): return try decode(value)
            // Somebody deleted the decision: what came before it was decided no more.
            case .tombstone: return nil
            case nil: break
            }
            end = start
            span *= 8
        }
        return nil
    }

    private func client(_ isolation: String) throws -> KafkaHandle {
        let handle = try KafkaHandle(
            .consumer, configuration,
            settings: [
                ("isolation.level", isolation), ("group.id", "weir-recovery-\(owner.job)"),
                ("enable.auto.commit", "false"), ("enable.partition.eof", "true"), ("auto.offset.reset", "error"),
                ("allow.auto.create.topics", "false"), ("receive.message.max.bytes", "2000000000"),
            ], log: owner.log)
        rd_kafka_poll_set_consumer(handle.pointer)
        return handle
    }

    private func offset(_ client: KafkaHandle, _ time: Int64) throws -> Int64 {
        try waitForKafka("offsets of \(partition)", log: owner.log, isCancelled: owner.isCancelled) {
            try client.offsets(of: [partition], atMillis: time, timeoutMillis: Self.sliceMillis)[partition] ?? 0
        }
    }

    private func waitUntilStable(_ committed: KafkaHandle, _ highWatermark: Int64) throws {
        try waitForKafka(
            "open transactions on \(partition)", log: owner.log, isCancelled: owner.isCancelled,
            limitMillis: Self.stableLimitMillis
        ) {
            let stable = try offset(committed, KafkaHandle.latestTime)
            guard stable >= highWatermark else {
                throw KafkaError(
                    RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
                    "the stable offset \(stable) of \(partition) is behind its end \(highWatermark): another job's "
                        + "transaction is open")
            }
        }
    }

    private enum Record {
        case value([UInt8])
        case tombstone
    }

    /// The last record with the island's key among those in `start..<end`.
    private func lastRecord(_ client: KafkaHandle, from start: Int64, to end: Int64) throws -> Record? {
        let key = Array(Self.key(job: owner.job, island: owner.island).utf8)
        let list = PartitionList([(partition, start)])
        let code = list.withPointer { rd_kafka_assign(client.pointer, $0) }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, "reading \(partition)") }
        defer { rd_kafka_assign(client.pointer, nil) }
        var found: Record?
        var scan = PartitionScan(from: start, to: end)
        var patience = Patience(since: clock.monotonicNanos())
        while !scan.isComplete {
            if owner.isCancelled() { throw KafkaCancelled(waitingFor: "decisions of \(partition)") }
            let before = scan.next
            if let message = rd_kafka_consumer_poll(client.pointer, 200) {
                defer { rd_kafka_message_destroy(message) }
                if let record = try heard(message.pointee, key, &scan, &patience) { found = record }
            }
            if scan.next > before { patience = Patience(since: clock.monotonicNanos()) }
            try wait(&patience, scan)
        }
        return found
    }

    /// The record with this key, if `message` is it and lies in the stretch.
    private func heard(
        _ message: rd_kafka_message_t, _ key: [UInt8], _ scan: inout PartitionScan, _ patience: inout Patience
    ) throws -> Record? {
        guard message.err == RD_KAFKA_RESP_ERR_NO_ERROR else {
            switch scan.hears(message.err, at: message.offset) {
            case .goesOn: break
            case .waits: patience.reason = KafkaError(message.err, "reading \(partition)").description
            case .fails: throw KafkaError(message.err, "reading decisions from \(partition)")
            }
            return nil
        }
        let own = UnsafeRawBufferPointer(start: message.key, count: message.key_len)
        guard scan.passes(recordAt: message.offset), own.elementsEqual(key) else { return nil }
        return message.payload.map { .value(Array(UnsafeRawBufferPointer(start: $0, count: message.len))) } ?? .tombstone
    }

    /// Since when nothing has come, and why, as far as that is known.
    private struct Patience {
        let since: Int64
        var reason: String?
        var hasTold = false
    }

    private func wait(_ patience: inout Patience, _ scan: PartitionScan) throws {
        let waitedMillis = (clock.monotonicNanos() - patience.since) / 1_000_000
        let reason = patience.reason.map { " (\($0))" } ?? ""
        guard waitedMillis < Self.silenceLimitMillis else {
            throw KafkaError(
                code: RD_KAFKA_RESP_ERR__TIMED_OUT,
                message: """
                    the decisions cannot be read: \(partition) ends at \(scan.end), and nothing came from \(scan.next) on for \
                    \(waitedMillis / 1000) s\(reason). See that it has a leader (kafka-topics.sh --describe --topic \(topic)), \
                    and its brokers' logs
                    """)
        }
        guard waitedMillis >= 5_000, !patience.hasTold else { return }
        patience.hasTold = true
        owner.log(.warning, "waiting for decisions of \(partition)\(reason)", ["offset": "\(scan.next)", "end": "\(scan.end)"])
    }

    private func decode(_ value: [UInt8]) throws -> Decision {
        do {
            return try Decision(json: value)
        } catch {
            throw RecoveryRefusal(
                "the last decision of job \(owner.job), island \(owner.island) in \(partition) is unreadable: \(error)",
                remedy: "It was written by a newer version or by something else: run that version, or start under "
                    + "another --namespace from a savepoint (--from-savepoint)")
        }
    }
}
