import ConnectorKafka
import ConnectorLog
import StreamRuntime
import Synchronization
import Trading
import TradingStores

/// Keeps the price store up to date from `market_data`. At least once is enough: the store takes a tick
/// only when its `seq` is newer.
public struct PriceCacheJob: StreamJob {
    public static let name = "price-cache"
    public static let summary = "Writes the latest prices from market_data into the price store."

    private let transport: TradingTransport
    private let topics: TradingTopics
    private let prices: any PriceStore

    public init(transport: TradingTransport, prices: any PriceStore, topics: TradingTopics = TradingTopics()) {
        self.transport = transport
        self.prices = prices
        self.topics = topics
    }

    public func build(_ flow: Flow) {
        switch transport {
        case .log(let store):
            connect(
                flow,
                LogSource<PriceTick?>(store, topics: [topics.marketData]) { try? PriceTick.decode($0.value ?? Self.nothing) })
        case .kafka(let configuration, _):
            connect(
                flow,
                KafkaSource<PriceTick?>(
                    configuration, topics: [topics.marketData], groupID: Self.name, start: .earliest
                ) { try? PriceTick.decode($0.value ?? Self.nothing) })
        }
    }

    private static var nothing: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }

    private func connect<Ticks: Source<PriceTick?>>(_ flow: Flow, _ ticks: Ticks) {
        flow.source(ticks, id: "market-data")
            .compactMap { $0 }.id("decoded")
            .sink(PriceStoreSink(prices), id: "prices")
    }
}

/// Writes ticks to a price store in batches, one batch at a time.
struct PriceStoreSink: Sink {
    typealias Element = PriceTick
    private let prices: any PriceStore

    init(_ prices: any PriceStore) { self.prices = prices }

    func makeWriter(_ context: SinkWriterContext) -> Writer { Writer(prices: prices, wake: context.wake) }

    struct Writer: SinkWriter {
        private static let batchMax = 1024
        /// What has been handed to the store and how that went; shared with the request in flight.
        private final class Progress: Sendable {
            struct State {
                var isBusy = false
                var error: (any Error)?
            }
            let state = Mutex(State())
        }

        private let prices: any PriceStore
        private let wake: @Sendable () -> Void
        private let progress = Progress()
        private var batch: [PriceTick] = []

        init(prices: any PriceStore, wake: @escaping @Sendable () -> Void) {
            self.prices = prices
            self.wake = wake
        }

        var isReady: Bool { batch.count < Self.batchMax || !progress.state.withLock { $0.isBusy } }

        mutating func write(_ element: PriceTick) throws {
            batch.append(element)
            if batch.count >= Self.batchMax { try flush() }
        }

        mutating func flush() throws {
            let isBusy = try progress.state.withLock { state in
                if let error = state.error { throw error }
                return state.isBusy
            }
            guard !batch.isEmpty, !isBusy else { return }
            progress.state.withLock { $0.isBusy = true }
            let (ticks, prices, progress, wake) = (batch, prices, progress, wake)
            batch.removeAll(keepingCapacity: true)
            Task {
                let failure: (any Error)?
                do {
                    try await prices.update(ticks)
                    failure = nil
                } catch {
                    failure = error
                }
                progress.state.withLock {
                    $0.isBusy = false
                    $0.error = failure
                }
                wake()
            }
        }

        mutating func endEpoch(_ epoch: Epoch) throws { try flush() }

        func isAcknowledged(through epoch: Epoch) throws -> Bool {
            try progress.state.withLock { state in
                if let error = state.error { throw error }
                return !state.isBusy && batch.isEmpty
            }
        }
    }
}
