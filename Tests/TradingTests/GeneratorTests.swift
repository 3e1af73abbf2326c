import Testing
import Trading

@Suite struct MarketFeedGeneratorTests {
    private func feed(seed: UInt64 = 1) -> MarketFeedGenerator {
        var settings = MarketFeedGenerator.Settings(startMillis: 1_700_000_000_000)
        settings.seed = seed
        return MarketFeedGenerator(settings)
    }

    @Test func everyPositionIsReachedAtOnceAndAlwaysTheSame() {
        let one = feed()
        let walked = (0..<5_000).map { one.tick(at: $0) }
        for position in stride(from: 4_999, to: 0, by: -7) { #expect(feed().tick(at: Int64(position)) == walked[position]) }
        #expect(feed(seed: 2).tick(at: 77).price != walked[77].price)
    }

    @Test func ticksMakeSenseAndSequenceNumbersGrow() {
        let feed = feed()
        var last = feed.tick(at: 0)
        for position in 1..<20_000 as Range<Int64> {
            let tick = feed.tick(at: position)
            #expect(tick.validate() == nil)
            #expect(tick.seq == last.seq + 1)
            #expect(tick.timestampMillis >= last.timestampMillis)
            last = tick
        }
        #expect(feed.timestampMillis(at: 10_500) == 1_700_000_010_500)
        var later = feed.settings
        later.startMillis += 20_000
        #expect(later.firstSeq > last.seq)
    }

    /// It moves, in small steps, and stays near its base for ever.
    @Test func pricesWalkWithinBounds() {
        let feed = feed()
        let base = feed.settings.listings[0].basePrice.units
        var lowest = Int64.max
        var highest = Int64.min
        var distinct: Set<Int64> = []
        var largestStepMillionths: Int64 = 0
        var last = feed.price(of: 0, step: 0).units
        for step in 1..<400_000 as Range<Int64> {
            let units = feed.price(of: 0, step: step).units
            largestStepMillionths = max(largestStepMillionths, abs(units - last) * 1_000_000 / last)
            last = units
            lowest = min(lowest, units)
            highest = max(highest, units)
            distinct.insert(units)
        }
        #expect(lowest > base * 50 / 100 && highest < base * 150 / 100)
        #expect(highest - lowest > base * 5 / 100)
        #expect(distinct.count > 10_000)
        #expect(largestStepMillionths < 3_000)
    }
}

@Suite struct OrderGeneratorTests {
    private func generator(_ change: (inout OrderGenerator.Settings) -> Void = { _ in }) -> OrderGenerator {
        var settings = OrderGenerator.Settings(startMillis: 1_700_000_000_000)
        change(&settings)
        return OrderGenerator(settings)
    }

    @Test func everyPositionIsReachedAtOnceAndAlwaysTheSame() {
        let walked = (0..<2_000).map { generator().order(at: $0) }
        for position in stride(from: 1_999, to: 0, by: -3) {
            #expect(generator().order(at: Int64(position)) == walked[position])
        }
        #expect(Set(walked.map(\.orderID)).count == walked.count)
        #expect(walked.allSatisfy { $0.validate() == nil })
    }

    @Test func theSharesAreAboutAsConfigured() {
        let generator = generator {
            $0.limitMillionths = 250_000
            $0.invalidMillionths = 100_000
            $0.usersCount = 50
        }
        let orders = (0..<20_000).map { generator.order(at: $0) }
        let limits = orders.filter { $0.kind.type == .limit }.count
        let zero = orders.filter { $0.quantity == 0 }.count
        let unknown = orders.filter { $0.symbol == OrderGenerator.unknownSymbol }.count
        #expect((4_500...5_500).contains(limits))
        #expect((800...1_200).contains(zero))
        #expect((800...1_200).contains(unknown))
        #expect(Set(orders.map(\.userID)).count == 50)
        #expect(orders.allSatisfy { $0.userID.text.hasPrefix("user-0000") })
    }

    /// Executed one by one as prices move: refused is what is odd on purpose, and nothing else.
    @Test func usersAffordWhatTheyOrder() {
        let generator = generator { ($0.usersCount, $0.invalidMillionths) = (20, 20_000) }
        let feed = MarketFeedGenerator(.init(startMillis: 0))
        let symbols = feed.settings.listings.map(\.symbol)
        var portfolios: [UserID: Portfolio] = [:]
        var refused: [RejectionReason: Int] = [:]
        for position in 0..<40_000 as Range<Int64> {
            let order = generator.order(at: position)
            guard let index = symbols.firstIndex(of: order.symbol) else {
                refused[.unknownSymbol, default: 0] += 1
                continue
            }
            switch OrderExecution.decide(
                order: order, price: feed.price(of: index, step: position), priceTimestampMillis: 0, nowMillis: 0,
                maxPriceAgeMillis: 1, portfolio: portfolios[order.userID] ?? Portfolio(cash: Samples.money("1000000")))
            {
            case .executed(let next, _): portfolios[order.userID] = next
            case .rejected(let rejection, _):
                refused[rejection.reason, default: 0] += 1
                let isShort = rejection.reason == .insufficientFunds || rejection.reason == .insufficientHoldings
                #expect(isShort == (order.quantity == 1_000_000), "\(rejection)")
            }
        }
        #expect(
            Set(refused.keys) == [.unknownSymbol, .invalidOrder, .limitNotMet, .insufficientFunds, .insufficientHoldings])
        // 2 %, 1 % and 1 %.
        #expect((1_300...1_900).contains(refused.values.reduce(0, +)), "\(refused)")
    }

    @Test func duplicatesAreEarlierOrdersAgain() {
        let generator = generator { $0.duplicateMillionths = 50_000 }
        var duplicates = 0
        for position in 0..<20_000 as Range<Int64> {
            let origin = generator.origin(of: position)
            #expect(origin <= position)
            #expect(generator.origin(of: origin) == origin)
            if origin != position {
                duplicates += 1
                #expect(generator.order(at: position) == generator.order(at: origin))
            }
        }
        #expect((800...1_200).contains(duplicates))
    }
}

@Suite struct ConservationTests {
    private let opening = Portfolio(cash: Samples.money("1000000"))

    private func run(_ count: Int) throws -> (trades: [Trade], final: Portfolio) {
        var trades: [Trade] = []
        var portfolio = opening
        var random = SplitMix64(seed: 5)
        for index in 0..<count {
            let order = Samples.order(random.next() % 3 == 0 ? .sell : .buy, Int64(random.next() % 9) + 1, key: "\(index)")
            let price = Price(units: Int64(random.next() % 1_000_000) + 1)
            if case .success(let (after, trade)) = portfolio.apply(order, at: price, executedAtMillis: 0) {
                portfolio = after
                trades.append(trade)
            }
        }
        return (trades, portfolio)
    }

    private func differences(_ trades: [Trade], _ finals: [UserID: Portfolio]) -> [Conservation.Difference] {
        var conservation = Conservation(openings: [Samples.user: opening])
        for trade in trades { conservation.add(trade) }
        return conservation.differences(from: finals)
    }

    @Test func anHonestRunIsConserved() throws {
        let (trades, final) = try run(500)
        var conservation = Conservation(openings: [Samples.user: opening])
        for trade in trades { conservation.add(trade) }
        #expect(conservation.differences(from: [Samples.user: final]).isEmpty)
        #expect(conservation.tradesCount == trades.count)
        let spent = try #require(conservation.spent?.units)
        let earned = try #require(conservation.earned?.units)
        #expect(opening.cash.units - spent + earned == final.cash.units)
    }

    @Test func oneUnitIsNoticed() throws {
        let (trades, final) = try run(50)
        let short = Portfolio(cash: Money(units: final.cash.units - 1), holdings: final.holdings, version: final.version)
        #expect(
            differences(trades, [Samples.user: short]) == [.cash(Samples.user, expected: final.cash, actual: short.cash)])
    }

    /// After a kill: executed, and the trades not committed yet.
    @Test func whoIsAheadByOrdersThatWaitForTheirOutcomeIsNotJudgedAndNobodyElseIsSpared() throws {
        let (trades, final) = try run(50)
        var conservation = Conservation(openings: [Samples.user: opening])
        for trade in trades.dropLast(2) { conservation.add(trade) }
        let finals = [Samples.user: final]
        let waiting = conservation.judge(finals, waiting: [Samples.user: 2])
        #expect(waiting.differences.isEmpty && waiting.ahead == [Samples.user])
        for orders in [0, 1] {
            let lost = conservation.judge(finals, waiting: [Samples.user: orders])
            #expect(!lost.differences.isEmpty && lost.ahead.isEmpty, "\(orders) orders explain two executions")
        }
        // As far as the trades, and different: no order that waits makes that.
        let short = Portfolio(cash: Money(units: final.cash.units - 1), holdings: final.holdings, version: final.version - 2)
        #expect(conservation.judge([Samples.user: short], waiting: [Samples.user: 2]).ahead.isEmpty)
        #expect(conservation.judge([:], waiting: [Samples.user: 2]).differences == [.missingPortfolio(Samples.user)])
    }

    @Test func lostDoubledAndForeignTradesAreNoticed() throws {
        let (trades, final) = try run(50)
        #expect(!differences(Array(trades.dropLast()), [Samples.user: final]).isEmpty)
        #expect(differences(trades + [trades[3]], [Samples.user: final]) == [.duplicateTrade(trades[3])])
        #expect(differences(trades, [:]) == [.missingPortfolio(Samples.user)])
        let other = UserID("bob")!
        #expect(differences(trades, [Samples.user: final, other: opening]) == [.unexpectedPortfolio(other)])
    }
}
