import Synchronization
import Trading

/// Latest prices in memory: the embedded default. Reading costs one lock and one dictionary look-up, and
/// never waits on anything but another such look-up.
public final class MemoryPriceStore: PriceStore {
    private struct Contents {
        var prices: [Symbol: PricedAt] = [:]
        var subscribers: [Int: AsyncStream<PriceTick>.Continuation] = [:]
        var nextSubscriber = 0
        var closed = false
    }

    private let contents = Mutex(Contents())

    public init() {}

    public func latest(_ symbol: Symbol) async throws(StoreError) -> PricedAt? { cached(symbol) }

    public func latest(_ symbols: [Symbol]) async throws(StoreError) -> [Symbol: PricedAt] {
        contents.withLock { contents in
            var found: [Symbol: PricedAt] = [:]
            for symbol in symbols { found[symbol] = contents.prices[symbol] }
            return found
        }
    }

    public func cached(_ symbol: Symbol) -> PricedAt? {
        contents.withLock { $0.prices[symbol] }
    }

    @discardableResult
    public func update(_ ticks: [PriceTick]) async throws(StoreError) -> Int {
        for tick in ticks {
            if let nonsense = tick.validate() { throw .invalid("a tick of \(tick.symbol): \(nonsense)") }
        }
        return contents.withLock { contents in
            var newer = 0
            for tick in ticks {
                if let stored = contents.prices[tick.symbol], stored.seq >= tick.seq { continue }
                contents.prices[tick.symbol] = tick.pricedAt
                newer += 1
                for subscriber in contents.subscribers.values { subscriber.yield(tick) }
            }
            return newer
        }
    }

    /// Every newer tick from now on. A reader that falls `bufferedMax` behind loses the oldest ones: prices
    /// replace each other. Ends when the store is closed or the reading task is cancelled.
    public func updates(bufferedMax: Int = 1024) -> AsyncStream<PriceTick> {
        AsyncStream(bufferingPolicy: .bufferingNewest(bufferedMax)) { continuation in
            let id: Int? = contents.withLock { contents in
                if contents.closed { return nil }
                contents.nextSubscriber += 1
                contents.subscribers[contents.nextSubscriber] = continuation
                return contents.nextSubscriber
            }
            guard let id else { return continuation.finish() }
            continuation.onTermination = { [weak self] _ in
                self?.contents.withLock { _ = $0.subscribers.removeValue(forKey: id) }
            }
        }
    }

    public func close() async {
        let subscribers = contents.withLock { contents in
            contents.closed = true
            defer { contents.subscribers.removeAll() }
            return contents.subscribers
        }
        for subscriber in subscribers.values { subscriber.finish() }
    }
}
