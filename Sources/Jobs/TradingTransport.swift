import ConnectorKafka
import ConnectorLog
import StreamRuntime
import TraceContext

/// What carries the trading system's topics: an embedded log, or a Kafka cluster. Jobs are written
/// once; this is the only place that tells the two apart.
public enum TradingTransport: Sendable {
    case log(LogStore)
    case kafka(KafkaConfiguration, KafkaTransactions)
}

/// The topics of the trading system.
public struct TradingTopics: Sendable {
    public var marketData = "market_data"
    public var orders = "trade_orders"
    public var executed = "trade_executed"
    public var rejected = "trade_rejected"

    public init() {}

    /// Where what does not decode goes, as it was read.
    public static func deadLetters(of topic: String) -> String { topic + ".dlq" }
}

/// A record on its way to a topic, independent of the transport.
public struct OutgoingRecord: Sendable {
    public var topic: String
    public var key: [UInt8]?
    public var value: [UInt8]?
    public var headers: [(name: String, value: [UInt8])] = []

    public init(topic: String, key: [UInt8]?, value: [UInt8]?, headers: [(name: String, value: [UInt8])] = []) {
        self.topic = topic
        self.key = key
        self.value = value
        self.headers = headers
    }

    static let jsonHeader = (name: "content-type", value: Array("application/json".utf8))
}

/// A record as it was read, independent of the transport; valid only during the call it is given to.
struct IncomingRecord {
    let topic: String
    let partition: Int32
    let offset: Int64
    let key: UnsafeRawBufferPointer?
    let value: UnsafeRawBufferPointer?
    let trace: TraceHeaders

    /// The value, no bytes when there is none.
    var bytes: UnsafeRawBufferPointer { value ?? UnsafeRawBufferPointer(start: nil, count: 0) }
}

extension IncomingRecord {
    init(_ record: LogRecordView) {
        self.init(
            topic: record.topic, partition: record.partition, offset: record.offset, key: record.key, value: record.value,
            trace: TraceHeaders(
                traceparent: record.header(TraceHeaders.parentName), tracestate: record.header(TraceHeaders.stateName)))
    }

    init(_ record: borrowing KafkaRecordView) {
        self.init(
            topic: record.topic, partition: record.partition, offset: record.offset, key: record.key, value: record.value,
            trace: TraceHeaders(
                traceparent: record.header(TraceHeaders.parentName), tracestate: record.header(TraceHeaders.stateName)))
    }
}

extension OutgoingRecord {
    /// Exactly once into an embedded log; every record names its own topic.
    static func sink(_ store: LogStore, _ topic: String) -> LogSink<OutgoingRecord> {
        LogSink(store, topic: topic) { record, builder in
            builder.topic = record.topic
            if let key = record.key { builder.setKey(key) }
            if let value = record.value { builder.setValue(value) }
            for header in record.headers { builder.addHeader(header.name, header.value) }
        }
    }

    /// The same into Kafka.
    static func sink(
        _ configuration: KafkaConfiguration, _ transactions: KafkaTransactions, _ topic: String
    ) -> KafkaSink<OutgoingRecord> {
        KafkaSink(configuration, topic: topic, delivery: .exactlyOnce(transactions)) { record, builder in
            builder.topic = record.topic
            if let key = record.key { builder.setKey(key) }
            if let value = record.value { builder.setValue(value) }
            for header in record.headers { builder.addHeader(header.name, header.value) }
        }
    }
}
