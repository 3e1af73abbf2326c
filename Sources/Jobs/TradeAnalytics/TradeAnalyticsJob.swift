import StoreKit
import StreamRuntime
import Trading
import TradingStores

/// Executed trades into analytics: as they are, and as one-minute bars.
///
///                               ┌─► cuts by partition ─► insert ────────────────┐
///     trade_executed ─► decode ─┼─► by symbol ─► minutes ─► bulks ─► upsert ────┼─► trade_executed.dlq
///                               └─► undecodable ────────────────────────────────┘
///
/// Raw trades are cut by the offsets of their partition, and a replay makes the same cuts (`Cuts`), so the store recognises
/// them; each trade counts once by its id in any case. A bar is written anew with every trade, late ones included, and says
/// how many trades it counts: of several writes of a minute the one that counts most wins. So the bars of a job that was
/// stopped are complete although its minutes have not ended.
public struct TradeAnalyticsJob: StreamJob {
    public static let name = "trade-analytics"
    public static let summary = "Writes executed trades and their one-minute bars into the analytics store."

    /// Bounds.
    public struct Settings: Sendable {
        /// When a cut is complete; one that ends by age leaves a checkpoint later.
        public var cuts = BatchLimits(countMax: 10_000, bytesMax: 8 << 20, ageMax: .seconds(1))
        /// When a bulk of bars is complete.
        public var bars = BatchLimits(countMax: 5000, bytesMax: 4 << 20, ageMax: .milliseconds(500))
        /// Cuts, and bulks of bars, on their way, per subtask.
        public var writesInFlight = 2
        /// How much later than others of its partition a trade may come without being late.
        public var outOfOrder = Duration.seconds(5)
        /// A partition that brings nothing for so long holds event time back no longer.
        public var idleAfter = Duration.seconds(30)
        /// How long after its minute a late trade still corrects the bar. Later ones are in the raw trades only, and counted in
        /// `weir_window_late_records_total`.
        public var lateness = Duration.seconds(3600)

        public init() {}
    }

    private let trades: ExecutedTrades
    private let analytics: any TradeAnalyticsStore
    private let settings: Settings

    /// `groupID`: the consumer group whose committed offsets show the job's progress on Kafka.
    public init(
        transport: TradingTransport, analytics: any TradeAnalyticsStore, topics: TradingTopics = TradingTopics(),
        settings: Settings = Settings(), groupID: String = "trade-analytics"
    ) {
        trades = ExecutedTrades(transport: transport, topics: topics, groupID: groupID, times: TradeBatch.executedAtMillis)
        self.analytics = analytics
        self.settings = settings
    }

    public func build(_ flow: Flow) { trades.connect(self, flow) }
}

extension TradeAnalyticsJob: TradeConsumer {
    func connect<Trades: Source<TradeArrival>, Letters: Sink<OutgoingRecord>>(
        _ flow: Flow, _ trades: Trades, _ deadLetters: Letters
    ) {
        let writer = AnalyticsWriter(analytics)
        let outOfOrder = settings.outOfOrder
        let time = WatermarkStrategy.custom {
            ExecutionTime<TradeArrival>(outOfOrder: outOfOrder, nowMillis: WallClock.nowMillis)
        }
        let arrivals = flow.source(trades, id: "trades")
            .watermarks(time.idle(after: settings.idleAfter), at: \.executedAtMillis).id("event-time")
        let decoded = arrivals.compactMap { if case .trade(let trade) = $0 { trade } else { nil } }.id("decoded")
        let inserted =
            decoded
            .cuts(
                settings.cuts, weight: \.weightBytes,
                at: {
                    (TradePartition(topic: $0.position.topic, partition: $0.position.partition), $0.position.offset)
                }
            ).id("cuts")
            .written(to: "the analytics store", inFlightMax: settings.writesInFlight) { try await writer.insert($0) }.id("insert")
            .flatMap { $0 }.id("inserted")
        let upserted =
            decoded.map(\.trade).id("of-trades")
            .keyed(by: \.symbol)
            .window(.tumbling(.minutes(1)))
            .trigger(.atEnd.early(count: 1))
            .allowedLateness(settings.lateness)
            .aggregate(BarOfTrades()).id("minutes")
            .compactMap { $0.value.volumeBar($0.key, startMillis: $0.window.start) }.id("bars")
            .batched(settings.bars, weight: { _ in 200 }).id("bulks")
            .written(to: "the analytics store", inFlightMax: settings.writesInFlight) { try await writer.upsert($0) }.id("upsert")
            .flatMap { $0 }.id("upserted")
        let undecodable =
            arrivals
            .compactMap { if case .undecodable(let record) = $0 { record } else { nil } }.id("undecodable")
        inserted.union(upserted).id("written")
            .union(undecodable).id("dead-letters")
            .counted(of: self.trades.topics.executed)
            .sink(deadLetters, id: "output")
    }
}

/// A partition of a topic of trades.
struct TradePartition: Hashable, Sendable {
    let topic: String
    let partition: Int32
}

extension TradePartition: StateCodable {
    static var stateSchema: String { "trade-partition-1" }

    func encode(into writer: inout ByteWriter) {
        writer.string(topic)
        writer.integer(partition)
    }

    init(from reader: inout ByteReader) throws {
        self.init(topic: try reader.string(), partition: try reader.integer())
    }
}

/// Writes cuts and bars; makes what the store needs before the first one. Any task. Nothing is ever put aside: a store of
/// analytics takes a write whole or not at all.
struct AnalyticsWriter: Sendable {
    private let analytics: any TradeAnalyticsStore
    private let provisioned = ProvisionOnce()

    init(_ analytics: any TradeAnalyticsStore) { self.analytics = analytics }

    func insert(_ cut: Cut<TradePartition, IncomingTrade>) async throws -> [DeadLetter] {
        try await provisioned.run { try await analytics.provision() }
        let batch = TradeBatch(
            topic: cut.partition.topic, partition: cut.partition.partition, firstOffset: cut.firstOffset,
            lastOffset: cut.lastOffset, trades: cut.elements.map(\.trade))
        try await cut.elements.inSpans("insert trade") { try await analytics.insert(batch) }
        return []
    }

    /// Of several states of one bar only the newest is written.
    func upsert(_ bars: [VolumeBar]) async throws -> [DeadLetter] {
        try await provisioned.run { try await analytics.provision() }
        var newest: [BarKey: VolumeBar] = [:]
        for bar in bars {
            let key = BarKey(symbol: bar.symbol, startMillis: bar.startMillis)
            if let known = newest[key], known.trades >= bar.trades { continue }
            newest[key] = bar
        }
        try await analytics.upsert(Array(newest.values))
        return []
    }

    private struct BarKey: Hashable {
        let symbol: Symbol
        let startMillis: Int64
    }
}
