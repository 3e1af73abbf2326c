/// How a simulated user decides.
public enum TradingStrategy: String, CaseIterable, Sendable {
    /// Buys what rises, sells what falls.
    case momentum
    /// Buys what has fallen below its mean, sells what is above it.
    case meanReversion = "mean-reversion"
    /// Tosses coins.
    case random
}

/// What all traders see of the market: the latest price of each symbol, and two moving averages of it.
public struct MarketView: Sendable {
    public struct Trend: Hashable, Sendable {
        public var latest: Price
        /// Averages over about 4 and about 32 looks, in units of the price.
        public var fast: Int64
        public var slow: Int64
    }

    public private(set) var trends: [Symbol: Trend] = [:]
    /// The symbols seen, in order.
    public private(set) var symbols: [Symbol] = []

    public init() {}

    /// Takes a look at the market.
    public mutating func see(_ symbol: Symbol, _ price: Price) {
        guard var trend = trends[symbol] else {
            trends[symbol] = Trend(latest: price, fast: price.units, slow: price.units)
            symbols.append(symbol)
            symbols.sort()
            return
        }
        trend.latest = price
        trend.fast += (price.units - trend.fast) / 4
        trend.slow += (price.units - trend.slow) / 32
        trends[symbol] = trend
    }
}

/// An order as a user would send it, sensible or not.
public struct OrderTicket: Hashable, Sendable {
    public var symbol: String
    public var side: Side
    public var kind: OrderKind
    public var quantity: Int64
    /// Made wrong on purpose: it must be refused.
    public var isNonsense: Bool
}

/// A made-up user. What is decided is a pure function of the seed and of what was seen before: a simulation can be
/// repeated. It buys what it can pay and sells what it has, as far as it knows; what is refused is so on purpose.
public struct SimulatedTrader: Sendable {
    /// What a trader is like. Shares are per million orders.
    public struct Settings: Hashable, Sendable {
        /// LIMIT orders that the market meets.
        public var limitMillionths: Int64 = 300_000
        /// LIMIT orders that it does not meet.
        public var unmetMillionths: Int64 = 20_000
        /// Orders to sell what is not held.
        public var overreachingMillionths: Int64 = 10_000
        public var nonsenseMillionths: Int64 = 20_000
        public var quantityMax: Int64 = 20
        /// What the account is opened with.
        public var cash = Money(units: 1_000_000 * FixedPoint.unitsPerWhole)

        public init() {}
    }

    public let strategy: TradingStrategy
    private let settings: Settings
    private var random: SplitMix64
    private var believed: BelievedPortfolio

    public init(_ strategy: TradingStrategy, _ settings: Settings = Settings(), seed: UInt64) {
        self.strategy = strategy
        self.settings = settings
        random = SplitMix64(seed: seed)
        believed = BelievedPortfolio(cash: settings.cash)
    }

    /// The next order; nil while no symbol has a price, and when there is nothing to buy with and nothing to sell.
    public mutating func decide(_ view: MarketView) -> OrderTicket? {
        guard !view.symbols.isEmpty else { return nil }
        let symbol = view.symbols[Int(below(Int64(view.symbols.count)))]
        guard let trend = view.trends[symbol] else { return nil }
        believed.nextOrder()
        let wish = wish(trend)
        let quantity = below(settings.quantityMax) + 1
        if hits(settings.overreachingMillionths) {
            return OrderTicket(
                symbol: symbol.text, side: .sell, kind: .market, quantity: Order.quantityMax, isNonsense: false)
        }
        if hits(settings.nonsenseMillionths) {
            var ticket = OrderTicket(symbol: symbol.text, side: wish, kind: .market, quantity: quantity, isNonsense: true)
            spoil(&ticket)
            return ticket
        }
        guard let (side, quantity) = possible(wish, quantity, symbol, trend.latest) else { return nil }
        if hits(settings.unmetMillionths) {
            let kind = limit(isMet: false, side, trend.latest)
            return OrderTicket(symbol: symbol.text, side: side, kind: kind, quantity: quantity, isNonsense: false)
        }
        switch side {
        case .buy: believed.bought(quantity, of: symbol, at: trend.latest)
        case .sell: believed.sold(quantity, of: symbol, at: trend.latest)
        }
        let kind = hits(settings.limitMillionths) ? limit(isMet: true, side, trend.latest) : .market
        return OrderTicket(symbol: symbol.text, side: side, kind: kind, quantity: quantity, isNonsense: false)
    }

    private mutating func wish(_ trend: MarketView.Trend) -> Side {
        let rising = trend.fast - trend.slow
        switch strategy {
        case .momentum where rising != 0: return rising > 0 ? .buy : .sell
        case .meanReversion where rising != 0: return rising > 0 ? .sell : .buy
        default: return below(2) == 0 ? .buy : .sell
        }
    }

    /// What comes nearest to the wish: who has nothing to sell buys, who has nothing to pay with sells.
    private func possible(
        _ wish: Side, _ quantity: Int64, _ symbol: Symbol, _ price: Price
    ) -> (side: Side, quantity: Int64)? {
        let held = believed.held(symbol)
        let canPay = believed.affords(quantity, at: price)
        if held > 0, wish == .sell || !canPay { return (.sell, min(quantity, held)) }
        return canPay ? (.buy, quantity) : nil
    }

    /// A limit about 1 % on the better side of the market, so that it is met although prices move; or 5 % on the other.
    private mutating func limit(isMet: Bool, _ side: Side, _ latest: Price) -> OrderKind {
        let thousandths = isMet ? below(11) + 5 : -50
        let offset = latest.units / 1_000 * (side == .buy ? thousandths : -thousandths)
        return .limit(Price(units: max(1, latest.units + offset)))
    }

    private mutating func hits(_ millionths: Int64) -> Bool { below(1_000_000) < millionths }

    private mutating func spoil(_ ticket: inout OrderTicket) {
        ticket.isNonsense = true
        switch below(4) {
        case 0: ticket.quantity = 0
        case 1: ticket.quantity = -5
        case 2: ticket.symbol = OrderGenerator.unknownSymbol.text
        default: ticket.kind = .limit(Price(units: 0))
        }
    }

    private mutating func below(_ bound: Int64) -> Int64 {
        Int64(random.next().multipliedFullWidth(by: UInt64(max(bound, 1))).high)
    }
}
