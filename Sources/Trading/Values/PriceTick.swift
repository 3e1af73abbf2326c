/// A price of a share as the market feed said it: a record of `market_data`.
public struct PriceTick: Hashable, Sendable {
    public let symbol: Symbol
    public let price: Price
    /// Grows with every tick of a symbol and never starts again: of two ticks the higher `seq` is newer.
    public let seq: Int64
    /// Epoch milliseconds.
    public let timestampMillis: Int64

    public init(symbol: Symbol, price: Price, seq: Int64, timestampMillis: Int64) {
        self.symbol = symbol
        self.price = price
        self.seq = seq
        self.timestampMillis = timestampMillis
    }

    /// Why this tick makes no sense, or nil when it does.
    public func validate() -> String? {
        if price.units <= 0 { return "price must be above zero" }
        return seq < 0 ? "seq must not be negative" : nil
    }

    /// The tick without its symbol.
    public var pricedAt: PricedAt { PricedAt(price: price, seq: seq, timestampMillis: timestampMillis) }
}

/// The latest price of one symbol: the value of Redis' `price:{symbol}`.
public struct PricedAt: Hashable, Sendable {
    public let price: Price
    /// See `PriceTick.seq`.
    public let seq: Int64
    /// Epoch milliseconds.
    public let timestampMillis: Int64

    public init(price: Price, seq: Int64, timestampMillis: Int64) {
        self.price = price
        self.seq = seq
        self.timestampMillis = timestampMillis
    }
}
