/// An executed order.
public struct Trade: Hashable, Sendable {
    public let tradeID: TradeID
    public let orderID: OrderID
    public let userID: UserID
    public let symbol: Symbol
    public let side: Side
    /// Whole shares.
    public let quantity: Int64
    /// Of one share.
    public let price: Price
    /// quantity × price, exactly.
    public let notional: Money
    /// Epoch milliseconds.
    public let executedAtMillis: Int64

    public init(
        tradeID: TradeID, orderID: OrderID, userID: UserID, symbol: Symbol, side: Side,
        quantity: Int64, price: Price, notional: Money, executedAtMillis: Int64
    ) {
        self.tradeID = tradeID
        self.orderID = orderID
        self.userID = userID
        self.symbol = symbol
        self.side = side
        self.quantity = quantity
        self.price = price
        self.notional = notional
        self.executedAtMillis = executedAtMillis
    }
}

/// Why an order was refused; the raw value is the wire's `reason`.
public enum RejectionReason: String, Hashable, Sendable, CaseIterable {
    case insufficientFunds = "INSUFFICIENT_FUNDS"
    case insufficientHoldings = "INSUFFICIENT_HOLDINGS"
    case unknownSymbol = "UNKNOWN_SYMBOL"
    /// The latest price is older than the configured age, or there is none.
    case stalePrice = "STALE_PRICE"
    case limitNotMet = "LIMIT_NOT_MET"
    case unknownUser = "UNKNOWN_USER"
    /// The portfolio kept moving under the order until the retries were used up.
    case conflict = "CONFLICT"
    case invalidOrder = "INVALID_ORDER"
}

/// A refused order.
public struct Rejection: Hashable, Sendable {
    public let orderID: OrderID
    public let userID: UserID
    public let symbol: Symbol
    public let side: Side
    /// As the order said it, sensible or not.
    public let quantity: Int64
    public let reason: RejectionReason
    /// For a person to read.
    public let detail: String
    /// Epoch milliseconds.
    public let rejectedAtMillis: Int64

    public init(
        orderID: OrderID, userID: UserID, symbol: Symbol, side: Side, quantity: Int64,
        reason: RejectionReason, detail: String, rejectedAtMillis: Int64
    ) {
        self.orderID = orderID
        self.userID = userID
        self.symbol = symbol
        self.side = side
        self.quantity = quantity
        self.reason = reason
        self.detail = detail
        self.rejectedAtMillis = rejectedAtMillis
    }

    /// The refusal of `order`.
    public init(of order: Order, reason: RejectionReason, detail: String, rejectedAtMillis: Int64) {
        self.init(
            orderID: order.orderID, userID: order.userID, symbol: order.symbol, side: order.side,
            quantity: order.quantity, reason: reason, detail: detail, rejectedAtMillis: rejectedAtMillis)
    }
}

/// What became of an order.
public enum Outcome: Hashable, Sendable {
    case trade(Trade)
    case rejection(Rejection)

    public var orderID: OrderID {
        switch self {
        case .trade(let trade): trade.orderID
        case .rejection(let rejection): rejection.orderID
        }
    }

    public var userID: UserID {
        switch self {
        case .trade(let trade): trade.userID
        case .rejection(let rejection): rejection.userID
        }
    }
}
