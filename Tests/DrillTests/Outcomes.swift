import Drills
import Testing
import Trading
import TradingDrills
import TradingStores

extension DrillFindings {
    func check() { #expect(isExactlyOnce, "\(summary): \(details.joined(separator: "; "))") }
}

extension OrderOutcomes {
    /// Opening cash and trades give the portfolios, to the unit.
    func checkConservation(_ finals: [UserID: Portfolio], openingCash: Money) {
        let openings = finals.mapValues { _ in Portfolio(cash: openingCash, holdings: [:], version: 1, updatedAtMillis: 0) }
        let found = differences(finals, openings: openings)
        #expect(found.isEmpty, "\(found.prefix(5))")
    }
}

/// The one-minute bars of trades, worked out the plain way, by symbol.
func minuteBars(of trades: [Trade]) -> [Symbol: [VolumeBar]] {
    Dictionary(grouping: trades, by: \.symbol).mapValues { trades in
        let minutes = Dictionary(grouping: trades) { $0.executedAtMillis / 60_000 * 60_000 }
        return minutes.sorted { $0.key < $1.key }.map { start, trades in
            let ordered = trades.sorted { ($0.executedAtMillis, $0.tradeID) < ($1.executedAtMillis, $1.tradeID) }
            let prices = ordered.map(\.price)
            return VolumeBar(
                symbol: ordered[0].symbol, startMillis: start, trades: Int64(ordered.count),
                shares: ordered.reduce(0) { $0 + $1.quantity },
                notional: Money(units: ordered.reduce(0) { $0 + $1.notional.units }),
                open: prices[0], high: prices.max() ?? prices[0], low: prices.min() ?? prices[0], close: prices[prices.count - 1])
        }
    }
}

extension TradeAnalyticsStore {
    /// Its bars are those of the trades: no symbol, no minute and no figure differs.
    func checkBars(of trades: [Trade]) async throws {
        let expected = minuteBars(of: trades)
        let symbols = try await top(.volume, limit: 10_000).map(\.symbol)
        #expect(Set(symbols) == Set(expected.keys))
        for (symbol, bars) in expected {
            let found = try await volume(VolumeQuery(symbol: symbol, fromMillis: 0, toMillis: .max))
            #expect(found.map(\.startMillis) == bars.map(\.startMillis), "the minutes of \(symbol)")
            for (found, bar) in zip(found, bars) { #expect(found == bar) }
        }
    }
}
