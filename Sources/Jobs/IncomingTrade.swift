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
}

extension IncomingTrade: StateCodable {
    static var stateSchema: String { "incoming-trade-1" }

    func encode(into writer: inout ByteWriter) {
        writer.string(position.topic)
        writer.integer(position.partition)
        writer.integer(position.offset)
        writer.sized(Outcome.trade(trade).encodeBinary())
        trace.encode(into: &writer)
    }

    init(from reader: inout ByteReader) throws {
        let topic = try reader.string()
        let partition = try reader.integer(Int32.self)
        let offset = try reader.integer(Int64.self)
        guard case .trade(let trade) = try Outcome.decodeBinary(try reader.sized()) else {
            throw StateDecodingError("what was kept as a trade is a rejection")
        }
        self.init(
            trade: trade, position: SourcePosition(topic: topic, partition: partition, offset: offset),
            trace: try TraceHeaders(from: &reader))
    }

    /// Bytes it takes on its way to a store, about.
    static let weightBytes = 400
}

/// What a record of `trade_executed` turned out to be.
enum TradeArrival: Sendable {
    case trade(IncomingTrade)
    case undecodable(OutgoingRecord)

    /// - Parameters:
    ///   - consumer: the job's consumer group.
    ///   - times: of execution, which the job can use.
    init(_ record: IncomingRecord, _ consumer: String, _ times: ClosedRange<Int64>) {
        do {
            let trade = try Trade.decode(record.bytes)
            guard times.contains(trade.executedAtMillis) else {
                throw ImpossibleTime(millis: trade.executedAtMillis, possible: times)
            }
            self = .trade(
                IncomingTrade(
                    trade: trade,
                    position: SourcePosition(topic: record.topic, partition: record.partition, offset: record.offset),
                    trace: record.trace))
        } catch {
            self = .undecodable(record.deadLetter(error, consumer))
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

    /// Calls `body` with the source and the sink of the transport.
    func connect(_ body: any TradeConsumer, _ flow: Flow) {
        let letters = TradingTopics.deadLetters(of: topics.executed)
        let (groupID, times) = (groupID, times)
        switch transport {
        case .log(let store):
            body.connect(
                flow,
                LogSource<TradeArrival>(store, topics: [topics.executed]) { TradeArrival(IncomingRecord($0), groupID, times) },
                OutgoingRecord.sink(store, letters))
        case .kafka(let configuration, let transactions):
            body.connect(
                flow,
                KafkaSource<TradeArrival>(configuration, topics: [topics.executed], groupID: groupID, start: .earliest) {
                    TradeArrival(IncomingRecord($0), groupID, times)
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
