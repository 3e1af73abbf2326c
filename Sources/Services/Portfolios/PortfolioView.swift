import Trading

/// A portfolio as `GET /v1/portfolio` shows it, valued at the latest prices. Amounts are decimal text; what cannot be
/// known (no price) or does not fit is left out, and never counted as zero.
package struct PortfolioView: Encodable, Sendable {
    struct Position: Encodable, Sendable {
        let symbol: String
        let quantity: Int64
        /// What the shares held were bought for, by the average-cost rule.
        let cost: String
        /// cost ÷ quantity, rounded down.
        let averageCost: String
        let price: String?
        let priceAt: String?
        let marketValue: String?
        /// Market value less cost.
        let profit: String?
    }

    let userId: String
    let cash: String
    let holdings: [Position]
    /// Of all holdings; left out while one of them has no price.
    let marketValue: String?
    /// Of all holdings.
    let profit: String?
    /// Cash and market value.
    let totalValue: String?
    let version: Int64
    let updatedAt: String

    init(_ user: UserID, _ portfolio: Portfolio, prices: [Symbol: PricedAt]) {
        userId = user.text
        cash = portfolio.cash.description
        version = portfolio.version
        updatedAt = RFC3339.text(portfolio.updatedAtMillis)
        var value: Money? = .zero
        var cost: Money? = .zero
        var positions: [Position] = []
        for (symbol, holding) in portfolio.holdings.sorted(by: { $0.key < $1.key }) {
            let priced = prices[symbol]
            let worth = priced?.price.notional(quantity: holding.quantity)
            value = worth.flatMap { value?.adding($0) }
            cost = cost?.adding(holding.cost)
            positions.append(
                Position(
                    symbol: symbol.text, quantity: holding.quantity, cost: holding.cost.description,
                    averageCost: Money(units: holding.cost.units / max(1, holding.quantity)).description,
                    price: priced?.price.description, priceAt: priced.map { RFC3339.text($0.timestampMillis) },
                    marketValue: worth?.description, profit: worth?.subtracting(holding.cost)?.description))
        }
        holdings = positions
        marketValue = value?.description
        profit = cost.flatMap { value?.subtracting($0) }?.description
        totalValue = value.flatMap { portfolio.cash.adding($0) }?.description
    }
}
