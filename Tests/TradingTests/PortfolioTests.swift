import Testing
import Trading

@Suite struct PortfolioTests {
    private let opening = Portfolio(cash: Samples.money("1000"), updatedAtMillis: 1)

    private func filled(_ portfolio: Portfolio, _ order: Order, _ price: String) throws -> (Portfolio, Trade) {
        let result = try portfolio.apply(order, at: Samples.price(price), executedAtMillis: 99).get()
        return (result.portfolio, result.trade)
    }

    @Test func aPurchaseMovesCashIntoTheHolding() throws {
        let (after, trade) = try filled(opening, Samples.order(.buy, 3), "33.3333")
        #expect(trade.notional == Samples.money("99.9999"))
        #expect(after.cash == Samples.money("900.0001"))
        #expect(after.holdings[Samples.apple] == Holding(quantity: 3, cost: Samples.money("99.9999")))
        #expect(after.version == 2)
        #expect(after.updatedAtMillis == 99)
        #expect(trade.tradeID == TradeID(of: trade.orderID))
    }

    @Test func aSaleRemovesItsShareOfTheCostRoundedDown() throws {
        let (bought, _) = try filled(opening, Samples.order(.buy, 3), "33.3333")
        let (sold, _) = try filled(bought, Samples.order(.sell, 1), "50")
        // 999 999 × 1 ÷ 3 = 333 333; of the rest, 666 666 × 1 ÷ 2.
        #expect(sold.holdings[Samples.apple] == Holding(quantity: 2, cost: Samples.money("66.6666")))
        let odd = Portfolio(cash: .zero, holdings: [Samples.apple: Holding(quantity: 3, cost: Money(units: 100))])
        let (rest, _) = try filled(odd, Samples.order(.sell, 1), "1")
        #expect(rest.holdings[Samples.apple]?.cost.units == 67)
        let (last, _) = try filled(rest, Samples.order(.sell, 2), "1")
        #expect(last.holdings.isEmpty)
        #expect(last.cash == Samples.money("3"))
    }

    @Test func theLastUnitOfCashCanBeSpentAndNotOneMore() throws {
        let (after, _) = try filled(opening, Samples.order(.buy, 10), "100")
        #expect(after.cash == .zero)
        guard case .failure(let refusal) = after.apply(Samples.order(.buy, 1), at: Price(units: 1), executedAtMillis: 0)
        else {
            Issue.record("an order was filled without cash")
            return
        }
        #expect(refusal.reason == .insufficientFunds)
    }

    @Test func sharesNotHeldCannotBeSold() throws {
        let (after, _) = try filled(opening, Samples.order(.buy, 2), "1")
        guard case .failure(let refusal) = after.apply(Samples.order(.sell, 3), at: Price(units: 1), executedAtMillis: 0)
        else {
            Issue.record("shares were sold that were not held")
            return
        }
        #expect(refusal.reason == .insufficientHoldings)
        #expect(refusal.detail == "needs 3 shares, has 2")
    }

    @Test func overflowIsRefusedNotTrapped() {
        let rich = Portfolio(
            cash: Money(units: .max), holdings: [Samples.apple: Holding(quantity: .max, cost: Money(units: .max))])
        for side in [Side.buy, .sell] {
            let result = rich.apply(Samples.order(side, 1), at: Price(units: 1), executedAtMillis: 0)
            guard case .failure(let refusal) = result else {
                Issue.record("\(side) overflowed")
                continue
            }
            #expect(refusal.reason == .invalidOrder)
        }
        let huge = rich.apply(Samples.order(.buy, .max), at: Price(units: .max), executedAtMillis: 0)
        #expect((try? huge.get()) == nil)
    }

    @Test func theStoredFormIsReadBack() throws {
        var portfolio = opening
        for (index, name) in ["B", "A", "BRK.B", "ZZZZZZZZZZZZ"].enumerated() {
            let order = Order(
                orderID: OrderID(user: Samples.user, idempotencyKey: name), userID: Samples.user,
                symbol: try #require(Symbol(name)), side: .buy, kind: .market, quantity: Int64(index + 1), placedAtMillis: 0)
            (portfolio, _) = try filled(portfolio, order, "1.0001")
        }
        let bytes = portfolio.encodeBinary()
        #expect(try bytes.withUnsafeBytes { try Portfolio.decodeBinary($0) } == portfolio)
        for count in 0..<bytes.count {
            #expect(throws: DecodingFailure.self) {
                try Array(bytes[..<count]).withUnsafeBytes { try Portfolio.decodeBinary($0) }
            }
        }
    }

    /// Any sequence of orders: cash and cost account for every unit, nothing goes negative.
    @Test func randomTradingConservesMoney() throws {
        var random = SplitMix64(seed: 3)
        var portfolio = opening
        var spent: Int64 = 0
        var shares: Int64 = 0
        for index in 0..<20_000 {
            let side: Side = random.next() % 2 == 0 ? .buy : .sell
            let order = Samples.order(side, Int64(random.next() % 20) + 1, key: "\(index)")
            let price = Price(units: Int64(random.next() % 900_000) + 1)
            guard case .success(let (after, trade)) = portfolio.apply(order, at: price, executedAtMillis: 0) else { continue }
            spent += side == .buy ? trade.notional.units : -trade.notional.units
            shares += side == .buy ? trade.quantity : -trade.quantity
            portfolio = after
            #expect(portfolio.cash.units == opening.cash.units - spent)
            #expect((portfolio.holdings[Samples.apple]?.quantity ?? 0) == shares)
            #expect(portfolio.cash >= .zero)
            #expect((portfolio.holdings[Samples.apple]?.cost.units ?? 0) >= 0)
        }
        #expect(portfolio.version > 1_000)
    }
}
