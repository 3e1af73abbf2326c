import CRdKafka
import StreamRuntime
import Synchronization
import TransactionRules

// The transaction protocol on Kafka. The invariants that this file and the types it drives keep:
//
// 1. One decision point (rule 4). The transaction of epoch N holds N's outputs, the offset of every
//    split of the job that has a broker offset here, idle ones too, with the checkpoint id as metadata, and
//    the decision record. Its commit is the decision. An offset that is no number is never sent: the client
//    would drop it silently.
// 2. A start fences before it reads (rule 5): `init_transactions` on both ids, then the stable end of the
//    decision partition, then decision and offsets, read committed. They agree, or the start is refused
//    (`RecoveryComparison`). Performed by `recover`, nobody else. A restart in the same process looks before it fences, too,
//    whether another owner has decided since its last attempt, and ends if so (`OwnDecisions`).
// 3. Two producers alternate (rule 6) under the rules of `EpochAlternation`.
// 4. No doubtful producer is used again (rule 7). A call that failed or never returned ends the attempt. A
//    commit that succeeded although some control request was never answered keeps its result, but its
//    producer is replaced, with a new producer epoch, before its next transaction.
// 5. Blocking client calls run on the session's worker under a deadline (rule 7); a call that never returns
//    costs its thread and client, not the caller.
// 6. An epoch is given up after half the transaction time-out, counted from its first send (rule 9). A fence is taken for
//    another owner's unless the broker has given the transaction up itself (`FenceMeaning`).
// 7. `close` takes bounded time, whatever the broker does.

/// A Kafka cluster as a job's decider: shared by all its exactly-once sinks on that cluster.
///
/// Transactional ids are those of `KafkaTransactionalID`, so that a new owner fences an older one.
/// Thread rule and call order: see `TransactionDomain`.
public final class KafkaTransactions: TransactionDomain {
    public let identity: String
    private let settings: TransactionSession.Settings
    private let replicationFactor: Int32?
    private let acceptsBareOffsets: Bool
    private let session = Mutex<TransactionSession?>(nil)
    private let own = Mutex(OwnDecisions())

    public static let epochBudgetMillisDefault = 30_000
    /// Of the transactions, unless another epoch budget is chosen.
    public static let timeoutMillisDefault = 2 * epochBudgetMillisDefault

    private static let initSliceMillis: Int32 = 1_000
    private static let closeLimitMillis = 6_000
    private static let metadataBytesMax = 4_096

    /// - Parameters:
    ///   - decisionTopic: compacted, made on demand; partition i belongs to island i.
    ///   - decisionReplicationFactor: of the topic when it is made; `nil`: the broker's default.
    ///   - epochBudgetMillis: how long an epoch may be open, from its first record to its commit; the
    ///     transaction time-out is twice as much and must not exceed the broker's `transaction.max.timeout.ms`.
    ///   - acceptBareOffsets: on a first start, ignore offsets that another program committed to the group.
    ///   - clock: goes on while the machine sleeps, as the broker's does.
    public init(
        _ configuration: KafkaConfiguration, decisionTopic: String = "weir-decisions",
        decisionReplicationFactor: Int32? = nil, epochBudgetMillis: Int = KafkaTransactions.epochBudgetMillisDefault,
        acceptBareOffsets: Bool = false, clock: any RuntimeClock = SinceBootClock()
    ) {
        identity = configuration.identity
        replicationFactor = decisionReplicationFactor
        acceptsBareOffsets = acceptBareOffsets
        settings = TransactionSession.Settings(
            configuration: configuration, decisionTopic: decisionTopic,
            epochBudgetMillis: max(1_000, min(epochBudgetMillis, Int(Int32.max) / 4)), clock: clock)
    }

    deinit { close() }

    /// Waits for the cluster while it is down, until `owner.isCancelled` (`KafkaCancelled`).
    /// Throws `RecoveryRefusal`, `KafkaConfigurationError`, `KafkaFenced` or `KafkaError`.
    public func recover(_ owner: IslandOwner) throws -> Decision? {
        close()
        try checkThatNobodyTookOver(owner)
        let fresh = TransactionSession(settings, owner: owner)
        do {
            try initProducers(fresh)
            try owner.faults?.reached(.fenced)
            let decision = try readDecision(owner)
            own.withLock { $0.recovered(decision?.checkpoint) }
            session.withLock { $0 = fresh }
            TransactionalGroups.add(brokerOffsets(owner))
            return decision
        } catch {
            fresh.close(limitMillis: Self.closeLimitMillis)
            throw error
        }
    }

    private func initProducers(_ fresh: TransactionSession) throws {
        let owner = fresh.owner
        // One after the other: what is installed is stopped by `close`, should the other one not start.
        let made = try (0...1).map { index in
            let producer = try fresh.makeProducer(index)
            fresh.install(producer)
            return producer
        }
        for producer in made {
            try waitForKafka(
                "the transaction coordinator of '\(producer.transactionalID)'", log: owner.log,
                isCancelled: owner.isCancelled
            ) {
                try fresh.worker.run("init_transactions", deadlineMillis: 60_000) {
                    try producer.initTransactions(sliceMillis: Self.initSliceMillis)
                }
            }
        }
    }

    private func topic(_ owner: IslandOwner) throws -> DecisionTopic {
        let topic = DecisionTopic(
            configuration: settings.configuration, topic: settings.decisionTopic, owner: owner,
            replicationFactor: replicationFactor, clock: settings.clock)
        try topic.ensure()
        return topic
    }

    private func checkThatNobodyTookOver(_ owner: IslandOwner) throws {
        let own = own.withLock { $0 }
        guard own.isAny, let last = try topic(owner).readLast(.asFarAsDecided), own.exclude(last.checkpoint) else { return }
        throw KafkaFenced(
            description:
                "another owner of the island has decided \(last.checkpoint) since this process' last attempt; it is left "
                + "alone. If no other run was started, look for a second process with the same job id")
    }

    private func readDecision(_ owner: IslandOwner) throws -> Decision? {
        let decision = try topic(owner).readLast()
        let comparison = RecoveryComparison(
            job: owner.job, island: owner.island, decisionTopic: settings.decisionTopic, decision: decision,
            splits: owner.splits,
            committed: try CommittedOffsets(configuration: settings.configuration, owner: owner)
                .read(brokerOffsets(owner)),
            acceptsBareOffsets: acceptsBareOffsets)
        switch try comparison.outcome() {
        case .firstStart:
            owner.log(.info, "no decision and no committed offsets: a first start", [:])
            return nil
        case .resume(let decision): return decision
        case .resumeFromDecisionAlone(let decision):
            if !comparison.committed.isEmpty {
                owner.log.with(epoch: decision.checkpoint.epoch)(
                    .warning, "the group's committed offsets are gone (expired?); going on from the decision alone",
                    ["checkpoint": decision.checkpoint.description])
            }
            return decision
        }
    }

    private func brokerOffsets(_ owner: IslandOwner) -> [BrokerOffset] {
        owner.splits.compactMap(\.split.brokerOffset).filter { $0.domain == identity }
    }

    public func begin(_ epoch: Epoch, writers: Int) throws {
        try current("begin").begin(epoch, writers: writers)
    }

    public func prepare(_ epoch: Epoch, timeoutMillis: Int) throws {
        try current("prepare").prepare(epoch, timeoutMillis: timeoutMillis)
    }

    /// Throws `KafkaFenced`, `KafkaCommitUncertain`, `KafkaEpochExpired`, `KafkaCallTimedOut` or `KafkaError`;
    /// after any of them the attempt is over.
    public func commit(_ decision: Decision) throws {
        let session = try current("commit")
        let epoch = decision.checkpoint.epoch
        do {
            let groups = try offsetsByGroup(decision)
            let producer = try session.producerToCommit(epoch)
            own.withLock { $0.committing(decision.checkpoint) }
            try session.worker.run(
                "commit of epoch \(epoch)", deadlineMillis: settings.timeoutMillis + 5_000
            ) { [self] in
                try commit(decision, groups, producer, session)
            }
            own.withLock { $0.committed(decision.checkpoint) }
        } catch {
            session.failed(error)
            throw session.reason(of: error)
        }
    }

    private func offsetsByGroup(_ decision: Decision) throws -> [String: [(TopicPartition, Int64)]] {
        let metadata = decision.checkpoint.description
        precondition(metadata.utf8.count <= Self.metadataBytesMax, "checkpoint id of \(metadata.utf8.count) bytes")
        var groups: [String: [(TopicPartition, Int64)]] = [:]
        for offset in decision.offsets {
            guard let place = offset.brokerOffset, place.domain == identity else { continue }
            guard offset.position.next >= 0 else {
                throw KafkaError(
                    code: RD_KAFKA_RESP_ERR__INVALID_ARG,
                    message: """
                        the position of split '\(offset.position.split)' is not known, so no decision can name it: \
                        group '\(place.group)' has no committed offset there. Start from .earliest, .latest, \
                        .committedOrEarliest or .committedOrLatest
                        """)
            }
            groups[place.group, default: []].append(
                (TopicPartition(topic: place.topic, partition: place.partition), offset.position.next))
        }
        return groups
    }

    /// On the worker.
    private func commit(
        _ decision: Decision, _ groups: [String: [(TopicPartition, Int64)]], _ producer: TransactionalProducer,
        _ session: TransactionSession
    ) throws {
        let owner = session.owner
        let epoch = decision.checkpoint.epoch
        if epoch == .genesis { try producer.begin() }
        for (group, offsets) in groups.sorted(by: { $0.key < $1.key }) {
            try producer.sendOffsets(offsets, group: group, metadata: decision.checkpoint.description)
        }
        try owner.faults?.reached(.offsetsSent)
        try producer.sendDecision(
            decision.encodedJSON(), key: DecisionTopic.key(job: owner.job, island: owner.island),
            to: TopicPartition(topic: settings.decisionTopic, partition: Int32(owner.island)))
        try owner.faults?.reached(.decisionSent)
        try producer.commit(epoch: epoch)
        try owner.faults?.reached(.committed)
        if producer.hasUnansweredRequests { replaceLater(epoch, session) }
        session.didCommit(epoch)
    }

    /// Queued before the action that opens the producer's next epoch.
    private func replaceLater(_ epoch: Epoch, _ session: TransactionSession) {
        let index = EpochAlternation.producerIndex(of: epoch)
        session.owner.log(
            .warning, "a transaction request was never answered; the producer is replaced",
            ["epoch": "\(epoch)", "producer": index == 0 ? "a" : "b"])
        session.worker.post {
            do {
                let fresh = try session.makeProducer(index)
                session.replace(index, by: fresh)
                try waitForKafka(
                    "the transaction coordinator", log: session.owner.log, isCancelled: session.owner.isCancelled,
                    limitMillis: session.settings.epochBudgetMillis
                ) {
                    try session.check()
                    try fresh.initTransactions(sliceMillis: Self.initSliceMillis)
                }
            } catch {
                session.failed(error)
            }
        }
    }

    /// Aborts open transactions so that readers need not wait for their time-out, and drops the clients.
    /// Takes at most a few seconds even without a broker.
    public func close() {
        let old = session.withLock { session in
            defer { session = nil }
            return session
        }
        guard let old else { return }
        TransactionalGroups.remove(brokerOffsets(old.owner))
        old.close(limitMillis: Self.closeLimitMillis)
    }

    /// The running attempt, for writers and for the calls above.
    func current(_ doing: String) throws -> TransactionSession {
        guard let session = session.withLock({ $0 }) else {
            throw KafkaError(
                code: RD_KAFKA_RESP_ERR__STATE,
                message: "\(doing) on \(identity) before recover, or after close: the attempt has not begun")
        }
        return session
    }
}
