import ConnectorKafka
import ConnectorLog
import StreamRuntime
import TraceContext
import Tracing
import Trading

/// The simulated market: a tick per number, exactly once into `market_data`.
public struct MarketFeedJob: StreamJob {
    public static let name = "market-feed"
    public static let summary = "Simulates prices: seeded random walks, written to market_data."

    private let feed: Feed

    /// - Parameters:
    ///   - firstNumber: where a first start begins; later ones go on behind the last checkpoint.
    ///   - numbersPerSecond: the rate `tick` is called with, over all symbols.
    ///   - tick: the tick of a number, nil when the market is silent there; called on task threads, again with the same
    ///     number after a restart.
    public init(
        transport: TradingTransport, topics: TradingTopics = TradingTopics(), firstNumber: Int64 = 0,
        numbersPerSecond: Double, tick: @escaping @Sendable (Int64) -> PriceTick?
    ) {
        let topic = topics.marketData
        feed = Feed(transport: transport, topic: topic, first: firstNumber, perSecond: numbersPerSecond, limit: nil) { number in
            guard let tick = tick(number) else { return nil }
            let trace = TraceHeaders.begun("write price") { $0["symbol"] = tick.symbol.text }
            return OutgoingRecord(
                topic: topic, key: Array(tick.symbol.text.utf8), value: tick.encoded(),
                headers: [OutgoingRecord.jsonHeader] + trace.fields.map { ($0.name, Array($0.value.utf8)) })
        }
    }

    public func build(_ flow: Flow) { feed.build(flow) }
}

/// Simulated users: an order per number, exactly once into `trade_orders`.
public struct OrderFeedJob: StreamJob {
    public static let name = "order-feed"
    public static let summary = "Simulates users placing orders, duplicates and nonsense among them, written to trade_orders."

    private let feed: Feed

    /// - Parameters:
    ///   - limit: orders in all; `nil`: without end.
    ///   - order: the order of a number; called on task threads, again with the same number after a restart.
    public init(
        transport: TradingTransport, topics: TradingTopics = TradingTopics(), ordersPerSecond: Double, limit: Int64?,
        order: @escaping @Sendable (Int64) -> Order
    ) {
        let topic = topics.orders
        feed = Feed(transport: transport, topic: topic, first: 0, perSecond: ordersPerSecond, limit: limit) { number in
            let order = order(number)
            return OutgoingRecord(
                topic: topic, key: Array(order.userID.text.utf8), value: order.encoded(), headers: [OutgoingRecord.jsonHeader])
        }
    }

    public func build(_ flow: Flow) { feed.build(flow) }
}

extension TraceHeaders {
    /// Those of a new trace that begins with a record's making; none where nothing is traced.
    fileprivate static func begun(_ name: String, _ describe: (inout SpanAttributes) -> Void) -> TraceHeaders {
        let span = startSpan(name, context: .topLevel, ofKind: .producer)
        defer { span.end() }
        if span.isRecording { span.updateAttributes(describe) }
        return TraceHeaders.none.continued(in: span.context)
    }
}

/// A generator into one topic. One subtask, so that the topic has the generator's order.
struct Feed: Sendable {
    let transport: TradingTransport
    let topic: String
    let first: Int64
    let perSecond: Double
    let limit: Int64?
    let make: @Sendable (Int64) -> OutgoingRecord?

    func build(_ flow: Flow) {
        let records = flow.source(
            GeneratorSource(from: first, count: limit, splits: 1, ratePerSecond: perSecond, make), id: "generator"
        ).parallelism(1)
        switch transport {
        case .log(let store):
            records.compactMap { $0 }.id("records").parallelism(1).sink(OutgoingRecord.sink(store, topic), id: "output")
        case .kafka(let configuration, let transactions):
            records.compactMap { $0 }.id("records").parallelism(1)
                .sink(OutgoingRecord.sink(configuration, transactions, topic), id: "output")
        }
    }
}
