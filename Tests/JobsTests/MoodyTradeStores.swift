import StoreKit
import StreamRuntime
import Synchronization
import Trading
import TradingStores

/// A history that is down, or refuses a symbol, as a test says.
final class MoodyHistory: TradeHistoryStore {
    private let store = MemoryTradeHistoryStore()
    private let refused: Symbol?
    let isDown = Atomic<Bool>(false)
    /// Calls wait as long as this is set.
    let isSilent = Atomic<Bool>(false)
    let isAsked = Atomic<Bool>(false)
    /// The next call fails in a way that crashes the attempt.
    let crashesOnce = Atomic<Bool>(false)

    init(refusing refused: Symbol? = nil) { self.refused = refused }

    func provision() async throws(StoreError) -> [String] { [] }
    func record(_ trades: [Trade]) async throws(StoreError) -> [RefusedTrade] {
        isAsked.store(true, ordering: .relaxed)
        while isSilent.load(ordering: .relaxed) { try? await Task.sleep(for: .milliseconds(1)) }
        if isDown.load(ordering: .relaxed) { throw .unavailable("switched off by the test") }
        if crashesOnce.exchange(false, ordering: .relaxed) { throw .invalid("broken by the test") }
        _ = try await store.record(trades.filter { $0.symbol != refused })
        return trades.filter { $0.symbol == refused }.map { RefusedTrade(trade: $0, reason: "not here") }
    }
    func search(_ query: TradeQuery) async throws(StoreError) -> TradePage { try await store.search(query) }
    func count() async throws(StoreError) -> Int { try await store.count() }
    func close() async {}
}

/// Analytics whose inserts of these numbers take effect and then fail in a way that crashes the attempt; so do their writes of
/// bars, those of odd numbers before they take effect.
final class MoodyAnalytics: TradeAnalyticsStore {
    private struct Seen {
        var inserts = 0
        var upserts = 0
        var crashesOfBars = 0
        var trades: [String: Set<TradeID>] = [:]
        var repeated = 0
        var contradictions: [String] = []
    }
    private let store = MemoryTradeAnalyticsStore()
    private let failing: Set<Int>
    private let failingBars: Set<Int>
    private let seen = Mutex(Seen())

    init(failing: Set<Int>, failingBars: Set<Int> = []) {
        self.failing = failing
        self.failingBars = failingBars
    }

    var crashesOfBars: Int { seen.withLock { $0.crashesOfBars } }

    var repeatedCuts: Int { seen.withLock { $0.repeated } }
    var cutsWithOtherTrades: [String] { seen.withLock { $0.contradictions } }

    func provision() async throws(StoreError) -> [String] { [] }
    func insert(_ batch: TradeBatch) async throws(StoreError) {
        let trades = Set(batch.trades.map(\.tradeID))
        let number = seen.withLock { seen in
            seen.inserts += 1
            if let known = seen.trades[batch.name] {
                seen.repeated += 1
                if known != trades { seen.contradictions.append(batch.name) }
            }
            seen.trades[batch.name] = trades
            return seen.inserts
        }
        try await store.insert(batch)
        if failing.contains(number) { throw .invalid("broken by the test") }
    }
    func upsert(_ bars: [VolumeBar]) async throws(StoreError) {
        let number = seen.withLock { seen in
            seen.upserts += 1
            if failingBars.contains(seen.upserts) { seen.crashesOfBars += 1 }
            return seen.upserts
        }
        let fails = failingBars.contains(number)
        if !fails || number % 2 == 0 { try await store.upsert(bars) }
        if fails { throw .invalid("broken by the test") }
    }
    func volume(_ query: VolumeQuery) async throws(StoreError) -> [VolumeBar] { try await store.volume(query) }
    func top(_ ranking: TopRanking, limit: Int) async throws(StoreError) -> [SymbolTotal] {
        try await store.top(ranking, limit: limit)
    }
    func totals() async throws(StoreError) -> TradeTotals { try await store.totals() }
    func close() async {}
}
