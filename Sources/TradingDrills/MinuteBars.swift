import Trading
import TradingStores

/// The one-minute bars of trades, worked out the plain way, and how those of a store differ from them.
public enum MinuteBars {
    /// By symbol, in order of time.
    static func of(_ trades: [Trade]) -> [Symbol: [VolumeBar]] {
        Dictionary(grouping: trades, by: \.symbol).mapValues { trades in
            let minutes = Dictionary(grouping: trades) { $0.executedAtMillis / 60_000 * 60_000 }
            return minutes.sorted { $0.key < $1.key }.map { start, trades in
                let ordered = trades.sorted { ($0.executedAtMillis, $0.tradeID) < ($1.executedAtMillis, $1.tradeID) }
                let prices = ordered.map(\.price)
                return VolumeBar(
                    symbol: ordered[0].symbol, startMillis: start, trades: Int64(ordered.count),
                    shares: ordered.reduce(0) { $0 + $1.quantity },
                    notional: Money(units: ordered.reduce(0) { $0 + $1.notional.units }),
                    open: prices[0], high: prices.max() ?? prices[0], low: prices.min() ?? prices[0],
                    close: prices[prices.count - 1])
            }
        }
    }

    /// A line for each difference in symbols, minutes or figures between the store's bars and those of `trades`. Throws as the
    /// store does.
    public static func differences(_ store: any TradeAnalyticsStore, from trades: [Trade]) async throws -> [String] {
        let expected = of(trades)
        let symbols = Set(try await store.top(.volume, limit: 10_000).map(\.symbol))
        var differences: [String] = []
        if symbols != Set(expected.keys) {
            differences.append("the store has the symbols \(symbols), the trades \(Set(expected.keys))")
        }
        for (symbol, bars) in expected {
            let found = try await store.volume(VolumeQuery(symbol: symbol, fromMillis: 0, toMillis: .max))
            if found.map(\.startMillis) != bars.map(\.startMillis) {
                differences.append(
                    "\(symbol): the store has the minutes \(found.map(\.startMillis)), not \(bars.map(\.startMillis))")
            }
            for (found, bar) in zip(found, bars) where found != bar { differences.append("\(found), not \(bar)") }
        }
        return differences
    }
}
