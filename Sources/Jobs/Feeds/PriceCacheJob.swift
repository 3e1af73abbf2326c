import ConnectorKafka
import ConnectorLog
import StoreKit
import StreamRuntime
import TraceContext
import Tracing
import Trading
import TradingStores

/// Keeps the price store up to date from `market_data`. At least once is enough: the store takes a tick
/// only when its `seq` is newer.
///
///     market_data ─► decode ─┬─► the price store
///                            └─► no tick, or one that makes no sense ─► market_data.dlq
public struct PriceCacheJob: StreamJob {
    public static let name = "price-cache"
    public static let summary = "Writes the latest prices from market_data into the price store."

    private let transport: TradingTransport
    private let topics: TradingTopics
    private let prices: any PriceStore
    private let groupID: String

    /// `groupID`: the consumer group whose committed offsets show the job's progress on Kafka.
    public init(
        transport: TradingTransport, prices: any PriceStore, topics: TradingTopics = TradingTopics(),
        groupID: String = "price-cache"
    ) {
        self.transport = transport
        self.topics = topics
        self.prices = prices
        self.groupID = groupID
    }

    public func build(_ flow: Flow) {
        let groupID = groupID
        let letters = TradingTopics.deadLetters(of: topics.marketData)
        switch transport {
        case .log(let store):
            connect(
                flow,
                LogSource<TickArrival>(store, topics: [topics.marketData]) { TickArrival(IncomingRecord($0), groupID) },
                OutgoingRecord.sink(store, letters))
        case .kafka(let configuration, let transactions):
            connect(
                flow,
                KafkaSource<TickArrival>(configuration, topics: [topics.marketData], groupID: groupID, start: .earliest) {
                    TickArrival(IncomingRecord($0), groupID)
                },
                OutgoingRecord.sink(configuration, transactions, letters))
        }
    }

    private func connect<Ticks: Source<TickArrival>, Letters: Sink<OutgoingRecord>>(
        _ flow: Flow, _ ticks: Ticks, _ deadLetters: Letters
    ) {
        let prices = prices
        // What came while the last request was under way is the next one.
        let options = BatchingOptions(BatchLimits(countMax: 1024, ageMax: .zero))
        let arrivals = flow.source(ticks, id: "market-data")
        arrivals
            .compactMap { if case .tick(let tick) = $0 { tick } else { nil } }.id("decoded")
            .sink(
                BatchingSink(options, failures: .store("the price store")) { (ticks: [IncomingTick]) in
                    _ = try await ticks.inSpans("cache price") { try await prices.update(ticks.map(\.tick)) }
                }, id: "prices")
        arrivals
            .compactMap { if case .unusable(let record) = $0 { record } else { nil } }.id("unusable")
            .counted(of: topics.marketData)
            .sink(deadLetters, id: "output")
    }
}

/// What a record of `market_data` turned out to be.
private enum TickArrival: Sendable {
    case tick(IncomingTick)
    case unusable(DeadLetter)

    init(_ record: IncomingRecord, _ consumer: String) {
        do {
            let tick = try PriceTick.decode(record.bytes)
            // The store takes none of these, however often it is asked.
            if let nonsense = tick.validate() { throw NonsenseTick(reason: nonsense) }
            self = .tick(IncomingTick(tick: tick, trace: record.trace))
        } catch {
            self = .unusable(record.deadLetter(error is NonsenseTick ? .senseless : .undecodable, error, consumer))
        }
    }
}

/// A tick and the trace that began where it was made.
private struct IncomingTick: Sendable, Traced {
    let tick: PriceTick
    let trace: TraceHeaders

    func describe(_ attributes: inout SpanAttributes) { attributes["symbol"] = tick.symbol.text }
}

private struct NonsenseTick: Error, CustomStringConvertible {
    let reason: String
    var description: String { "the tick makes no sense: \(reason)" }
}
