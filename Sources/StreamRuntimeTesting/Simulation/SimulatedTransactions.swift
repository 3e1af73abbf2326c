import StreamRuntime
import TransactionRules

/// The decider of a simulated job: Kafka's protocol, step for step as `KafkaTransactions` performs it, on a simulated
/// broker. What may happen when is not written down a second time: both ask `EpochAlternation` and `RecoveryComparison`.
/// The simulation's thread only.
final class SimulatedTransactions: TransactionDomain, @unchecked Sendable {  // the simulation's thread only
    let identity = "simulated-broker"
    static let decisionTopic = "decisions"

    private let connection: BrokerConnection
    private let timeoutNanos: Int64
    private var session: Session?

    private var broker: SimulatedBroker { connection.broker }
    private var world: SimulatedWorld { connection.broker.world }

    init(_ connection: BrokerConnection, timeoutNanos: Int64) {
        self.connection = connection
        self.timeoutNanos = timeoutNanos
        broker.addTopic(Self.decisionTopic, partitions: 1)
    }

    /// One attempt: its producers and its writers.
    final class Session {
        let owner: IslandOwner
        var producers: [SimulatedProducer] = []
        var alternation = EpochAlternation()
        var outboxes: [SimulatedOutbox] = []
        var firstSendNanos: [Epoch: Int64] = [:]
        /// The epoch whose records are being acknowledged.
        var flushing: Epoch?
        var failure: (any Error)?
        var isClosed = false
        #if WEIR_PLANTED
            var lastOffsets: [BrokerOffset: Int64] = [:]
        #endif

        init(_ owner: IslandOwner) { self.owner = owner }

        func check() throws { if let failure { throw failure } }
        func fail(_ error: any Error) { if failure == nil, !isClosed { failure = error } }
        func producer(of epoch: Epoch) -> SimulatedProducer { producers[EpochAlternation.producerIndex(of: epoch)] }
    }

    // MARK: Start

    func recover(_ owner: IslandOwner) throws -> Decision? {
        close()
        let fresh = Session(owner)
        fresh.producers = [makeProducer(0, fresh), makeProducer(1, fresh)]
        for producer in fresh.producers { try producer.initialize(limitNanos: 30_000_000_000) }
        try owner.faults?.reached(.fenced)
        let decision = try readDecision(owner)
        session = fresh
        return decision
    }

    private func makeProducer(_ index: Int, _ session: Session) -> SimulatedProducer {
        let owner = session.owner
        return SimulatedProducer(
            "\(owner.job)-\(owner.island)-\(index == 0 ? "a" : "b")" + idSuffix(owner), connection, timeoutNanos: timeoutNanos,
            acknowledged: { [weak self, weak session] producer in
                if let self, let session { acknowledged(producer, session) }
            },
            failed: { [weak session] in session?.fail($0) })
    }

    /// Nothing: an id is the island's, so that a new owner fences the one before.
    private func idSuffix(_ owner: IslandOwner) -> String {
        #if WEIR_PLANTED
            if PlantedMistake.idOfEachAttempt.isOn { return "-\(owner.attempt)" }
        #endif
        return ""
    }

    /// Reads see only what is decided and complete.
    private var readsStable: Bool {
        #if WEIR_PLANTED
            if PlantedMistake.unstableOffsets.isOn { return false }
        #endif
        return true
    }

    private func readDecision(_ owner: IslandOwner) throws -> Decision? {
        let places = owner.splits.compactMap(\.split.brokerOffset).filter { $0.domain == identity }
        var ignored = false
        let decision = try lastDecision(owner)
        let requiresStable = readsStable
        let committed = try connection.retrying("read offsets", limitNanos: 30_000_000_000, hasDoubt: &ignored) {
            [broker, requiresStable] in
            try broker.committedOffsets(places, requiresStable: requiresStable)
        }
        let outcome = try RecoveryComparison(
            job: owner.job, island: owner.island, decisionTopic: Self.decisionTopic, decision: decision,
            splits: owner.splits, committed: committed, acceptsBareOffsets: false
        ).outcome()
        switch outcome {
        case .firstStart: return nil
        case .resume(let decision), .resumeFromDecisionAlone(let decision):
            world.trace.note(
                "resumes", process: connection.life.number, Int64(decision.checkpoint.epoch.rawValue),
                detail: decision.checkpoint.description)
            return decision
        }
    }

    /// Waits until everything that was written before is decided, then reads.
    private func lastDecision(_ owner: IslandOwner) throws -> Decision? {
        let partition = broker.partition(Self.decisionTopic, owner.island)
        let end = partition.end
        if readsStable {
            let limit = world.now + timeoutNanos + 30_000_000_000
            guard
                try world.wait(
                    untilNanos: limit,
                    for: {
                        try connection.life.check(); return partition.stableEnd >= end
                    })
            else { throw BrokerError.retriable("the decision partition does not become stable") }
        }
        // One simulation may run several jobs: the last one of this job counts.
        let records = partition.read(from: 0, limit: .max).records
        for (bytes, _) in records.reversed() {
            let decision = try Decision(json: bytes)
            if decision.checkpoint.job == owner.job { return decision }
        }
        return nil
    }

    // MARK: Epochs

    func begin(_ epoch: Epoch, writers: Int) throws {
        let session = try current()
        advance(session) { alternation throws(EpochAlternation.Violation) in
            try alternation.begin(epoch, writers: writers)
        }
        try session.check()
    }

    func prepare(_ epoch: Epoch, timeoutMillis: Int) throws {
        let session = try current()
        advance(session) { alternation in alternation.prepareWithoutWriters(epoch) }
        let isAcknowledged = try world.wait(untilNanos: world.now + Int64(timeoutMillis) * 1_000_000) {
            try connection.life.check()
            try session.check()
            try checkBudget(epoch, session)
            return session.alternation.acknowledged.map { $0 >= epoch } ?? false
        }
        guard isAcknowledged else { throw SimulatedEpochExpiry(epoch: epoch) }
    }

    func commit(_ decision: Decision) throws {
        let session = try current()
        do { try commit(decision, session) } catch {
            session.fail(error)
            world.trace.note(
                "commit failed", process: connection.life.number, Int64(decision.checkpoint.epoch.rawValue), detail: "\(error)")
            #if WEIR_PLANTED
                if PlantedMistake.commitAfterFailure.isOn, !(error is SimulatedCrash) {
                    session.failure = nil
                    session.flushing = nil
                    advance(session) { alternation throws(EpochAlternation.Violation) in
                        try alternation.committed(decision.checkpoint.epoch)
                    }
                    return
                }
            #endif
            throw error
        }
    }

    private func commit(_ decision: Decision, _ session: Session) throws {
        let epoch = decision.checkpoint.epoch
        try session.check()
        if epoch > .genesis {
            try session.alternation.checkCommit(epoch)
            try checkBudget(epoch, session)
        }
        let producer = session.producer(of: epoch)
        try producer.sendOffsets(offsets(decision, session))
        try session.owner.faults?.reached(.offsetsSent)
        producer.send(
            [decision.encodedJSON()],
            to: SimulatedBroker.Place(topic: Self.decisionTopic, partition: session.owner.island))
        let isFlushed = try world.wait(untilNanos: world.now + timeoutNanos) {
            try connection.life.check()
            try session.check()
            return !producer.hasUnacknowledged
        }
        guard isFlushed else { throw SimulatedEpochExpiry(epoch: epoch) }
        try session.owner.faults?.reached(.decisionSent)
        try producer.commit()
        try session.owner.faults?.reached(.committed)
        world.trace.note("decided", process: connection.life.number, Int64(epoch.rawValue))
        if producer.isDoubtful { try replace(epoch, session) }
        session.firstSendNanos[epoch] = nil
        guard epoch > .genesis else { return }
        advance(session) { alternation throws(EpochAlternation.Violation) in try alternation.committed(epoch) }
    }

    private func offsets(_ decision: Decision, _ session: Session) -> [BrokerOffset: CommittedOffset] {
        var sent: [BrokerOffset: CommittedOffset] = [:]
        for offset in decision.offsets {
            guard let place = offset.brokerOffset, place.domain == identity else { continue }
            #if WEIR_PLANTED
                if PlantedMistake.idlePartitionsOmitted.isOn, session.lastOffsets[place] == offset.position.next { continue }
                session.lastOffsets[place] = offset.position.next
            #endif
            sent[place] = CommittedOffset(offset: offset.position.next, metadata: decision.checkpoint.description)
        }
        return sent
    }

    /// A producer with unanswered requests gets a new epoch before its next transaction.
    private func replace(_ epoch: Epoch, _ session: Session) throws {
        #if WEIR_PLANTED
            if PlantedMistake.doubtfulProducer.isOn { return }
        #endif
        let fresh = makeProducer(EpochAlternation.producerIndex(of: epoch), session)
        try fresh.initialize(limitNanos: timeoutNanos / 2)
        session.producers[EpochAlternation.producerIndex(of: epoch)] = fresh
    }

    private func checkBudget(_ epoch: Epoch, _ session: Session) throws {
        guard let first = session.firstSendNanos[epoch], world.now - first > timeoutNanos / 2 else { return }
        throw SimulatedEpochExpiry(epoch: epoch)
    }

    func close() {
        guard let session else { return }
        self.session = nil
        session.isClosed = true
        for producer in session.producers { producer.abort() }
        session.outboxes = []
    }

    private func current() throws -> Session {
        try connection.life.check()
        guard let session else { throw BrokerError.invalidState("the transactions are used before recover or after close") }
        return session
    }

    // MARK: Events → actions

    private func advance(
        _ session: Session,
        _ event: (inout EpochAlternation) throws(EpochAlternation.Violation) -> EpochAlternation.Action?
    ) {
        do {
            switch try event(&session.alternation) {
            case nil: return
            case .open(let epoch):
                advance(session) { alternation throws(EpochAlternation.Violation) in try alternation.opened(epoch) }
                for outbox in session.outboxes { outbox.drain() }
            case .flush(let epoch):
                session.flushing = epoch
                acknowledged(session.producer(of: epoch), session)
            }
        } catch { session.fail(error) }
    }

    private func acknowledged(_ producer: SimulatedProducer, _ session: Session) {
        guard let epoch = session.flushing, session.producer(of: epoch) === producer, !session.isClosed else { return }
        guard !producer.hasUnacknowledged || mayOverlap else { return }
        session.flushing = nil
        advance(session) { alternation throws(EpochAlternation.Violation) in try alternation.flushed(epoch) }
    }

    /// Never: an epoch's first record follows the last acknowledgement of the one before.
    private var mayOverlap: Bool {
        #if WEIR_PLANTED
            if PlantedMistake.overlappingEpochs.isOn { return true }
        #endif
        return false
    }

    // MARK: Writers

    func attach(wake: @escaping @Sendable () -> Void) throws -> SimulatedOutbox {
        let session = try current()
        let outbox = SimulatedOutbox(
            session: session, wake: wake,
            open: { [weak self] ordinal in try self?.producer(ordinal: ordinal, session) },
            ended: { [weak self] epoch in
                self?.advance(session) { alternation throws(EpochAlternation.Violation) in
                    try alternation.writerEnded(epoch)
                }
            })
        session.outboxes.append(outbox)
        return outbox
    }

    /// The producer of a writer's `ordinal`-th epoch, once that may send.
    private func producer(ordinal: Int, _ session: Session) throws -> SimulatedProducer? {
        try session.check()
        guard let epoch = session.alternation.sending,
            epoch.rawValue == session.alternation.first.rawValue + UInt64(ordinal)
        else { return nil }
        if session.firstSendNanos[epoch] == nil { session.firstSendNanos[epoch] = world.now }
        try checkBudget(epoch, session)
        return session.producer(of: epoch)
    }
}

/// An epoch took more than half of the transaction time-out (rule 9).
struct SimulatedEpochExpiry: EpochExpiry, CustomStringConvertible {
    let epoch: Epoch
    var description: String { "epoch \(epoch) took too long and is given up" }
}

/// What one writer has written and no producer has taken yet, with the ends of epochs in between.
final class SimulatedOutbox {
    private enum Item {
        case records([[UInt8]], SimulatedBroker.Place)
        case end(Epoch)
    }
    private let session: SimulatedTransactions.Session
    private let wake: @Sendable () -> Void
    private let open: (Int) throws -> SimulatedProducer?
    private let ended: (Epoch) -> Void
    private var items: [Item] = []
    private var ordinal = 0
    private var isDraining = false

    static let itemsMax = 64

    init(
        session: SimulatedTransactions.Session, wake: @escaping @Sendable () -> Void,
        open: @escaping (Int) throws -> SimulatedProducer?, ended: @escaping (Epoch) -> Void
    ) {
        self.session = session
        self.wake = wake
        self.open = open
        self.ended = ended
    }

    /// True after a failure, so that the next write meets it.
    var isReady: Bool { items.count < Self.itemsMax || session.failure != nil || session.isClosed }

    func push(_ records: [[UInt8]], to place: SimulatedBroker.Place) throws {
        try session.check()
        items.append(.records(records, place))
        drain()
        try session.check()
    }

    func end(_ epoch: Epoch) throws {
        try session.check()
        items.append(.end(epoch))
        drain()
        try session.check()
    }

    func drain() {
        guard !isDraining, !session.isClosed else { return }
        isDraining = true
        defer { isDraining = false }
        do {
            while let item = items.first {
                switch item {
                case .end(let epoch):
                    items.removeFirst()
                    ordinal += 1
                    ended(epoch)
                case .records(let records, let place):
                    guard let producer = try open(ordinal) else { return }
                    items.removeFirst()
                    producer.send(records, to: place)
                }
            }
        } catch { session.fail(error) }
        wake()
    }
}
