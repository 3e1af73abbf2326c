/// What a client asks for: an order that nobody has accepted yet. As an `Order`, sensible or not.
public struct OrderDraft: Hashable, Sendable {
    public let symbol: Symbol
    public let side: Side
    public let kind: OrderKind
    public let quantity: Int64

    public init(symbol: Symbol, side: Side, kind: OrderKind, quantity: Int64) {
        self.symbol = symbol
        self.side = side
        self.kind = kind
        self.quantity = quantity
    }

    /// The order of `user` that this becomes when accepted under `key`.
    public func placed(by user: UserID, key: IdempotencyKey, atMillis: Int64) -> Order {
        Order(
            orderID: OrderID(user: user, idempotencyKey: key.text), userID: user, symbol: symbol, side: side, kind: kind,
            quantity: quantity, placedAtMillis: atMillis)
    }
}
