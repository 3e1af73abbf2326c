/// What a user holds of one share.
public struct Holding: Hashable, Sendable {
    /// Whole shares, above zero: a position that is sold out is removed.
    public let quantity: Int64
    /// What the shares held were bought for, by the average-cost rule of `Portfolio`.
    public let cost: Money

    public init(quantity: Int64, cost: Money) {
        self.quantity = quantity
        self.cost = cost
    }
}

/// A user's cash and shares. A pure value: applying an order gives a new one.
///
/// Average-cost rule. A purchase adds its notional to the position's cost. A sale of `s` of `q` shares
/// removes `cost × s ÷ q`, rounded down to 1/10 000; selling all of them removes all of it. So the cost of
/// a position is what its shares cost on average, to the unit, and never drifts below zero.
public struct Portfolio: Hashable, Sendable {
    /// Cash, never negative.
    public let cash: Money
    public let holdings: [Symbol: Holding]
    /// 1 when the account is opened, one more with every trade: the optimistic lock.
    public let version: Int64
    /// When the last trade (or the opening) was committed, epoch milliseconds.
    public let updatedAtMillis: Int64

    public init(cash: Money, holdings: [Symbol: Holding] = [:], version: Int64 = 1, updatedAtMillis: Int64 = 0) {
        self.cash = cash
        self.holdings = holdings
        self.version = version
        self.updatedAtMillis = updatedAtMillis
    }

    /// Why an order cannot be executed against a portfolio.
    public struct Refusal: Error, Hashable, Sendable {
        public let reason: RejectionReason
        public let detail: String
    }

    /// The trade that fills `order` at `price` and the portfolio after it, or why it cannot be.
    ///
    /// Looks at cash and holdings only: the order's sense, its limit and the price's age are
    /// `OrderExecution`'s. Cost: one dictionary copy.
    public func apply(
        _ order: Order, at price: Price, executedAtMillis: Int64
    ) -> Result<(portfolio: Portfolio, trade: Trade), Refusal> {
        guard order.quantity > 0, let notional = price.notional(quantity: order.quantity) else {
            return .failure(Refusal(reason: .invalidOrder, detail: InvalidReason.notionalTooLarge.description))
        }
        let trade = Trade(
            tradeID: TradeID(of: order.orderID), orderID: order.orderID, userID: order.userID,
            symbol: order.symbol, side: order.side, quantity: order.quantity, price: price,
            notional: notional, executedAtMillis: executedAtMillis)
        switch applying(trade) {
        case .success(let portfolio): return .success((portfolio, trade))
        case .failure(let refusal): return .failure(refusal)
        }
    }

    /// The portfolio after `trade`. Fails when cash or shares do not suffice.
    public func applying(_ trade: Trade) -> Result<Portfolio, Refusal> {
        guard trade.quantity > 0, trade.price.units > 0 else {
            return .failure(Refusal(reason: .invalidOrder, detail: "quantity and price must be above zero"))
        }
        return trade.side == .buy ? buying(trade) : selling(trade)
    }

    private func buying(_ trade: Trade) -> Result<Portfolio, Refusal> {
        guard let rest = cash.subtracting(trade.notional), rest >= .zero else {
            return .failure(
                Refusal(reason: .insufficientFunds, detail: "needs \(trade.notional), has \(cash)"))
        }
        let held = holdings[trade.symbol] ?? Holding(quantity: 0, cost: .zero)
        let (quantity, overflow) = held.quantity.addingReportingOverflow(trade.quantity)
        guard !overflow, let cost = held.cost.adding(trade.notional) else {
            return .failure(Refusal(reason: .invalidOrder, detail: "the position would be too large"))
        }
        return .success(next(cash: rest, trade, holding: Holding(quantity: quantity, cost: cost)))
    }

    private func selling(_ trade: Trade) -> Result<Portfolio, Refusal> {
        guard let held = holdings[trade.symbol], held.quantity >= trade.quantity else {
            let has = holdings[trade.symbol]?.quantity ?? 0
            return .failure(
                Refusal(reason: .insufficientHoldings, detail: "needs \(trade.quantity) shares, has \(has)"))
        }
        guard let sum = cash.adding(trade.notional) else {
            return .failure(Refusal(reason: .invalidOrder, detail: "the cash balance would be too large"))
        }
        if held.quantity == trade.quantity { return .success(next(cash: sum, trade, holding: nil)) }
        let removed = Portfolio.costRemoved(held, quantitySold: trade.quantity)
        let left = Holding(
            quantity: held.quantity - trade.quantity, cost: Money(units: held.cost.units - removed))
        return .success(next(cash: sum, trade, holding: left))
    }

    /// cost × sold ÷ quantity, rounded down, through a 128-bit product. `sold` < `quantity`, so it fits.
    private static func costRemoved(_ held: Holding, quantitySold sold: Int64) -> Int64 {
        let product = held.cost.units.multipliedFullWidth(by: sold)
        return held.quantity.dividingFullWidth(product).quotient
    }

    private func next(cash: Money, _ trade: Trade, holding: Holding?) -> Portfolio {
        var holdings = holdings
        holdings[trade.symbol] = holding
        return Portfolio(
            cash: cash, holdings: holdings, version: version + 1, updatedAtMillis: trade.executedAtMillis)
    }
}
