import StreamRuntime
import Trading
import TradingStores

/// Executed trades into the searchable history, each once.
///
///     trade_executed ─► decode ─┬─► bulks ─► record ─► refused ─┐
///                               └─► undecodable ────────────────┴─► trade_executed.dlq
///
/// A bulk is part of every checkpoint until the store has taken it; the store takes a trade it has already as taken. What it
/// will never take goes to the dead letters, in the epoch that ends the bulk.
public struct TradeHistoryJob: StreamJob {
    public static let name = "trade-history"
    public static let summary = "Writes executed trades into the searchable history, each once."

    private let trades: ExecutedTrades
    private let history: any TradeHistoryStore
    private let bulks: BatchLimits
    private let bulksInFlight: Int

    /// - Parameters:
    ///   - bulks: when a bulk is complete.
    ///   - bulksInFlight: bulks on their way, per subtask.
    ///   - groupID: the consumer group whose committed offsets show the job's progress on Kafka.
    public init(
        transport: TradingTransport, history: any TradeHistoryStore, topics: TradingTopics = TradingTopics(),
        bulks: BatchLimits = BatchLimits(countMax: 1000, bytesMax: 5 << 20, ageMax: .milliseconds(200)),
        bulksInFlight: Int = 4, groupID: String = "trade-history"
    ) {
        trades = ExecutedTrades(transport: transport, topics: topics, groupID: groupID, keepsOriginals: true)
        self.history = history
        self.bulks = bulks
        self.bulksInFlight = bulksInFlight
    }

    public func build(_ flow: Flow) { trades.connect(self, flow) }
}

extension TradeHistoryJob: TradeConsumer {
    func connect<Trades: Source<TradeArrival>, Letters: Sink<OutgoingRecord>>(
        _ flow: Flow, _ trades: Trades, _ deadLetters: Letters
    ) {
        let recorder = TradeRecorder(history: history, consumer: self.trades.groupID)
        let arrivals = flow.source(trades, id: "trades")
        let refused =
            arrivals
            .compactMap { if case .trade(let trade) = $0 { trade } else { nil } }.id("decoded")
            .batched(bulks, weight: \.weightBytes).id("bulks")
            .written(to: "the trade history", inFlightMax: bulksInFlight) { try await recorder.record($0) }.id("record")
            .flatMap { $0 }.id("refused")
        let undecodable =
            arrivals
            .compactMap { if case .undecodable(let record) = $0 { record } else { nil } }.id("undecodable")
        refused.union(undecodable).id("dead-letters")
            .counted(of: self.trades.topics.executed)
            .sink(deadLetters, id: "output")
    }
}

/// Records bulks of trades; makes what the store needs before the first one. Any task.
struct TradeRecorder: Sendable {
    let history: any TradeHistoryStore
    /// The job's consumer group, which dead letters name.
    let consumer: String
    private let provisioned = ProvisionOnce()

    init(history: any TradeHistoryStore, consumer: String) {
        self.history = history
        self.consumer = consumer
    }

    /// Returns what the store will never take, as dead letters.
    func record(_ bulk: [IncomingTrade]) async throws -> [DeadLetter] {
        try await provisioned.run { try await history.provision() }
        let refused = try await bulk.inSpans("record trade") { try await history.record(bulk.map(\.trade)) }
        if refused.isEmpty { return [] }
        let reasons = Dictionary(refused.map { ($0.trade.tradeID, $0.reason) }, uniquingKeysWith: { first, _ in first })
        return bulk.compactMap { incoming in
            reasons[incoming.trade.tradeID].map { incoming.deadLetter(RefusedByHistory(reason: $0), consumer) }
        }
    }
}

/// The store will never take a trade.
struct RefusedByHistory: Error, CustomStringConvertible {
    let reason: String
    var description: String { "the trade history refuses it: \(reason)" }
}

extension IncomingTrade {
    /// The record as it was read.
    func deadLetter(_ error: any Error, _ consumer: String) -> DeadLetter {
        DeadLetter(
            .refused, topic: position.topic, partition: position.partition, offset: position.offset, key: original?.key,
            value: original?.value, trace: trace, error: error, consumer: consumer)
    }
}
