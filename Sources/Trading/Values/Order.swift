/// Buying or selling.
public enum Side: UInt8, Hashable, Sendable {
    case buy = 0
    case sell = 1
}

/// What a record said its order is: `type` on the wire.
public enum OrderType: UInt8, Hashable, Sendable {
    case market = 0
    case limit = 1
}

/// How an order wants to be filled.
public enum OrderKind: Hashable, Sendable {
    /// At the latest price, whatever it is.
    case market
    /// Immediate-or-cancel: at the latest price if that is no worse than this one.
    case limit(Price)
    /// What a record said that makes no sense: a LIMIT without a limit price, a limit price that is no
    /// amount, a MARKET with one. Kept as it was written, so that it can be refused with a reason and
    /// encoded again unchanged.
    case senseless(OrderType, limitPrice: String?)

    /// `type` on the wire.
    public var type: OrderType {
        switch self {
        case .market: .market
        case .limit: .limit
        case .senseless(let type, _): type
        }
    }
}

/// An order as it was placed, sensible or not: `validate()` tells. What does not even have the shape of an
/// order never becomes one (`DecodingFailure`).
public struct Order: Hashable, Sendable {
    public let orderID: OrderID
    public let userID: UserID
    public let symbol: Symbol
    public let side: Side
    public let kind: OrderKind
    /// Whole shares; 1 … `quantityMax` makes sense.
    public let quantity: Int64
    /// When the order service accepted it, epoch milliseconds.
    public let placedAtMillis: Int64

    /// The largest sensible quantity.
    public static let quantityMax: Int64 = 1_000_000_000

    public init(
        orderID: OrderID, userID: UserID, symbol: Symbol, side: Side, kind: OrderKind,
        quantity: Int64, placedAtMillis: Int64
    ) {
        self.orderID = orderID
        self.userID = userID
        self.symbol = symbol
        self.side = side
        self.kind = kind
        self.quantity = quantity
        self.placedAtMillis = placedAtMillis
    }

    /// Why this order can never be executed, whatever prices and portfolios are; nil when it can.
    public func validate() -> InvalidReason? {
        if quantity < 1 { return .quantityNotPositive }
        if quantity > Order.quantityMax { return .quantityTooLarge }
        switch kind {
        case .market:
            return nil
        case .limit(let price):
            if price.units <= 0 { return .limitPriceNotPositive }
            return price.notional(quantity: quantity) == nil ? .notionalTooLarge : nil
        case .senseless(.market, _):
            return .marketWithLimitPrice
        case .senseless(.limit, limitPrice: nil):
            return .limitPriceMissing
        case .senseless(.limit, limitPrice: let text?):
            guard case .failure(let fault) = FixedPoint.parse(text) else { return .limitPriceNotPositive }
            return .limitPriceMalformed(fault)
        }
    }
}

/// Why an order makes no sense: the detail of an `INVALID_ORDER`.
public enum InvalidReason: Error, Hashable, Sendable {
    case quantityNotPositive
    case quantityTooLarge
    case limitPriceMissing
    case limitPriceNotPositive
    case limitPriceMalformed(DecimalFault)
    case marketWithLimitPrice
    case notionalTooLarge
}

extension InvalidReason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .quantityNotPositive: "quantity must be at least 1"
        case .quantityTooLarge: "quantity must be at most \(Order.quantityMax)"
        case .limitPriceMissing: "a LIMIT order needs limitPrice"
        case .limitPriceNotPositive: "limitPrice must be above zero"
        case .limitPriceMalformed(let fault): "limitPrice \(fault)"
        case .marketWithLimitPrice: "a MARKET order must not carry limitPrice"
        case .notionalTooLarge: "quantity times price is too large"
        }
    }
}
