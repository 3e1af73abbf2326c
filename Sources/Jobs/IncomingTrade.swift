import ConnectorKafka
import ConnectorLog
import StreamRuntime
import TraceContext
import Trading
import TradingStores

/// A trade and the record of `trade_executed` that carried it. Kept in checkpoints while it is on its way to a store.
struct IncomingTrade: Sendable, Equatable {
    let trade: Trade
    let position: SourcePosition
    /// The trace the order was placed in.
    let trace: TraceHeaders
    /// The bytes as read, where the job may have to put them aside.
    let original: OriginalBytes?
}

/// Key and value of a record as they were read.
struct OriginalBytes: Sendable, Equatable {
    let key: [UInt8]?
    let value: [UInt8]

    init(key: [UInt8]?, value: [UInt8]) {
        self.key = key
        self.value = value
    }

    init(_ record: IncomingRecord) {
        self.init(key: record.key.map { Array($0) }, value: Array(record.bytes))
    }
}

extension IncomingTrade: StateCodable {
    static var stateSchema: String { "incoming-trade-2" }

    func encode(into writer: inout ByteWriter) {
        writer.string(position.topic)
        writer.integer(position.partition)
        writer.integer(position.offset)
        writer.sized(Outcome.trade(trade).encodeBinary())
        trace.encode(into: &writer)
        writer.integer(original.map { $0.key == nil ? 1 : 2 } ?? UInt8(0))
        if let key = original?.key { writer.sized(key) }
        if let value = original?.value { writer.sized(value) }
    }

    init(from reader: inout ByteReader) throws {
        let topic = try reader.string()
        let partition = try reader.integer(Int32.self)
        let offset = try reader.integer(Int64.self)
        guard case .trade(let trade) = try Outcome.decodeBinary(try reader.sized()) else {
            throw StateDecodingError("what was kept as a trade is a rejection")
        }
        let trace = try TraceHeaders(from: &reader)
        let original: OriginalBytes?
        switch try reader.integer(UInt8.self) {
        case 0: original = nil
        case 1: original = OriginalBytes(key: nil, value: Array(try reader.sized()))
        case 2: original = OriginalBytes(key: Array(try reader.sized()), value: Array(try reader.sized()))
        case let other: throw StateDecodingError("\(other) says nothing about a trade's original bytes")
        }
        self.init(
            trade: trade, position: SourcePosition(topic: topic, partition: partition, offset: offset), trace: trace,
            original: original)
    }

    /// Bytes it takes on its way to a store, about.
    var weightBytes: Int { 400 + (original.map { ($0.key?.count ?? 0) + $0.value.count } ?? 0) }
}

/// What a record of `trade_executed` turned out to be.
enum TradeArrival: Sendable {
    case trade(IncomingTrade)
    case undecodable(DeadLetter)

    /// - Parameters:
    ///   - consumer: the job's consumer group.
    ///   - times: of execution, which the job can use.
    ///   - keepsOriginals: whether trades keep the bytes they were read from.
    init(_ record: IncomingRecord, _ consumer: String, _ times: ClosedRange<Int64>, keepsOriginals: Bool) {
        do {
            let trade = try Trade.decode(record.bytes)
            guard times.contains(trade.executedAtMillis) else {
                throw ImpossibleTime(millis: trade.executedAtMillis, possible: times)
            }
            self = .trade(
                IncomingTrade(
                    trade: trade,
                    position: SourcePosition(topic: record.topic, partition: record.partition, offset: record.offset),
                    trace: record.trace, original: keepsOriginals ? OriginalBytes(record) : nil))
        } catch {
            self = .undecodable(record.deadLetter(error is ImpossibleTime ? .senseless : .undecodable, error, consumer))
        }
    }

    /// The event time; the beginning of time for what is no trade, which moves no watermark.
    var executedAtMillis: Int64 {
        if case .trade(let incoming) = self { incoming.trade.executedAtMillis } else { .min }
    }
}

/// A trade says that it was executed at a time that the job cannot use.
struct ImpossibleTime: Error, CustomStringConvertible {
    let millis: Int64
    let possible: ClosedRange<Int64>

    var description: String {
        "executedAt \(millis) is not between \(possible.lowerBound) and \(possible.upperBound) (milliseconds since 1970)"
    }
}

/// What the jobs that read `trade_executed` share: the topic from its beginning as a source, its dead letters as a sink.
struct ExecutedTrades {
    let transport: TradingTransport
    let topics: TradingTopics
    let groupID: String
    /// Times of execution that the job can use, epoch milliseconds; a trade of another goes to the dead letters.
    var times = Int64.min...Int64.max
    /// Whether trades keep the bytes they were read from.
    var keepsOriginals = false

    /// Calls `body` with the source and the sink of the transport.
    func connect(_ body: any TradeConsumer, _ flow: Flow) {
        let letters = TradingTopics.deadLetters(of: topics.executed)
        let arrival: @Sendable (IncomingRecord) -> TradeArrival = { [groupID, times, keepsOriginals] in
            TradeArrival($0, groupID, times, keepsOriginals: keepsOriginals)
        }
        switch transport {
        case .log(let store):
            body.connect(
                flow,
                LogSource<TradeArrival>(store, topics: [topics.executed]) { arrival(IncomingRecord($0)) },
                OutgoingRecord.sink(store, letters))
        case .kafka(let configuration, let transactions):
            body.connect(
                flow,
                KafkaSource<TradeArrival>(configuration, topics: [topics.executed], groupID: groupID, start: .earliest) {
                    arrival(IncomingRecord($0))
                },
                OutgoingRecord.sink(configuration, transactions, letters))
        }
    }
}

/// A graph over executed trades, written once for every transport.
protocol TradeConsumer {
    func connect<Trades: Source<TradeArrival>, Letters: Sink<OutgoingRecord>>(
        _ flow: Flow, _ trades: Trades, _ deadLetters: Letters)
}
