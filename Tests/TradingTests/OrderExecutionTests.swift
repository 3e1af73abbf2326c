import Testing
import Trading

@Suite struct OrderExecutionTests {
    private let portfolio = Portfolio(cash: Samples.money("1000"))

    private func decide(
        _ order: Order, price: String? = "100", ageMillis: Int64 = 0, portfolio: Portfolio?
    ) -> Decision {
        OrderExecution.decide(
            order: order, price: price.map(Samples.price), priceTimestampMillis: 10_000 &- ageMillis,
            nowMillis: 10_000, maxPriceAgeMillis: 500, portfolio: portfolio)
    }

    private func rejection(_ decision: Decision) -> (RejectionReason, Bool)? {
        if case .rejected(let rejection, let dependsOnPortfolio) = decision { return (rejection.reason, dependsOnPortfolio) }
        return nil
    }

    /// Whoever used up the retries says so; the wire knows the word, and back.
    @Test func aPortfolioThatKeptMovingIsAConflict() throws {
        let order = Samples.order(.sell, 3, kind: .limit(Samples.price("100")))
        let rejection = OrderExecution.conflict(order, attempts: 8, nowMillis: 10_000)
        #expect(rejection.reason == .conflict && rejection.detail == "the portfolio moved 8 times in a row")
        #expect(rejection.orderID == order.orderID && rejection.userID == order.userID && rejection.symbol == order.symbol)
        #expect(rejection.side == .sell && rejection.quantity == 3 && rejection.rejectedAtMillis == 10_000)
        #expect(String(decoding: rejection.encoded(), as: UTF8.self).contains(#""reason":"CONFLICT""#))
        #expect(try Rejection.decode(rejection.encoded()) == rejection)
    }

    @Test func aSensibleOrderIsFilledAtTheLatestPrice() {
        guard case .executed(let after, let trade) = decide(Samples.order(.buy, 2), portfolio: portfolio) else {
            Issue.record("not filled")
            return
        }
        #expect(after.cash == Samples.money("800"))
        #expect(trade.price == Samples.price("100"))
        #expect(trade.executedAtMillis == 10_000)
    }

    @Test(arguments: [
        (Samples.order(.buy, 0), RejectionReason.invalidOrder, false),
        (Samples.order(.buy, -1), .invalidOrder, false),
        (Samples.order(.buy, 1_000_000_001), .invalidOrder, false),
        (Samples.order(kind: .senseless(.limit, limitPrice: nil)), .invalidOrder, false),
        (Samples.order(kind: .senseless(.limit, limitPrice: "1.23456")), .invalidOrder, false),
        (Samples.order(kind: .senseless(.market, limitPrice: "1.00")), .invalidOrder, false),
        (Samples.order(kind: .limit(Price(units: 0))), .invalidOrder, false),
        (Samples.order(.buy, 1_000_000_000, kind: .limit(Price(units: .max))), .invalidOrder, false),
        (Samples.order(.buy, 1, kind: .limit(Samples.price("99.9999"))), .limitNotMet, false),
        (Samples.order(.sell, 1, kind: .limit(Samples.price("100.0001"))), .limitNotMet, false),
        (Samples.order(.buy, 11), .insufficientFunds, true),
        (Samples.order(.sell, 1), .insufficientHoldings, true),
    ])
    func refusalsSayWhyAndWhetherThePortfolioMatters(_ order: Order, _ reason: RejectionReason, _ depends: Bool) {
        let got = rejection(decide(order, portfolio: portfolio))
        #expect(got?.0 == reason)
        #expect(got?.1 == depends)
        if !depends { #expect(rejection(decide(order, portfolio: nil))?.0 == reason) }
    }

    @Test func aLimitIsMetAtExactlyItsPrice() {
        for order in [Samples.order(.buy, 1, kind: .limit(Samples.price("100")))] {
            #expect(rejection(decide(order, portfolio: portfolio)) == nil)
        }
    }

    @Test func anUnknownUserDependsOnThePortfolio() {
        let got = rejection(decide(Samples.order(), portfolio: nil))
        #expect(got?.0 == .unknownUser)
        #expect(got?.1 == true)
    }

    @Test func thePriceMayBeExactlyAsOldAsAllowed() {
        #expect(rejection(decide(Samples.order(.buy, 1), ageMillis: 500, portfolio: portfolio)) == nil)
        #expect(rejection(decide(Samples.order(.buy, 1), ageMillis: 501, portfolio: portfolio))?.0 == .stalePrice)
        #expect(rejection(decide(Samples.order(.buy, 1), price: nil, portfolio: portfolio))?.0 == .stalePrice)
        #expect(rejection(decide(Samples.order(.buy, 1), ageMillis: .min, portfolio: portfolio))?.0 == .stalePrice)
    }

    @Test func aNotionalBeyondMoneyIsAnInvalidOrder() {
        let got = rejection(decide(Samples.order(.buy, 1_000_000_000), price: "900000000000000", portfolio: portfolio))
        #expect(got?.0 == .invalidOrder)
    }
}
