/// What is to be done with an order, given a price and a portfolio.
public enum Decision: Hashable, Sendable {
    /// Commit this portfolio and this trade together.
    case executed(Portfolio, Trade)
    /// Refuse it. When the refusal depends on the portfolio it must be committed under the condition that
    /// the portfolio still is as it was read, so that nothing is refused for good on a stale copy.
    case rejected(Rejection, dependsOnPortfolio: Bool)
}

/// The rule that turns an order into an outcome. Pure: no clock, no store, no state.
public enum OrderExecution {
    /// Decides one order.
    ///
    /// Reasons are looked at in this order: the order's own sense, the price's presence and age, the limit,
    /// the user, cash or holdings. So a refusal that needs no portfolio is found without one, and reading
    /// the portfolio later cannot change it.
    /// - Parameters:
    ///   - price: the latest price, nil when none came within the bounded wait.
    ///   - priceTimestampMillis: when that price was made, epoch milliseconds.
    ///   - nowMillis: now; becomes the outcome's time.
    ///   - maxPriceAgeMillis: an older price is `STALE_PRICE`.
    ///   - portfolio: nil when the user has none.
    public static func decide(
        order: Order, price: Price?, priceTimestampMillis: Int64, nowMillis: Int64,
        maxPriceAgeMillis: Int64, portfolio: Portfolio?
    ) -> Decision {
        func refuse(_ reason: RejectionReason, _ detail: String, dependsOnPortfolio: Bool = false) -> Decision {
            let rejection = Rejection(of: order, reason: reason, detail: detail, rejectedAtMillis: nowMillis)
            return .rejected(rejection, dependsOnPortfolio: dependsOnPortfolio)
        }
        if let invalid = order.validate() { return refuse(.invalidOrder, invalid.description) }
        guard let price, price.units > 0 else { return refuse(.stalePrice, "no price for \(order.symbol)") }
        let (ageMillis, overflow) = nowMillis.subtractingReportingOverflow(priceTimestampMillis)
        if overflow || ageMillis > maxPriceAgeMillis {
            return refuse(.stalePrice, "the latest price is \(ageMillis) ms old, allowed are \(maxPriceAgeMillis)")
        }
        if case .limit(let limit) = order.kind, isWorse(price, than: limit, for: order.side) {
            return refuse(.limitNotMet, "the latest price is \(price), the limit \(limit)")
        }
        if price.notional(quantity: order.quantity) == nil {
            return refuse(.invalidOrder, InvalidReason.notionalTooLarge.description)
        }
        guard let portfolio else {
            return refuse(.unknownUser, "no account of that name", dependsOnPortfolio: true)
        }
        switch portfolio.apply(order, at: price, executedAtMillis: nowMillis) {
        case .success(let (portfolio, trade)): return .executed(portfolio, trade)
        case .failure(let refusal): return refuse(refusal.reason, refusal.detail, dependsOnPortfolio: true)
        }
    }

    /// Refuses an order whose symbol is not on the list of known ones. Does not depend on the portfolio.
    public static func unknownSymbol(_ order: Order, nowMillis: Int64) -> Rejection {
        Rejection(
            of: order, reason: .unknownSymbol, detail: "\(order.symbol) is not traded here",
            rejectedAtMillis: nowMillis)
    }

    /// Refuses an order whose portfolio moved under it `attempts` times in a row.
    public static func conflict(_ order: Order, attempts: Int, nowMillis: Int64) -> Rejection {
        Rejection(
            of: order, reason: .conflict, detail: "the portfolio moved \(attempts) times in a row",
            rejectedAtMillis: nowMillis)
    }

    private static func isWorse(_ price: Price, than limit: Price, for side: Side) -> Bool {
        side == .buy ? price > limit : price < limit
    }
}
