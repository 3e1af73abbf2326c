import StoreKit
import Synchronization
import Trading

/// Latest prices in memory: the embedded default. Reading costs one lock and one dictionary look-up, and
/// never waits on anything but another such look-up.
public final class MemoryPriceStore: PriceStore {
    private struct Contents {
        var prices: [Symbol: PricedAt] = [:]
        var listeners: [Int: PriceListener] = [:]
        var nextListener = 0
        var isClosed = false
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
        let (newer, listeners) = contents.withLock { contents in
            var newer: [PriceTick] = []
            for tick in ticks {
                if let stored = contents.prices[tick.symbol], stored.seq >= tick.seq { continue }
                contents.prices[tick.symbol] = tick.pricedAt
                newer.append(tick)
            }
            return (newer, Array(contents.listeners.values))
        }
        // Outside the lock: a listener that takes its time must not hold up readers of prices.
        if !newer.isEmpty { for listener in listeners { listener(.changed(newer)) } }
        return newer.count
    }

    public func close() async {
        let listeners = contents.withLock { contents in
            contents.isClosed = true
            defer { contents.listeners.removeAll() }
            return Array(contents.listeners.values)
        }
        for listener in listeners { listener(.interrupted(.unavailable("the price store is closed"))) }
    }
}

extension MemoryPriceStore: PriceUpdates {
    public func subscribe(_ listener: @escaping PriceListener) -> any PriceSubscription {
        let id = contents.withLock { contents -> Int? in
            if contents.isClosed { return nil }
            contents.nextListener += 1
            contents.listeners[contents.nextListener] = listener
            return contents.nextListener
        }
        listener(id == nil ? .interrupted(.unavailable("the price store is closed")) : .listening)
        return Subscription(store: self, id: id)
    }

    private struct Subscription: PriceSubscription {
        let store: MemoryPriceStore
        let id: Int?

        func end() async {
            if let id { store.contents.withLock { _ = $0.listeners.removeValue(forKey: id) } }
        }
    }
}
