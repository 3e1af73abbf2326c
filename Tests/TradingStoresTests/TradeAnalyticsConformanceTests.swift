import StoreKit
import Testing
import Trading
import TradingStores

/// What every `TradeAnalyticsStore` promises, run against each.
@Suite struct TradeAnalyticsConformanceTests {
    private let minute: Int64 = 60_000
    private let start: Int64 = 1_777_600_800_000  // a whole hour

    private func bar(
        _ symbol: String, _ minutes: Int64, trades: Int64 = 2, shares: Int64 = 10, price: Int64 = 1_000_001
    ) -> VolumeBar {
        VolumeBar(
            symbol: Symbol(symbol)!, startMillis: start + minutes * minute, trades: trades, shares: shares,
            notional: Money(units: price * shares), open: Price(units: price), high: Price(units: price + trades),
            low: Price(units: price - trades), close: Price(units: price + 1))
    }

    private func batch(_ trades: [Trade], _ range: ClosedRange<Int64> = 0...9, partition: Int32 = 0) -> TradeBatch {
        TradeBatch(
            topic: "trade_executed", partition: partition, firstOffset: range.lowerBound, lastOffset: range.upperBound,
            trades: trades)
    }

    private func query(_ symbol: String, _ minutes: Range<Int64>, interval: Int64 = 1) -> VolumeQuery {
        VolumeQuery(
            symbol: Symbol(symbol)!, fromMillis: start + minutes.lowerBound * minute,
            toMillis: start + minutes.upperBound * minute,
            intervalMinutes: interval)
    }

    @Test(arguments: TradeAnalyticsKind.allCases) func provisioningTwiceMakesThingsOnce(_ kind: TradeAnalyticsKind) async throws {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            #expect(try await store.provision().isEmpty)
            #expect(try await store.totals() == TradeTotals(trades: 0, shares: 0, notional: .zero))
            #expect(try await store.volume(query("AAPL", 0..<10)).isEmpty)
            #expect(try await store.top(.volume, limit: 5).isEmpty)
        }
    }

    /// The same cut, an overlapping one, and the same trades in another partition's: each trade counts once.
    @Test(arguments: TradeAnalyticsKind.allCases) func aTradeCountsOnceHoweverOftenItIsInserted(
        _ kind: TradeAnalyticsKind
    ) async throws {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            let user = Fixture.user()
            let trades = (0..<10).map { Fixture.trade(user, "\($0)", quantity: Int64($0 + 1), at: start + Int64($0)) }
            try await store.insert(batch(trades))
            try await store.insert(batch(trades))
            try await store.insert(batch(Array(trades[5...]), 5...9))
            try await store.insert(batch(trades, 20...29, partition: 1))
            try await store.insert(batch([], 10...12))
            let totals = try await store.totals()
            #expect(totals == TradeTotals(trades: 10, shares: 55, notional: Money(units: 55 * 1_892_501)))
        }
    }

    /// A name that did for more than its cut would drop these.
    @Test(arguments: TradeAnalyticsKind.allCases) func cutsOfOtherRangesAreOthers(_ kind: TradeAnalyticsKind) async throws {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            let user = Fixture.user()
            for part in Int64(0)..<3 {
                try await store.insert(batch([Fixture.trade(user, "\(part)")], part...part))
            }
            #expect(try await store.totals().trades == 3)
        }
    }

    /// As when the topic was made anew, or another cluster writes into the same database: offsets begin again.
    @Test(arguments: TradeAnalyticsKind.allCases) func otherTradesUnderTheSameOffsetsAreKept(
        _ kind: TradeAnalyticsKind
    ) async throws {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            let user = Fixture.user()
            try await store.insert(batch((0..<10).map { Fixture.trade(user, "first \($0)") }))
            try await store.insert(batch((0..<10).map { Fixture.trade(user, "second \($0)") }))
            #expect(try await store.totals().trades == 20)
        }
    }

    @Test(arguments: TradeAnalyticsKind.allCases) func theFirstAndTheLastTimeOfExecutionAreKept(
        _ kind: TradeAnalyticsKind
    ) async throws {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            let ends = [TradeBatch.executedAtMillis.lowerBound, TradeBatch.executedAtMillis.upperBound]
            let user = Fixture.user()
            try await store.insert(batch(ends.map { Fixture.trade(user, "\($0)", at: $0) }))
            #expect(try await store.totals().trades == 2)
            let bars = ends.map { end in
                VolumeBar(
                    symbol: Symbol("AAPL")!, startMillis: end / minute * minute, trades: 1, shares: 1, notional: Money(units: 5),
                    open: Price(units: 5), high: Price(units: 5), low: Price(units: 5), close: Price(units: 5))
            }
            try await store.upsert(bars)
            #expect(
                try await store.volume(
                    VolumeQuery(symbol: Symbol("AAPL")!, fromMillis: 0, toMillis: .max, intervalMinutes: 1)) == bars)
        }
    }

    @Test(arguments: TradeAnalyticsKind.allCases) func theBarThatCountsMostTradesWins(_ kind: TradeAnalyticsKind) async throws {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            try await store.upsert([bar("AAPL", 0, trades: 2), bar("AAPL", 1, trades: 5)])
            try await store.upsert([bar("AAPL", 0, trades: 3, shares: 15), bar("AAPL", 1, trades: 4)])
            try await store.upsert([bar("AAPL", 0, trades: 2)])
            #expect(
                try await store.volume(query("AAPL", 0..<5))
                    == [bar("AAPL", 0, trades: 3, shares: 15), bar("AAPL", 1, trades: 5)])
        }
    }

    @Test(arguments: TradeAnalyticsKind.allCases) func barsArePutTogetherIntoLongerOnes(_ kind: TradeAnalyticsKind) async throws {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            try await store.upsert([
                bar("AAPL", 14, price: 500), bar("AAPL", 15, price: 100), bar("AAPL", 17, price: 300),
                bar("AAPL", 29, price: 200), bar("AAPL", 30, price: 400), bar("MSFT", 16),
            ])
            let bars = try await store.volume(query("AAPL", 14..<30, interval: 15))
            #expect(bars.map(\.startMillis) == [start, start + 15 * minute])
            #expect(bars.map(\.trades) == [2, 6])
            #expect(bars.last?.shares == 30)
            #expect(bars.last?.notional == Money(units: 6000))
            #expect(bars.last.map { [$0.open, $0.high, $0.low, $0.close].map(\.units) } == [100, 302, 98, 201])
            await #expect(throws: StoreError.self) { _ = try await store.volume(query("AAPL", 0..<5, interval: 0)) }
        }
    }

    @Test(arguments: TradeAnalyticsKind.allCases) func topIsByWhatIsAskedTiesByName(_ kind: TradeAnalyticsKind) async throws {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            try await store.upsert([
                bar("CHEAP", 0, shares: 1000, price: 10), bar("DEAR", 0, shares: 3, price: 5_000_000),
                bar("DEAR", 1, shares: 4, price: 5_000_000), bar("BTIE", 0, shares: 7, price: 5),
                bar("ATIE", 0, shares: 7, price: 5),
            ])
            #expect(try await store.top(.volume, limit: 9).map(\.symbol.text) == ["CHEAP", "ATIE", "BTIE", "DEAR"])
            let byMoney = try await store.top(.notional, limit: 1)
            #expect(byMoney == [SymbolTotal(symbol: Symbol("DEAR")!, trades: 4, shares: 7, notional: Money(units: 35_000_000))])
            #expect(try await store.top(.volume, limit: 0).isEmpty)
        }
    }

    @Test(arguments: TradeAnalyticsKind.allCases) func largeAmountsStayExact(_ kind: TradeAnalyticsKind) async throws {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            let user = Fixture.user()
            let trade = Fixture.trade(user, "1", quantity: 1_000_000_000, priceUnits: 4_500_000_001)
            try await store.insert(batch([trade, Fixture.trade(user, "2", quantity: 1_000_000_000, priceUnits: 4_500_000_002)]))
            #expect(try await store.totals().notional == Money(units: 9_000_000_003_000_000_000))
            let bar = VolumeBar(
                symbol: trade.symbol, startMillis: start, trades: 1, shares: .max / 2, notional: Money(units: .max - 7),
                open: trade.price, high: trade.price, low: trade.price, close: trade.price)
            try await store.upsert([bar])
            #expect(try await store.volume(query("AAPL", 0..<1)) == [bar])
        }
    }
}
