import StreamRuntime

/// Writes to a simulated topic, as part of the epochs of the job's transactions.
public struct SimulatedSink<Element: StateCodable>: Sink {
    let topic: String
    let host: SimulatedHost
    let partition: @Sendable (Element) -> Int

    public var transactions: (any TransactionDomain)? { host.transactions }

    public func makeWriter(_ context: SinkWriterContext) throws -> SimulatedWriter<Element> {
        SimulatedWriter(
            topic: topic, host: host, partition: partition, outbox: try host.transactions.attach(wake: context.wake))
    }
}

public struct SimulatedWriter<Element: StateCodable>: SinkWriter {
    private let topic: String
    private let host: SimulatedHost
    private let partition: @Sendable (Element) -> Int
    private let outbox: SimulatedOutbox
    private let partitions: Int
    private var buffered: [Int: [[UInt8]]] = [:]
    private var count = 0

    private static var batchRecords: Int { 32 }

    init(
        topic: String, host: SimulatedHost, partition: @escaping @Sendable (Element) -> Int, outbox: SimulatedOutbox
    ) {
        self.topic = topic
        self.host = host
        self.partition = partition
        self.outbox = outbox
        partitions = host.broker.partitionCount(topic)
    }

    public var isReady: Bool { outbox.isReady }

    public mutating func write(_ element: Element) throws {
        try host.life.check()
        var writer = ByteWriter()
        element.encode(into: &writer)
        let index = abs(partition(element)) % partitions
        #if WEIR_PLANTED
            if PlantedMistake.recordsPastTheTopic.isOn, host.isRead(topic) {
                return host.broker.partition(topic, index).append(writer.bytes)
            }
        #endif
        buffered[index, default: []].append(writer.bytes)
        count += 1
        if count >= Self.batchRecords { try flush() }
    }

    public mutating func flush() throws {
        guard count > 0 else { return }
        count = 0
        let batches = buffered.sorted { $0.key < $1.key }
        buffered = [:]
        for (index, records) in batches {
            try outbox.push(records, to: SimulatedBroker.Place(topic: topic, partition: index))
        }
    }

    public mutating func endEpoch(_ epoch: Epoch) throws {
        try host.life.check()
        try flush()
        try outbox.end(epoch)
    }
}
