import Testing
import Trading

@Suite struct MarketRhythmTests {
    private func rhythm(_ change: (inout MarketRhythm.Settings) -> Void) -> MarketRhythm {
        var settings = MarketRhythm.Settings()
        change(&settings)
        return MarketRhythm(settings, symbolsCount: 12, ticksPerSecond: 100)
    }

    @Test func theDefaultIsAnEvenFlow() {
        let even = rhythm { _ in }
        #expect(even.positionsRate == 100)
        #expect((0..<10_000).allSatisfy { even.hasTick(at: $0) })
    }

    /// Each half minute has two seconds in which every position is a tick, and outside them one round in five is.
    @Test func burstsComeOnceInTheirTimeAndMultiplyTheRate() {
        let restless = rhythm { $0.burstFactor = 5 }
        for window in 0..<20 as Range<Int64> {
            let bursting = (0..<30_000).filter { restless.isBurst(atMillis: window * 30_000 + $0) }
            #expect(bursting.count == 2_000)
            #expect(bursting.last == (bursting.first ?? 0) + 1_999, "in one piece")
        }
        var ticks = [Int](repeating: 0, count: 12)
        for position in 0..<Int64(restless.positionsRate) * 300 where restless.hasTick(at: position) {
            ticks[Int(position % 12)] += 1
        }
        // 100 a second for 280 s, 500 for 20 s.
        let total = ticks.reduce(0, +)
        #expect((37_500...38_500).contains(total), "\(total)")
        #expect(ticks.allSatisfy { abs($0 - total / 12) < total / 100 }, "no symbol is left out: \(ticks)")
    }

    @Test func aHaltedShareIsSilentForAWhileAndTheOthersGoOn() {
        let halting = rhythm { $0.haltMillionths = 100_000 }
        var halted = 0
        for window in 0..<1_000 as Range<Int64> {
            let first = halting.isHalted(symbol: 3, atMillis: window * 20_000)
            #expect(halting.isHalted(symbol: 3, atMillis: window * 20_000 + 19_999) == first)
            if first { halted += 1 }
        }
        #expect((70...130).contains(halted), "about a tenth: \(halted)")
        let windows = (0..<1_000).filter { halting.isHalted(symbol: 3, atMillis: Int64($0) * 20_000) }
        #expect(windows.contains { !halting.isHalted(symbol: 4, atMillis: Int64($0) * 20_000) })
        for window in windows.prefix(3) {
            let positions = Int64(window) * 2_000..<Int64(window + 1) * 2_000
            #expect(positions.allSatisfy { $0 % 12 != 3 || !halting.hasTick(at: $0) })
            #expect(positions.contains { halting.hasTick(at: $0) })
        }
    }

    @Test func anotherSeedIsAnotherMarket() {
        let (one, other) = (rhythm { $0.haltMillionths = 500_000 }, rhythm { ($0.haltMillionths, $0.seed) = (500_000, 2) })
        #expect((0..<2_000).contains { one.hasTick(at: $0 * 1_000) != other.hasTick(at: $0 * 1_000) })
    }
}

@Suite struct SimulatedTraderTests {
    private let symbol = Symbol("AAPL")!

    /// A market whose price goes up, down, or nowhere.
    private func view(step: Int64) -> MarketView {
        var view = MarketView()
        for look in 0..<50 as Range<Int64> { view.see(symbol, Price(units: 1_000_000 + look * step)) }
        return view
    }

    private func sides(_ strategy: TradingStrategy, _ view: MarketView) -> (buys: Int, sells: Int) {
        var settings = SimulatedTrader.Settings()
        (settings.nonsenseMillionths, settings.overreachingMillionths) = (0, 0)
        settings.cash = Samples.money("10000000")
        var trader = SimulatedTrader(strategy, settings, seed: 5)
        let sides = (0..<1_000).compactMap { _ in trader.decide(view)?.side }
        return (sides.count { $0 == .buy }, sides.count { $0 == .sell })
    }

    @Test func strategiesFollowTheTrendOrGoAgainstIt() {
        #expect(sides(.momentum, view(step: 2_000)).sells == 0)
        #expect(sides(.meanReversion, view(step: -2_000)).sells == 0)
        // Who wants to sell must have bought first.
        #expect(sides(.momentum, view(step: -2_000)).sells > 300)
        #expect(sides(.meanReversion, view(step: 2_000)).sells > 300)
        let random = sides(.random, view(step: 2_000))
        #expect(random.buys > 300 && random.sells > 300)
    }

    /// Filled one by one as the market moves: refused is what is meant to be, 3 % here, and nothing else.
    @Test(arguments: TradingStrategy.allCases)
    func usersAffordWhatTheyOrder(_ strategy: TradingStrategy) throws {
        var settings = SimulatedTrader.Settings()
        settings.nonsenseMillionths = 0
        var trader = SimulatedTrader(strategy, settings, seed: 3)
        var portfolio = Portfolio(cash: settings.cash)
        let feed = MarketFeedGenerator(.init(startMillis: 0))
        var view = MarketView()
        var refused: [RejectionReason: Int] = [:]
        for step in 0..<10_000 as Range<Int64> {
            let price = feed.price(of: 0, step: step)
            view.see(symbol, price)
            let decided = trader.decide(view)
            let ticket = try #require(decided)
            let order = Samples.order(ticket.side, ticket.quantity, kind: ticket.kind, key: "\(step)")
            switch OrderExecution.decide(
                order: order, price: price, priceTimestampMillis: 0, nowMillis: 0, maxPriceAgeMillis: 1, portfolio: portfolio)
            {
            case .executed(let next, _): portfolio = next
            case .rejected(let rejection, _): refused[rejection.reason, default: 0] += 1
            }
        }
        #expect(Set(refused.keys) == [.limitNotMet, .insufficientHoldings])
        #expect((150...250).contains(refused[.limitNotMet, default: 0]), "\(refused)")
        #expect((60...140).contains(refused[.insufficientHoldings, default: 0]), "\(refused)")
    }

    @Test func theSameSeedAndMarketGiveTheSameOrders() {
        func orders(_ seed: UInt64) -> [OrderTicket?] {
            var trader = SimulatedTrader(.random, seed: seed)
            return (0..<200).map { _ in trader.decide(view(step: 10)) }
        }
        #expect(orders(1) == orders(1))
        #expect(orders(1) != orders(2))
    }

    @Test func onlyTheStatedShareIsNonsense() {
        var settings = SimulatedTrader.Settings()
        settings.nonsenseMillionths = 200_000
        var trader = SimulatedTrader(.random, settings, seed: 9)
        let tickets = (0..<2_000).compactMap { _ in trader.decide(view(step: 10)) }
        let nonsense = tickets.filter(\.isNonsense)
        #expect((300...500).contains(nonsense.count))
        for ticket in tickets {
            let isSensible = ticket.quantity > 0 && ticket.symbol == "AAPL" && ticket.kind != .limit(Price(units: 0))
            #expect(isSensible != ticket.isNonsense)
        }
    }

    @Test func nobodyTradesBeforeThereArePrices() {
        var trader = SimulatedTrader(.momentum, seed: 1)
        #expect(trader.decide(MarketView()) == nil)
    }
}
