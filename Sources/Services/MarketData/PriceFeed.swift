import Logging
import Metrics
import ServiceLifecycle
import StoreKit
import Synchronization
import Trading
import TradingStores

/// Keeps the board and the price store in step: changes are taken as they are heard, and every few seconds, and each
/// time hearing begins, the two are compared. What was missed is read; what the store has lost (a flushed Redis) is
/// written back, which other instances then hear. `run` is called once, the rest from any thread.
final class PriceFeed: Sendable {
    private struct State {
        var readFailure: StoreError? = .unavailable("prices have not been read yet")
        var hearFailure: StoreError? = .unavailable("changes are not heard yet")
    }

    private let fanOut: PriceFanOut
    private let prices: any PriceStore
    private let updates: any PriceUpdates
    private let reconcileMillis: Int64
    private let metrics: MarketDataMetrics
    private let state = Mutex(State())
    private let logger = Logger(label: "weir.market-data")

    init(
        fanOut: PriceFanOut, prices: any PriceStore, updates: any PriceUpdates, reconcileMillis: Int64,
        metrics: MarketDataMetrics
    ) {
        self.fanOut = fanOut
        self.prices = prices
        self.updates = updates
        self.reconcileMillis = reconcileMillis
        self.metrics = metrics
    }

    /// Why the store could not be read last time; nil: it was.
    var readFailure: StoreError? { state.withLock { $0.readFailure } }
    /// Why no changes are heard; nil: they are.
    var hearFailure: StoreError? { state.withLock { $0.hearFailure } }

    func run() async {
        let (bell, ring) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let subscription = updates.subscribe { [self] update in
            switch update {
            case .listening:
                hearingChanged(nil)
                ring.yield()
            case .changed(let ticks):
                metrics.heard.increment(by: ticks.count)
                fanOut.publish(ticks)
            case .interrupted(let error):
                hearingChanged(error)
            }
        }
        let clock = Task {
            while (try? await Task.sleep(for: .milliseconds(reconcileMillis))) != nil { ring.yield() }
        }
        for await _ in bell.cancelOnGracefulShutdown() { await reconcile() }
        clock.cancel()
        await subscription.end()
        metrics.listening.record(0)
    }

    private func reconcile() async {
        let table = fanOut.board.table
        do throws(StoreError) {
            let stored = try await prices.latest(table.symbols)
            let lost = fanOut.board.missing(from: stored)
            fanOut.publish(
                stored.map { symbol, price in
                    PriceTick(symbol: symbol, price: price.price, seq: price.seq, timestampMillis: price.timestampMillis)
                })
            if !lost.isEmpty { metrics.rewritten.increment(by: try await prices.update(lost)) }
            readingChanged(nil)
        } catch {
            readingChanged(error)
        }
    }

    private func readingChanged(_ failure: StoreError?) {
        let before = state.withLock { state in
            defer { state.readFailure = failure }
            return state.readFailure
        }
        guard (before == nil) != (failure == nil) else { return }
        if let failure {
            logger.warning("the price store cannot be read; latest known prices are served", metadata: ["error": "\(failure)"])
        } else {
            logger.info("the price store is read")
        }
    }

    private func hearingChanged(_ failure: StoreError?) {
        let before = state.withLock { state in
            defer { state.hearFailure = failure }
            return state.hearFailure
        }
        metrics.listening.record(failure == nil ? 1 : 0)
        guard (before == nil) != (failure == nil) else { return }
        if let failure {
            logger.warning("price changes are not heard any more; trying again", metadata: ["error": "\(failure)"])
        } else {
            logger.info("price changes are heard")
        }
    }
}
