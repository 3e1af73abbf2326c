import StreamRuntime

/// Writes records to Kafka.
///
/// `encode` turns an element into one message and runs on task threads; it must be quick and pure. The
/// default partitioner is Java's (murmur2 of the key). Records of one writer to one partition keep their
/// order. What cannot be delivered fails the attempt.
public struct KafkaSink<Element>: Sink {
    public enum Delivery: Sendable {
        /// The records become visible with the epoch's decision, and only then.
        case exactlyOnce(KafkaTransactions)
        /// Idempotent producer; an epoch is decided after all its records are acknowledged by all in-sync
        /// replicas. A restart repeats the records since the last decision.
        case atLeastOnce
        /// Acknowledged by the leader only, and nobody waits for it.
        case none
    }

    public let configuration: KafkaConfiguration
    public let delivery: Delivery
    public let defaultTopic: String
    public let encode: @Sendable (Element, inout KafkaMessageBuilder) throws -> Void

    /// - Parameter topic: where messages go whose `encode` names no topic.
    public init(
        _ configuration: KafkaConfiguration, topic: String, delivery: Delivery,
        encode: @escaping @Sendable (Element, inout KafkaMessageBuilder) throws -> Void
    ) {
        self.configuration = configuration
        self.delivery = delivery
        defaultTopic = topic
        self.encode = encode
    }

    public var transactions: (any TransactionDomain)? {
        if case .exactlyOnce(let transactions) = delivery { return transactions }
        return nil
    }

    public func makeWriter(_ context: SinkWriterContext) throws -> KafkaSinkWriter<Element> {
        KafkaSinkWriter(
            core: try KafkaWriterCore(configuration, topic: defaultTopic, delivery: writerDelivery, context),
            encode: encode)
    }

    private var writerDelivery: KafkaWriterCore.Delivery {
        switch delivery {
        case .exactlyOnce(let transactions): .exactlyOnce(transactions)
        case .atLeastOnce: .atLeastOnce
        case .none: .none
        }
    }
}

/// One subtask's writer. Owned by its task thread; nothing here waits for the network.
public struct KafkaSinkWriter<Element>: SinkWriter {
    @usableFromInline let core: KafkaWriterCore
    @usableFromInline let encode: @Sendable (Element, inout KafkaMessageBuilder) throws -> Void

    public var isReady: Bool { core.isReady }

    @inlinable public mutating func write(_ element: Element) throws {
        var message = core.makeMessage()
        try encode(element, &message)
        try core.append(message)
    }

    public mutating func flush() throws { try core.flush() }
    public mutating func endEpoch(_ epoch: Epoch) throws { try core.endEpoch(epoch) }
    public func isAcknowledged(through epoch: Epoch) throws -> Bool { try core.isAcknowledged(through: epoch) }
    public mutating func close() { core.close() }
}

/// The part of a writer that does not depend on the element.
///
/// `@unchecked Sendable` is not claimed: owned by one task thread.
@usableFromInline
final class KafkaWriterCore {
    enum Delivery {
        case exactlyOnce(KafkaTransactions)
        case atLeastOnce
        case none
    }

    /// A batch is handed over at so many messages or bytes, or when the input is idle.
    private static let batchMessages = 512
    private static let batchBytes = 256 << 10

    private let defaultTopic: String
    private let outbox: Outbox
    private let direct: DirectDelivery?
    private let session: TransactionSession?
    private var batch = MessageBatch()
    /// The outbox had room when asked last, and nothing was pushed since.
    private var isKnownReady = false
    private let sent: MetricRegistry.Cell
    private let sentBytes: MetricRegistry.Cell

    init(
        _ configuration: KafkaConfiguration, topic: String, delivery: Delivery, _ context: SinkWriterContext
    ) throws {
        defaultTopic = topic
        let labels: MetricRegistry.Labels = ["operator": context.operatorID.rawValue, "topic": topic]
        sent = context.metrics.counter(.kafkaRecordsSent, labels: labels)
        sentBytes = context.metrics.counter(.kafkaBytesSent, labels: labels)
        switch delivery {
        case .exactlyOnce(let transactions):
            guard transactions.identity == configuration.identity else {
                throw KafkaConfigurationError(
                    property: "bootstrap.servers",
                    problem: "the sink writes to \(configuration.identity), but its transactions are on "
                        + "\(transactions.identity): a transaction cannot span clusters")
            }
            let session = try transactions.current("a writer of '\(context.operatorID)' is made")
            self.session = session
            direct = nil
            outbox = Outbox(gate: session, wake: context.wake)
            try session.attach(outbox)
        case .atLeastOnce, .none:
            var isAcknowledged = false
            if case .atLeastOnce = delivery { isAcknowledged = true }
            let gate = try DirectDelivery(configuration, isAcknowledged: isAcknowledged, log: context.log)
            session = nil
            direct = gate
            outbox = Outbox(gate: gate, wake: context.wake)
            gate.serve(outbox)
        }
    }

    /// Asked after every record, and the outbox has a lock: asked again only when a push may have filled it.
    var isReady: Bool {
        if !isKnownReady { isKnownReady = outbox.isReady }
        return isKnownReady
    }

    @usableFromInline
    func makeMessage() -> KafkaMessageBuilder { KafkaMessageBuilder(batch: batch, defaultTopic: defaultTopic) }

    @usableFromInline
    func append(_ message: KafkaMessageBuilder) throws {
        if message.isSkipped { return }
        batch.entries.append(message.entry)
        if batch.entries.count >= Self.batchMessages || batch.byteCount >= Self.batchBytes { try flush() }
    }

    func flush() throws {
        if batch.entries.isEmpty { return }
        sent.add(batch.entries.count)
        sentBytes.add(batch.byteCount)
        isKnownReady = false
        batch = try outbox.push(batch)
    }

    func endEpoch(_ epoch: Epoch) throws {
        try flush()
        try outbox.endEpoch(epoch)
    }

    func isAcknowledged(through epoch: Epoch) throws -> Bool {
        try direct?.isAcknowledged(through: epoch) ?? true
    }

    func close() {
        outbox.close()
        session?.detach(outbox)
        direct?.close()
    }
}
