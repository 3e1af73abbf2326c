import StreamRuntime

/// What a simulated process offers to the job that runs in it: the world outside. The simulation's thread only.
public final class SimulatedHost: @unchecked Sendable {  // the simulation's thread only
    let world: SimulatedWorld
    let broker: SimulatedBroker
    let life: ProcessLife
    let transactions: SimulatedTransactions
    let hasTransactions: Bool
    let storage: SimulatedStore
    /// For asynchronous functions.
    public let store: SimulatedStoreClient
    /// Topics that some job reads.
    private let topicsRead: Set<String>
    private var readers = 0
    /// By split: the position of the next record to read.
    var consumed: [String: Int] = [:]
    /// By split: where a first start was to begin, when splits were looked for last.
    var discovered: [String: Int] = [:]

    init(
        world: SimulatedWorld, broker: SimulatedBroker, storage: SimulatedStore, life: ProcessLife,
        weather: @escaping () -> NetworkWeather, workload: SimulatedWorkload, job: SimulatedWorkload.Job,
        transactionTimeoutNanos: Int64
    ) {
        self.world = world
        self.broker = broker
        self.storage = storage
        self.life = life
        hasTransactions = job.decidesOnBroker
        topicsRead = Set(workload.jobs.flatMap(\.reads))
        transactions = SimulatedTransactions(
            BrokerConnection(broker, life, weather: weather), timeoutNanos: transactionTimeoutNanos)
        store = SimulatedStoreClient(processNumber: life.number)
    }

    /// Committed records of a topic, by the encoding of their type.
    public func source<Element: StateCodable>(
        _ topic: String, of _: Element.Type, start: SimulatedStart = .earliest
    ) -> SimulatedSource<Element> {
        SimulatedSource(topic: topic, start: start, host: self)
    }

    /// Into a topic, exactly once; `partition` modulo the number of partitions says where.
    public func sink<Element: StateCodable>(
        _ topic: String, of _: Element.Type, partition: @escaping @Sendable (Element) -> Int
    ) -> SimulatedSink<Element> {
        SimulatedSink(topic: topic, host: self, partition: partition)
    }

    /// Into the store, acknowledged before the epoch is decided.
    public func storeSink<Element>(
        _ write: @escaping @Sendable (Element) -> SimulatedStore.Write
    ) -> SimulatedStoreSink<Element> {
        SimulatedStoreSink(host: self, write: write)
    }

    /// Different for each process of a run: for what differs from process to process, as prices do.
    public var processNumber: Int { life.number }

    func nextReader() -> Int {
        readers += 1
        return life.number * 1000 + readers
    }

    func isRead(_ topic: String) -> Bool { topicsRead.contains(topic) }
}
