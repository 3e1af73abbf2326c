/// Identifies an order. The same user and idempotency key always give the same id, so that a retried
/// request is the same order wherever it turns up.
public struct OrderID: Hashable, Sendable {
    /// The sixteen bytes.
    public let value: UUIDValue

    /// The order with this UUID.
    public init(_ value: UUIDValue) {
        self.value = value
    }

    /// Reads UUID text. Nil when `text` is anything else.
    public init?(_ text: String) {
        guard let value = UUIDValue(text) else { return nil }
        self.value = value
    }

    /// UUIDv5 of `userId#idempotencyKey`. Unambiguous, because no user id holds a `#`.
    public init(user: UserID, idempotencyKey: String) {
        var name = Array(user.text.utf8)
        name.append(UInt8(ascii: "#"))
        name.append(contentsOf: idempotencyKey.utf8)
        value = UUIDValue(namespace: OrderID.namespace, name: name)
    }

    /// Part of the stored format: changing it would give retried requests new ids.
    private static let namespace = UUIDValue(high: 0x6A3C_7D40_55B1_5E0A, low: 0x9B5E_0F4C_21D7_8E13)
}

/// Identifies a trade; derived from its order's id, so that executing an order again names the same trade.
public struct TradeID: Hashable, Sendable {
    /// The sixteen bytes.
    public let value: UUIDValue

    /// The trade with this UUID.
    public init(_ value: UUIDValue) {
        self.value = value
    }

    /// Reads UUID text. Nil when `text` is anything else.
    public init?(_ text: String) {
        guard let value = UUIDValue(text) else { return nil }
        self.value = value
    }

    /// UUIDv5 of the order's sixteen bytes.
    public init(of order: OrderID) {
        var name: [UInt8] = []
        order.value.appendBytes(to: &name)
        value = UUIDValue(namespace: TradeID.namespace, name: name)
    }

    /// Part of the stored format: see `OrderID.namespace`.
    private static let namespace = UUIDValue(high: 0x1F0E_9A62_C48B_5D37, low: 0xA1C2_6E95_304F_B7D8)
}

extension OrderID: Comparable, CustomStringConvertible {
    public static func < (left: OrderID, right: OrderID) -> Bool { left.value < right.value }
    public var description: String { value.description }
}

extension TradeID: Comparable, CustomStringConvertible {
    public static func < (left: TradeID, right: TradeID) -> Bool { left.value < right.value }
    public var description: String { value.description }
}
