import StoreKit
import Synchronization
import Trading

/// The trade history in memory: the model the other stores are held against.
public final class MemoryTradeHistoryStore: TradeHistoryStore {
    private let trades = Mutex<[TradeID: Trade]>([:])

    public init() {}

    public func provision() async throws(StoreError) -> [String] { [] }

    public func record(_ trades: [Trade]) async throws(StoreError) -> [RefusedTrade] {
        self.trades.withLock { stored in
            for trade in trades where stored[trade.tradeID] == nil { stored[trade.tradeID] = trade }
        }
        return []
    }

    public func search(_ query: TradeQuery) async throws(StoreError) -> TradePage {
        try query.check()
        let words = TradeWords.wanted(query.text)
        let found = trades.withLock { stored in
            stored.values.filter { query.matches($0) && Set(TradeWords.of($0)).isSuperset(of: words) }
        }
        let sorted = found.sorted { query.isBefore(TradeCursor(after: $0), TradeCursor(after: $1)) }
        return TradePage(upTo: query.limit, of: Array(sorted.prefix(query.limit + 1)))
    }

    public func count() async throws(StoreError) -> Int { trades.withLock { $0.count } }

    public func close() async {}
}

extension TradeQuery {
    fileprivate func matches(_ trade: Trade) -> Bool {
        trade.userID == user && (symbol ?? trade.symbol) == trade.symbol && (side ?? trade.side) == trade.side
            && trade.executedAtMillis >= fromMillis ?? .min && trade.executedAtMillis < toMillis ?? .max
            && after.map { isBefore($0, TradeCursor(after: trade)) } ?? true
    }

    /// The order of pages: latest first, ties by trade id, the greatest first.
    fileprivate func isBefore(_ left: TradeCursor, _ right: TradeCursor) -> Bool {
        (left.executedAtMillis, left.tradeID) > (right.executedAtMillis, right.tradeID)
    }
}

/// Analytics in memory: the model the other stores are held against.
public final class MemoryTradeAnalyticsStore: TradeAnalyticsStore {
    private struct Contents {
        var trades: [TradeID: Trade] = [:]
        var bars: [Symbol: [Int64: VolumeBar]] = [:]
    }
    private let contents = Mutex(Contents())

    public init() {}

    public func provision() async throws(StoreError) -> [String] { [] }

    public func insert(_ batch: TradeBatch) async throws(StoreError) {
        contents.withLock { contents in
            for trade in batch.trades { contents.trades[trade.tradeID] = trade }
        }
    }

    public func upsert(_ bars: [VolumeBar]) async throws(StoreError) {
        contents.withLock { contents in
            for bar in bars {
                if let stored = contents.bars[bar.symbol]?[bar.startMillis], stored.trades >= bar.trades { continue }
                contents.bars[bar.symbol, default: [:]][bar.startMillis] = bar
            }
        }
    }

    public func volume(_ query: VolumeQuery) async throws(StoreError) -> [VolumeBar] {
        var bars = try VolumeBars(query)
        let minutes = contents.withLock { $0.bars[query.symbol] ?? [:] }
        for (start, minute) in minutes.sorted(by: { $0.key < $1.key })
        where start >= query.fromMillis && start < query.toMillis {
            try bars.add(minute)
        }
        return bars.bars
    }

    public func top(_ ranking: TopRanking, limit: Int) async throws(StoreError) -> [SymbolTotal] {
        let bars = contents.withLock { $0.bars }
        let totals = bars.map { symbol, bars in
            SymbolTotal(
                symbol: symbol, trades: bars.values.reduce(0) { $0 + $1.trades },
                shares: bars.values.reduce(0) { $0 + $1.shares },
                notional: Money(units: bars.values.reduce(0) { $0 + $1.notional.units }))
        }
        let sorted = totals.sorted { left, right in
            let (first, second) = (left.measure(ranking), right.measure(ranking))
            return first == second ? left.symbol < right.symbol : first > second
        }
        return Array(sorted.prefix(max(0, limit)))
    }

    public func totals() async throws(StoreError) -> TradeTotals {
        contents.withLock { contents in
            TradeTotals(
                trades: Int64(contents.trades.count), shares: contents.trades.values.reduce(0) { $0 + $1.quantity },
                notional: Money(units: contents.trades.values.reduce(0) { $0 + $1.notional.units }))
        }
    }

    public func close() async {}
}

extension SymbolTotal {
    fileprivate func measure(_ ranking: TopRanking) -> Int64 {
        switch ranking {
        case .volume: shares
        case .notional: notional.units
        }
    }
}
