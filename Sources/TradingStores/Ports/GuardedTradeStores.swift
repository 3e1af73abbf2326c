import StoreKit
import Trading

/// A `TradeHistoryStore` whose calls are measured and go through a circuit breaker.
public struct GuardedTradeHistoryStore: TradeHistoryStore {
    private let store: any TradeHistoryStore
    private let guarding: StoreGuard
    /// The breaker all calls go through.
    public var breaker: CircuitBreaker { guarding.breaker }

    /// Guards `store`, which metrics and messages call `name`.
    public init(_ store: any TradeHistoryStore, name: String, breaker: CircuitBreaker? = nil) {
        self.store = store
        guarding = StoreGuard(name, breaker: breaker, of: store)
    }

    @discardableResult
    public func provision() async throws(StoreError) -> [String] {
        try await guarding.run("provision") { () async throws(StoreError) in try await store.provision() }
    }

    public func record(_ trades: [Trade]) async throws(StoreError) -> [RefusedTrade] {
        try await guarding.run("record") { () async throws(StoreError) in try await store.record(trades) }
    }

    public func search(_ query: TradeQuery) async throws(StoreError) -> TradePage {
        try await guarding.run("search") { () async throws(StoreError) in try await store.search(query) }
    }

    public func count() async throws(StoreError) -> Int {
        try await guarding.run("count") { () async throws(StoreError) in try await store.count() }
    }

    public func close() async { await store.close() }
}

/// A `TradeAnalyticsStore` whose calls are measured and go through a circuit breaker.
public struct GuardedTradeAnalyticsStore: TradeAnalyticsStore {
    private let store: any TradeAnalyticsStore
    private let guarding: StoreGuard
    /// The breaker all calls go through.
    public var breaker: CircuitBreaker { guarding.breaker }

    /// Guards `store`, which metrics and messages call `name`.
    public init(_ store: any TradeAnalyticsStore, name: String, breaker: CircuitBreaker? = nil) {
        self.store = store
        guarding = StoreGuard(name, breaker: breaker, of: store)
    }

    @discardableResult
    public func provision() async throws(StoreError) -> [String] {
        try await guarding.run("provision") { () async throws(StoreError) in try await store.provision() }
    }

    public func insert(_ batch: TradeBatch) async throws(StoreError) {
        try await guarding.run("insert") { () async throws(StoreError) in try await store.insert(batch) }
    }

    public func upsert(_ bars: [VolumeBar]) async throws(StoreError) {
        try await guarding.run("upsert") { () async throws(StoreError) in try await store.upsert(bars) }
    }

    public func volume(_ query: VolumeQuery) async throws(StoreError) -> [VolumeBar] {
        try await guarding.run("volume") { () async throws(StoreError) in try await store.volume(query) }
    }

    public func top(_ ranking: TopRanking, limit: Int) async throws(StoreError) -> [SymbolTotal] {
        try await guarding.run("top") { () async throws(StoreError) in try await store.top(ranking, limit: limit) }
    }

    public func totals() async throws(StoreError) -> TradeTotals {
        try await guarding.run("totals") { () async throws(StoreError) in try await store.totals() }
    }

    public func close() async { await store.close() }
}
