import StreamRuntime
import Trading
import TradingStores

/// One symbol's trades of one minute, as they add up. What is first and last is decided by the time of execution, then by
/// the trade's id: not by the order of arrival. Sums stop at the ends of 64 bits.
struct TradeBar: Sendable, Equatable {
    /// A price, and which trade it is of.
    struct Mark: Sendable, Equatable {
        var millis: Int64
        var trade: UUIDValue
        var price: Int64

        func precedes(_ other: Mark) -> Bool { (millis, trade) < (other.millis, other.trade) }
    }

    var trades: Int64 = 0
    var shares: Int64 = 0
    var notional: Int64 = 0
    var first: Mark?
    var last: Mark?
    var high = Int64.min
    var low = Int64.max

    init() {}

    init(_ trade: Trade) {
        let mark = Mark(millis: trade.executedAtMillis, trade: trade.tradeID.value, price: trade.price.units)
        trades = 1
        shares = trade.quantity
        notional = trade.notional.units
        first = mark
        last = mark
        high = mark.price
        low = mark.price
    }

    mutating func add(_ other: TradeBar) {
        trades = trades.addingSaturating(other.trades)
        shares = shares.addingSaturating(other.shares)
        notional = notional.addingSaturating(other.notional)
        if let mark = other.first, first.map({ mark.precedes($0) }) ?? true { first = mark }
        if let mark = other.last, last.map({ $0.precedes(mark) }) ?? true { last = mark }
        high = max(high, other.high)
        low = min(low, other.low)
    }

    /// As the store has it; nil when nothing was traded.
    func volumeBar(_ symbol: Symbol, startMillis: Int64) -> VolumeBar? {
        guard let first, let last else { return nil }
        return VolumeBar(
            symbol: symbol, startMillis: startMillis, trades: trades, shares: shares, notional: Money(units: notional),
            open: Price(units: first.price), high: Price(units: high), low: Price(units: low), close: Price(units: last.price))
    }
}

extension Int64 {
    fileprivate func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }
}

extension TradeBar: StateCodable {
    static var stateSchema: String { "trade-bar-1" }

    func encode(into writer: inout ByteWriter) {
        for value in [trades, shares, notional, high, low] { writer.integer(value) }
        first.encode(into: &writer)
        last.encode(into: &writer)
    }

    init(from reader: inout ByteReader) throws {
        trades = try reader.integer()
        shares = try reader.integer()
        notional = try reader.integer()
        high = try reader.integer()
        low = try reader.integer()
        first = try Mark?(from: &reader)
        last = try Mark?(from: &reader)
    }
}

extension TradeBar.Mark: StateCodable {
    static var stateSchema: String { "trade-mark-1" }

    func encode(into writer: inout ByteWriter) {
        writer.integer(millis)
        writer.integer(trade.high)
        writer.integer(trade.low)
        writer.integer(price)
    }

    init(from reader: inout ByteReader) throws {
        millis = try reader.integer()
        trade = UUIDValue(high: try reader.integer(), low: try reader.integer())
        price = try reader.integer()
    }
}

/// Adds trades up into a bar.
struct BarOfTrades: Aggregate {
    func empty() -> TradeBar { TradeBar() }
    func add(_ trade: Trade, to bar: inout TradeBar) { bar.add(TradeBar(trade)) }
    func merge(_ other: TradeBar, into bar: inout TradeBar) { bar.add(other) }
    func result(_ bar: TradeBar) -> TradeBar { bar }
}

extension Symbol: StreamKey {
    public static var stateSchema: String { "symbol" }
    public var stableHash: UInt64 { text.stableHash }
    public func tableHash(seed: UInt64) -> UInt64 { text.tableHash(seed: seed) }
    public func encode(into writer: inout ByteWriter) { writer.string(text) }

    public init(from reader: inout ByteReader) throws {
        let text = try reader.string()
        guard let symbol = Symbol(text) else { throw StateDecodingError("'\(text)' is no symbol") }
        self = symbol
    }
}

extension VolumeBar: StateCodable {
    public static var stateSchema: String { "volume-bar-1" }

    public func encode(into writer: inout ByteWriter) {
        symbol.encode(into: &writer)
        for value in [startMillis, trades, shares, notional.units, open.units, high.units, low.units, close.units] {
            writer.integer(value)
        }
    }

    public init(from reader: inout ByteReader) throws {
        self.init(
            symbol: try Symbol(from: &reader), startMillis: try reader.integer(), trades: try reader.integer(),
            shares: try reader.integer(), notional: Money(units: try reader.integer()),
            open: Price(units: try reader.integer()), high: Price(units: try reader.integer()),
            low: Price(units: try reader.integer()), close: Price(units: try reader.integer()))
    }
}
