import StreamRuntime
import TransactionRules

/// A Kafka cluster, in what matters for transactions: ids whose epochs fence, a coordinator whose commit is decided before
/// its markers are in the partitions, offsets that can be read later still (`init` may have returned by then: the group's
/// coordinator takes them over in its own time), time-outs, fail-over, offsets that expire. Broker calls here take no time and
/// lose nothing: the way to the broker does (`BrokerConnection`). The simulation's thread only.
final class SimulatedBroker: @unchecked Sendable {  // the simulation's thread only
    struct Place: Hashable, Comparable {
        let topic: String
        let partition: Int
        static func < (a: Self, b: Self) -> Bool { (a.topic, a.partition) < (b.topic, b.partition) }
    }
    private enum Phase: Equatable {
        case empty
        case ongoing
        case completing(isCommit: Bool)
    }
    /// Of two commits of an offset the one that was written later wins, whichever transaction is completed first.
    private struct StoredOffset {
        let committed: CommittedOffset
        let position: Int
    }
    private struct Transaction {
        let producer: Int
        var epoch = 0
        var phase = Phase.empty
        var places: Set<Place> = []
        var offsets: [BrokerOffset: StoredOffset] = [:]
        var beganNanos: Int64 = 0
        var timeoutNanos: Int64 = 0
        /// Parts of the completion that are still to come.
        var unfinished = 0
        var lastWasCommit: Bool?
    }

    let world: SimulatedWorld
    private var partitions: [Place: SimulatedPartition] = [:]
    private var counts: [String: Int] = [:]
    private var transactions: [String: Transaction] = [:]
    private var offsets: [BrokerOffset: StoredOffset] = [:]
    private var offsetsWritten = 0
    /// By transaction: committed, with all markers written, and not yet where offsets are read from.
    private var arriving: [Int: [BrokerOffset: StoredOffset]] = [:]
    private var arrivals = 0
    private var producers = 0
    private var coordinatorIsDownUntil: Int64 = 0

    private static let sweepNanos: Int64 = 2_000_000_000

    init(_ world: SimulatedWorld) {
        self.world = world
        sweep()
    }

    // MARK: Topics

    func addTopic(_ name: String, partitions count: Int) {
        guard counts[name] == nil else { return }
        counts[name] = count
        for index in 0..<count { partitions[Place(topic: name, partition: index)] = SimulatedPartition() }
    }

    func partitionCount(_ topic: String) -> Int { counts[topic] ?? 0 }

    func partition(_ topic: String, _ index: Int) -> SimulatedPartition {
        guard let partition = partitions[Place(topic: topic, partition: index)] else {
            preconditionFailure("a workload uses '\(topic)/\(index)', which it has not declared")
        }
        return partition
    }

    func partitions(of topic: String) -> [SimulatedPartition] {
        (0..<partitionCount(topic)).map { partition(topic, $0) }
    }

    // MARK: Faults

    func failOver(forNanos nanos: Int64) { coordinatorIsDownUntil = max(coordinatorIsDownUntil, world.now + nanos) }

    /// Nobody has committed for longer than the broker keeps offsets: all of a job's, or one of them alone.
    func expireOffsets(_ isExpired: (BrokerOffset) -> Bool) {
        offsets = offsets.filter { !isExpired($0.key) }
        arriving = arriving.mapValues { $0.filter { !isExpired($0.key) } }
    }
    var committedPlaces: [BrokerOffset] {
        offsets.keys.sorted { ($0.group, $0.topic, $0.partition) < ($1.group, $1.topic, $1.partition) }
    }

    private func coordinator() throws(BrokerError) {
        if world.now < coordinatorIsDownUntil { throw .retriable("the coordinator moves") }
    }

    // MARK: Transactions

    /// Fences older producers of the id and ends what they left open; succeeds once that is done.
    func initProducer(_ id: String, timeoutNanos: Int64) throws(BrokerError) -> (producer: Int, epoch: Int) {
        try coordinator()
        if transactions[id] == nil {
            producers += 1
            transactions[id] = Transaction(producer: producers)
        }
        guard var transaction = transactions[id] else { throw .invalidState("unreachable") }
        switch transaction.phase {
        case .completing: throw .retriable("transaction of '\(id)' is being completed")
        case .ongoing:
            transaction.epoch += 1
            transactions[id] = transaction
            complete(id, isCommit: false)
            throw .retriable("transaction of '\(id)' is being aborted")
        case .empty:
            transaction.epoch += 1
            transaction.timeoutNanos = timeoutNanos
            transaction.lastWasCommit = nil
            transactions[id] = transaction
            return (transaction.producer, transaction.epoch)
        }
    }

    /// Begins the transaction, if it is not, and changes it.
    private func join(
        _ id: String, _ epoch: Int, _ change: (inout Transaction) -> Void
    ) throws(BrokerError) {
        guard var transaction = transactions[id] else { throw .invalidState("unknown id '\(id)'") }
        guard transaction.epoch == epoch else { throw .fenced }
        switch transaction.phase {
        case .completing: throw .retriable("transaction of '\(id)' is being completed")
        case .empty:
            transaction.phase = .ongoing
            transaction.beganNanos = world.now
        case .ongoing: break
        }
        change(&transaction)
        transactions[id] = transaction
    }

    func produce(_ records: [[UInt8]], to place: Place, id: String, epoch: Int) throws(BrokerError) {
        guard let transaction = transactions[id], let partition = partitions[place] else {
            throw .invalidState("unknown id '\(id)'")
        }
        // The coordinator is asked once for each partition of a transaction.
        if transaction.phase != .ongoing || !transaction.places.contains(place) {
            try coordinator()
            try join(id, epoch) { $0.places.insert(place) }
        }
        try partition.append(records, producer: transaction.producer, epoch: epoch)
    }

    func sendOffsets(
        _ sent: [BrokerOffset: CommittedOffset], id: String, epoch: Int
    ) throws(BrokerError) {
        try coordinator()
        offsetsWritten += 1
        let stored = sent.mapValues { StoredOffset(committed: $0, position: offsetsWritten) }
        try join(id, epoch) { $0.offsets.merge(stored) { $1 } }
    }

    /// The decision. What readers see of it follows. There is no number of the transaction in the request: one that
    /// comes late ends whatever transaction the producer has then.
    func endTransaction(_ id: String, epoch: Int, isCommit: Bool) throws(BrokerError) {
        try coordinator()
        guard let transaction = transactions[id] else { throw .invalidState("unknown id '\(id)'") }
        guard transaction.epoch == epoch else { throw .fenced }
        switch transaction.phase {
        case .ongoing: complete(id, isCommit: isCommit)
        case .completing(isCommit): return
        case .empty where transaction.lastWasCommit == isCommit: return
        default: throw .invalidState("there is no such transaction of '\(id)' to end")
        }
    }

    private func complete(_ id: String, isCommit: Bool) {
        guard var transaction = transactions[id] else { return }
        let (producer, epoch, offsets) = (transaction.producer, transaction.epoch, transaction.offsets)
        let places = transaction.places.sorted()
        world.trace.note(
            isCommit ? "broker decides a commit" : "broker decides an abort", Int64(producer), Int64(epoch), detail: id)
        transaction.phase = .completing(isCommit: isCommit)
        transaction.unfinished = places.count + 1
        transactions[id] = transaction
        for place in places {
            finishLater(id) { [self] in
                partitions[place]?.mark(producer: producer, epoch: epoch, isCommit: isCommit)
            }
        }
        finishLater(id) { [self] in
            if isCommit, !offsets.isEmpty { arrive(offsets) }
        }
    }

    /// Their marker is written; until they are taken over, a read is answered with those before, or not at all.
    private func arrive(_ committed: [BrokerOffset: StoredOffset]) {
        arrivals += 1
        let number = arrivals
        arriving[number] = committed
        takeOverLater(number)
    }

    private func takeOverLater(_ number: Int) {
        let isSlow = world.chance(0.2)
        world.after(world.number(in: 100_000...(isSlow ? 2_000_000_000 : 4_000_000) as ClosedRange<Int64>)) { [self] in
            guard world.now >= coordinatorIsDownUntil else { return takeOverLater(number) }
            offsets.merge(arriving.removeValue(forKey: number) ?? [:]) { $0.position > $1.position ? $0 : $1 }
        }
    }

    /// A part of a completion; the coordinator goes on with those where it comes up again.
    private func finishLater(_ id: String, _ part: @escaping () -> Void) {
        let isSlow = world.chance(0.1)
        world.after(world.number(in: 100_000...(isSlow ? 400_000_000 : 4_000_000) as ClosedRange<Int64>)) { [self] in
            guard world.now >= coordinatorIsDownUntil else { return finishLater(id, part) }
            part()
            finish(id)
        }
    }

    private func finish(_ id: String) {
        guard var transaction = transactions[id], case .completing(let isCommit) = transaction.phase else { return }
        transaction.unfinished -= 1
        if transaction.unfinished == 0 {
            transaction.phase = .empty
            transaction.places = []
            transaction.offsets = [:]
            transaction.lastWasCommit = isCommit
        }
        transactions[id] = transaction
    }

    /// Transactions that are open for too long are aborted, and their producers fenced.
    private func sweep() {
        for id in transactions.keys.sorted() {
            guard var transaction = transactions[id], transaction.phase == .ongoing,
                world.now - transaction.beganNanos > transaction.timeoutNanos
            else { continue }
            world.trace.note("broker times a transaction out", Int64(transaction.producer), detail: id)
            transaction.epoch += 1
            transactions[id] = transaction
            complete(id, isCommit: false)
        }
        world.after(Self.sweepNanos) { [self] in sweep() }
    }

    // MARK: Offsets

    /// With `requiresStable`, as a read-committed client asks, offsets that a decided transaction is about to change are
    /// not answered; without, they are answered as they were.
    func committedOffsets(
        _ places: [BrokerOffset], requiresStable: Bool
    ) throws(BrokerError) -> [BrokerOffset: CommittedOffset] {
        try coordinator()
        if requiresStable {
            for place in places
            where transactions.values.contains(where: { $0.offsets[place] != nil })
                || arriving.values.contains(where: { $0[place] != nil })
            {
                throw .retriable("the offset of \(place.topic)/\(place.partition) is being committed")
            }
        }
        return Dictionary(
            uniqueKeysWithValues: places.map { ($0, offsets[$0]?.committed ?? CommittedOffset(offset: nil, metadata: "")) })
    }
}
