import ConnectorKafka
import ConnectorLog
import StreamRuntime
import Trading
import TradingStores

/// Orders, prices and portfolios in; trades and rejections out, each order decided exactly once.
///
///     orders ─► decode ─┬─► by user ─► execute ─► outcomes ─┐
///                       └─► undecodable ────────────────────┴─► trade_executed, trade_rejected, dlq
public struct TradeExecutionJob: StreamJob {
    public static let name = "trade-execution"
    public static let summary = "Executes orders against the latest prices and the users' portfolios, exactly once."

    private let transport: TradingTransport
    private let topics: TradingTopics
    private let executor: OrderExecutor
    private let async: AsyncOptions
    private let groupID: String

    /// - Parameters:
    ///   - portfolios: where users' portfolios and the ledger of outcomes are.
    ///   - prices: where the latest prices are.
    ///   - groupID: the consumer group whose committed offsets show the job's progress on Kafka.
    public init(
        transport: TradingTransport, portfolios: any PortfolioStore, prices: any PriceStore, policy: ExecutionPolicy,
        topics: TradingTopics = TradingTopics(), async: AsyncOptions = AsyncOptions(capacity: 4096, timeoutMillis: 10_000),
        groupID: String = "trade-execution", clock: any RuntimeClock = SystemClock()
    ) {
        self.transport = transport
        self.topics = topics
        self.async = async
        self.groupID = groupID
        executor = OrderExecutor(portfolios: portfolios, prices: prices, policy: policy, clock: clock)
    }

    public func build(_ flow: Flow) {
        let groupID = groupID
        switch transport {
        case .log(let store):
            connect(
                flow,
                LogSource<OrderArrival>(store, topics: [topics.orders]) { OrderArrival(IncomingRecord($0), groupID) },
                OutgoingRecord.sink(store, topics.executed))
        case .kafka(let configuration, let transactions):
            connect(
                flow,
                KafkaSource<OrderArrival>(configuration, topics: [topics.orders], groupID: groupID, start: .earliest) {
                    OrderArrival(IncomingRecord($0), groupID)
                },
                OutgoingRecord.sink(configuration, transactions, topics.executed))
        }
    }

    private func connect<Orders: Source<OrderArrival>, Results: Sink<OutgoingRecord>>(
        _ flow: Flow, _ orders: Orders, _ results: Results
    ) {
        let (executor, topics) = (executor, topics)
        let arrivals = flow.source(orders, id: "orders")
        let outcomes =
            arrivals
            .compactMap { if case .order(let order) = $0 { order } else { nil } }.id("decoded")
            .keyed(by: { $0.order.userID })
            .asyncProcess(async) { try ExecuteOrder($0, executor) }.id("execute")
            .map { OutgoingRecord($0, topics) }.id("encode")
        let deadLetters =
            arrivals
            .compactMap { if case .undecodable(let record) = $0 { record } else { nil } }.id("undecodable")
            .counted(of: topics.orders)
        outcomes.union(deadLetters).id("results").sink(results, id: "output")
    }
}

extension OutgoingRecord {
    init(_ decided: TracedOutcome, _ topics: TradingTopics) {
        let key = Array(decided.outcome.userID.text.utf8)
        let headers = [Self.jsonHeader] + decided.trace.fields.map { (name: $0.name, value: Array($0.value.utf8)) }
        switch decided.outcome {
        case .trade(let trade):
            self.init(topic: topics.executed, key: key, value: trade.encoded(), headers: headers)
        case .rejection(let rejection):
            self.init(topic: topics.rejected, key: key, value: rejection.encoded(), headers: headers)
        }
    }
}
