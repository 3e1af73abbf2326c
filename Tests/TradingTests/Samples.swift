import Trading

/// Values the tests of this target share.
enum Samples {
    static let user = UserID("alice")!
    static let apple = Symbol("AAPL")!

    static func order(
        _ side: Side = .buy, _ quantity: Int64 = 10, kind: OrderKind = .market, key: String = "k"
    ) -> Order {
        Order(
            orderID: OrderID(user: user, idempotencyKey: key), userID: user, symbol: apple, side: side, kind: kind,
            quantity: quantity, placedAtMillis: 1_700_000_000_000)
    }

    static func price(_ text: String) -> Price {
        (try? Price(text)) ?? Price(units: 0)
    }

    static func money(_ text: String) -> Money {
        (try? Money(text)) ?? .zero
    }
}
