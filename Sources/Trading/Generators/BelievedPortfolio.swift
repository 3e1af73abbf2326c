/// What a simulated user takes its portfolio to be: as if every order were filled at the price it saw. Shares count as
/// held only a few orders after they were bought, when the purchase has surely been executed. Pure.
struct BelievedPortfolio: Sendable {
    /// How many orders later a purchase counts.
    private static let settledAfter: Int64 = 16

    private var cash: Int64
    private var holdings: [Symbol: Int64] = [:]
    private var purchases: [(symbol: Symbol, quantity: Int64, settledAt: Int64)] = []
    private var orders: Int64 = 0

    init(cash: Money) { self.cash = cash.units }

    /// Shares that can be sold.
    func held(_ symbol: Symbol) -> Int64 { holdings[symbol, default: 0] }

    /// Whether there is cash for so many shares, and some to spare: prices move.
    func affords(_ quantity: Int64, at price: Price) -> Bool {
        guard let cost = price.notional(quantity: quantity)?.units else { return false }
        return cost <= cash - cash / 10
    }

    /// The user is about to order.
    mutating func nextOrder() {
        orders += 1
        while let first = purchases.first, first.settledAt <= orders {
            holdings[first.symbol, default: 0] += first.quantity
            purchases.removeFirst()
        }
    }

    mutating func bought(_ quantity: Int64, of symbol: Symbol, at price: Price) {
        cash -= price.notional(quantity: quantity)?.units ?? 0
        purchases.append((symbol, quantity, orders + Self.settledAfter))
    }

    mutating func sold(_ quantity: Int64, of symbol: Symbol, at price: Price) {
        cash += price.notional(quantity: quantity)?.units ?? 0
        holdings[symbol, default: 0] -= quantity
    }
}
