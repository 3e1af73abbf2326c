/// Proves that a run created and lost nothing: opening portfolios plus the committed trades must give the
/// final portfolios, to the unit.
///
/// Trades of one user must be added in the order they were committed (the cost rule depends on it); users
/// may interleave in any way. Memory: the portfolios and sixteen bytes a trade.
public struct Conservation: Sendable {
    /// Something that does not add up.
    public enum Difference: Hashable, Sendable {
        case cash(UserID, expected: Money, actual: Money)
        /// `actual` nil: not held.
        case holding(UserID, Symbol, expected: Holding?, actual: Holding?)
        case version(UserID, expected: Int64, actual: Int64)
        case missingPortfolio(UserID)
        case unexpectedPortfolio(UserID)
        /// The same trade twice among the committed ones.
        case duplicateTrade(Trade)
        /// A trade that the user's portfolio could not have made.
        case impossibleTrade(Trade, why: String)
    }

    private var replayed: [UserID: Portfolio]
    private var seen: Set<TradeID> = []
    private var faults: [Difference] = []

    /// Trades replayed so far.
    public private(set) var tradesCount = 0
    /// Shares bought × prices, and shares sold × prices, over all users; nil once beyond what fits.
    public private(set) var spent: Money? = .zero
    public private(set) var earned: Money? = .zero

    /// Starts from the portfolios as they were opened.
    public init(openings: [UserID: Portfolio]) {
        replayed = openings
    }

    /// Replays one committed trade.
    public mutating func add(_ trade: Trade) {
        guard seen.insert(trade.tradeID).inserted else { return faults.append(.duplicateTrade(trade)) }
        guard trade.price.notional(quantity: trade.quantity) == trade.notional else {
            return faults.append(.impossibleTrade(trade, why: "notional is not quantity times price"))
        }
        guard let before = replayed[trade.userID] else {
            return faults.append(.impossibleTrade(trade, why: "the user has no portfolio"))
        }
        switch before.applying(trade) {
        case .success(let after):
            replayed[trade.userID] = after
            tradesCount += 1
            if trade.side == .buy {
                spent = spent?.adding(trade.notional)
            } else {
                earned = earned?.adding(trade.notional)
            }
        case .failure(let refusal):
            faults.append(.impossibleTrade(trade, why: refusal.detail))
        }
    }

    /// Everything that differs, faults of the trades first, then by user and symbol. Empty: all is conserved.
    public func differences(from finals: [UserID: Portfolio]) -> [Difference] { judge(finals, waiting: [:]).differences }

    /// The same for a system that was killed. Orders are executed before their outcome is committed: a portfolio may be ahead of
    /// the trades, by no more executions than its user has orders that wait for their outcome (`waiting`). Such users cannot be
    /// judged before these are decided; `ahead` has them, `differences` all others.
    public func judge(
        _ finals: [UserID: Portfolio], waiting: [UserID: Int]
    ) -> (differences: [Difference], ahead: Set<UserID>) {
        var found = faults
        var ahead: Set<UserID> = []
        for user in Set(replayed.keys).union(finals.keys).sorted() {
            switch (replayed[user], finals[user]) {
            case (let expected?, let actual?):
                let executions = actual.version.subtractingReportingOverflow(expected.version).partialValue
                if executions > 0, executions <= Int64(waiting[user] ?? 0) {
                    ahead.insert(user)
                } else {
                    found += Conservation.differences(user, expected, actual)
                }
            case (.some, nil): found.append(.missingPortfolio(user))
            case (nil, _): found.append(.unexpectedPortfolio(user))
            }
        }
        return (found, ahead)
    }

    private static func differences(_ user: UserID, _ expected: Portfolio, _ actual: Portfolio) -> [Difference] {
        var found: [Difference] = []
        if expected.cash != actual.cash { found.append(.cash(user, expected: expected.cash, actual: actual.cash)) }
        for symbol in Set(expected.holdings.keys).union(actual.holdings.keys).sorted() {
            let (one, two) = (expected.holdings[symbol], actual.holdings[symbol])
            if one != two { found.append(.holding(user, symbol, expected: one, actual: two)) }
        }
        if expected.version != actual.version {
            found.append(.version(user, expected: expected.version, actual: actual.version))
        }
        return found
    }
}

extension Conservation.Difference: CustomStringConvertible {
    public var description: String {
        func text(_ holding: Holding?) -> String { holding.map { "\($0.quantity) shares at cost \($0.cost)" } ?? "none" }
        return switch self {
        case .cash(let user, let expected, let actual): "\(user): cash \(actual), expected \(expected)"
        case .holding(let user, let symbol, let expected, let actual):
            "\(user): \(symbol) \(text(actual)), expected \(text(expected))"
        case .version(let user, let expected, let actual): "\(user): version \(actual), expected \(expected)"
        case .missingPortfolio(let user): "\(user): the portfolio is gone"
        case .unexpectedPortfolio(let user): "\(user): a portfolio that was never opened"
        case .duplicateTrade(let trade): "\(trade.userID): trade \(trade.tradeID) twice"
        case .impossibleTrade(let trade, let why): "\(trade.userID): trade \(trade.tradeID) is impossible: \(why)"
        }
    }
}
