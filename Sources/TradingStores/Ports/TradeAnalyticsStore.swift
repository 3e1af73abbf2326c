import StoreKit
import Trading

/// Raw trades and one-minute bars for analytics. A copy of what `trade_executed` says: it may be thrown away and
/// filled again from there.
///
/// Promises every adapter keeps (one conformance suite runs against all of them):
/// 1. Reads see every trade once, by its `tradeID`, whatever the number of times it was inserted.
/// 2. Of several bars of one symbol and minute the one that counts most trades is what reads see: a late or
///    repeated write of an older state changes nothing.
///
/// All methods may be called from any task, concurrently. Errors are `StoreError`.
public protocol TradeAnalyticsStore: Sendable {
    /// Makes the tables. Idempotent. Returns the names of what it made.
    @discardableResult
    func provision() async throws(StoreError) -> [String]

    /// Inserts a cut of one source partition. The same cut again saves work where the store knows it.
    func insert(_ batch: TradeBatch) async throws(StoreError)

    /// Inserts or updates one-minute bars.
    func upsert(_ bars: [VolumeBar]) async throws(StoreError)

    /// Bars of `query.intervalMinutes`, put together from the one-minute bars that start in the query's span, in time order;
    /// empty ones are left out.
    func volume(_ query: VolumeQuery) async throws(StoreError) -> [VolumeBar]

    /// The symbols traded most, by their bars; most first, ties by name.
    func top(_ ranking: TopRanking, limit: Int) async throws(StoreError) -> [SymbolTotal]

    /// Sums over the raw trades, each counted once: for checks of a system at rest.
    func totals() async throws(StoreError) -> TradeTotals

    /// Ends background work and connections. Calls under way fail with `.unavailable`. Idempotent.
    func close() async
}

/// Consecutive trades of one source partition, inserted as one. A replay makes the same cut again.
public struct TradeBatch: Hashable, Sendable {
    /// Times of execution that every adapter keeps exactly, epoch milliseconds: September 2001 to November 2286. ClickHouse
    /// refuses the whole insert for one time that its column does not hold, or whose seconds have not ten digits.
    public static let executedAtMillis: ClosedRange<Int64> = 1_000_000_000_000...9_999_999_999_999

    public let topic: String
    public let partition: Int32
    /// Offsets of the first and the last record of the cut, which need not all be trades.
    public let firstOffset: Int64
    public let lastOffset: Int64
    public let trades: [Trade]

    public init(topic: String, partition: Int32, firstOffset: Int64, lastOffset: Int64, trades: [Trade]) {
        self.topic = topic
        self.partition = partition
        self.firstOffset = firstOffset
        self.lastOffset = lastOffset
        self.trades = trades
    }

    /// Names the cut: never made from a checkpoint number, because a replayed epoch can have other boundaries. Where offsets
    /// begin again the name comes back with other trades: nobody may take one cut for another by its name alone.
    public var name: String { "\(topic)/\(partition)/\(firstOffset)-\(lastOffset)" }
}

/// What was traded of a symbol in a span of time.
public struct VolumeBar: Hashable, Sendable {
    public let symbol: Symbol
    /// Epoch milliseconds of the span's start.
    public let startMillis: Int64
    public let trades: Int64
    public let shares: Int64
    public let notional: Money
    public let open: Price
    public let high: Price
    public let low: Price
    public let close: Price

    public init(
        symbol: Symbol, startMillis: Int64, trades: Int64, shares: Int64, notional: Money, open: Price, high: Price,
        low: Price, close: Price
    ) {
        self.symbol = symbol
        self.startMillis = startMillis
        self.trades = trades
        self.shares = shares
        self.notional = notional
        self.open = open
        self.high = high
        self.low = low
        self.close = close
    }

    /// The volume-weighted average price, rounded down to a price unit; nil when nothing was traded.
    public var vwap: Price? { shares > 0 ? Price(units: notional.units / shares) : nil }
}

/// Which bars are wanted.
public struct VolumeQuery: Hashable, Sendable {
    public var symbol: Symbol
    /// Epoch milliseconds, inclusive.
    public var fromMillis: Int64
    /// Epoch milliseconds, exclusive.
    public var toMillis: Int64
    /// The span of one bar; bars start at whole multiples of it since the epoch.
    public var intervalMinutes: Int64

    public init(symbol: Symbol, fromMillis: Int64, toMillis: Int64, intervalMinutes: Int64 = 1) {
        self.symbol = symbol
        self.fromMillis = fromMillis
        self.toMillis = toMillis
        self.intervalMinutes = intervalMinutes
    }
}

/// What "most" means.
public enum TopRanking: String, Hashable, Sendable, CaseIterable {
    /// By shares.
    case volume
    /// By money.
    case notional
}

/// Everything traded of one symbol.
public struct SymbolTotal: Hashable, Sendable {
    public let symbol: Symbol
    public let trades: Int64
    public let shares: Int64
    public let notional: Money

    public init(symbol: Symbol, trades: Int64, shares: Int64, notional: Money) {
        self.symbol = symbol
        self.trades = trades
        self.shares = shares
        self.notional = notional
    }
}

/// Everything traded.
public struct TradeTotals: Hashable, Sendable {
    public let trades: Int64
    public let shares: Int64
    public let notional: Money

    public init(trades: Int64, shares: Int64, notional: Money) {
        self.trades = trades
        self.shares = shares
        self.notional = notional
    }
}
