import StreamRuntime
import TransactionRules

/// One of an island's two transactional producers: an idempotent client, so what is sent to a partition arrives once and
/// in order, whatever the way does, or the producer fails. The simulation's thread only.
final class SimulatedProducer {
    let id: String
    private let connection: BrokerConnection
    private(set) var epoch = 0
    private let timeoutNanos: Int64
    private var queues: [SimulatedBroker.Place: [[[UInt8]]]] = [:]
    private var inFlight: Set<SimulatedBroker.Place> = []
    private var unacknowledged = 0
    private let acknowledged: (SimulatedProducer) -> Void
    private let failed: (any Error) -> Void
    /// A request that ends or changes the transaction was sent and never answered: a copy may still reach the broker, and
    /// hit this producer's next transaction.
    private(set) var isDoubtful = false

    private static let callLimitNanos: Int64 = 5_000_000_000

    private var broker: SimulatedBroker { connection.broker }
    private var world: SimulatedWorld { connection.broker.world }

    init(
        _ id: String, _ connection: BrokerConnection, timeoutNanos: Int64,
        acknowledged: @escaping (SimulatedProducer) -> Void, failed: @escaping (any Error) -> Void
    ) {
        self.id = id
        self.connection = connection
        self.timeoutNanos = timeoutNanos
        self.acknowledged = acknowledged
        self.failed = failed
    }

    func initialize(limitNanos: Int64) throws {
        var ignored = false
        let (broker, id, timeout) = (broker, id, timeoutNanos)
        epoch = try connection.retrying("init", limitNanos: limitNanos, hasDoubt: &ignored) {
            try broker.initProducer(id, timeoutNanos: timeout)
        }.epoch
        world.trace.note("init", process: connection.life.number, Int64(epoch), detail: id)
    }

    // MARK: Records

    var hasUnacknowledged: Bool { unacknowledged > 0 }

    func send(_ records: [[UInt8]], to place: SimulatedBroker.Place) {
        unacknowledged += 1
        queues[place, default: []].append(records)
        if inFlight.insert(place).inserted { sendNext(place, after: connection.latency()) }
    }

    private func sendNext(_ place: SimulatedBroker.Place, after nanos: Int64) {
        var delay = nanos
        let weather = connection.weather()
        if world.chance(weather.lossProbability) { delay += BrokerConnection.timeoutNanos }
        let isLost = world.chance(weather.lossProbability * 0.1)
        world.after(delay) { [self] in
            guard let batch = queues[place]?.first else { return }
            if isLost { return fail(BrokerConnection.TimedOut(call: "produce")) }
            do {
                try broker.produce(batch, to: place, id: id, epoch: epoch)
            } catch BrokerError.retriable {
                if !connection.life.isDead {
                    sendNext(place, after: world.number(in: 1_000_000...10_000_000 as ClosedRange<Int64>))
                }
                return
            } catch { return fail(error) }
            queues[place]?.removeFirst()
            let hasMore = queues[place]?.isEmpty == false && !connection.life.isDead
            if hasMore { sendNext(place, after: connection.latency()) } else { inFlight.remove(place) }
            world.after(connection.latency()) { [self] in
                unacknowledged -= 1
                if !connection.life.isDead { acknowledged(self) }
            }
        }
    }

    private func fail(_ error: any Error) {
        guard !connection.life.isDead else { return }
        world.trace.note("produce failed", process: connection.life.number, detail: "\(error)")
        failed(error)
    }

    // MARK: Transactions

    func sendOffsets(_ offsets: [BrokerOffset: CommittedOffset]) throws {
        let (broker, id, epoch) = (broker, id, epoch)
        _ = try connection.retrying("send offsets", limitNanos: Self.callLimitNanos, hasDoubt: &isDoubtful) {
            try broker.sendOffsets(offsets, id: id, epoch: epoch)
        }
    }

    func commit() throws {
        let (broker, id, epoch) = (broker, id, epoch)
        _ = try connection.retrying("commit", limitNanos: Self.callLimitNanos, hasDoubt: &isDoubtful) {
            try broker.endTransaction(id, epoch: epoch, isCommit: true)
        }
    }

    /// On the way out, once: nobody waits for the answer.
    func abort() {
        guard !connection.life.isDead else { return }
        let (broker, id, epoch) = (broker, id, epoch)
        world.after(connection.latency()) { _ = try? broker.endTransaction(id, epoch: epoch, isCommit: false) }
    }
}
