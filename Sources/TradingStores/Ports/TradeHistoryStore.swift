import StoreKit
import Trading

/// The searchable history of executed trades. A copy of what `trade_executed` says: it may be thrown away and
/// filled again from there.
///
/// Promises every adapter keeps (one conformance suite runs against all of them):
/// 1. A trade is stored once, whatever the number of times it is recorded: its `tradeID` is its identity.
/// 2. A trade that was recorded is found by `search` after at most the store's refresh time.
/// 3. Pages follow one another without gaps or repeats while nothing is recorded; what is recorded meanwhile may
///    or may not appear, but moves nothing that was seen.
///
/// All methods may be called from any task, concurrently. Errors are `StoreError`.
public protocol TradeHistoryStore: Sendable {
    /// Makes what must exist (template, alias, tables). Idempotent. Returns the names of what it made.
    @discardableResult
    func provision() async throws(StoreError) -> [String]

    /// Stores trades in one round trip; one that is there already counts as stored. Returns those the store will
    /// never take, each with its own words: the caller puts them aside, and goes on. Throws when the whole call
    /// may be repeated or none of it took effect.
    func record(_ trades: [Trade]) async throws(StoreError) -> [RefusedTrade]

    /// A user's trades, latest first; of those of one millisecond the one with the greatest trade id first.
    func search(_ query: TradeQuery) async throws(StoreError) -> TradePage

    /// How many trades are stored, of all users: for checks of a system at rest.
    func count() async throws(StoreError) -> Int

    /// Ends background work and connections. Calls under way fail with `.unavailable`. Idempotent.
    func close() async
}

/// A trade that a store refused for good.
public struct RefusedTrade: Hashable, Sendable {
    public let trade: Trade
    /// The store's own words.
    public let reason: String

    public init(trade: Trade, reason: String) {
        self.trade = trade
        self.reason = reason
    }
}

/// Which trades of a user are wanted; absent conditions do not restrict.
public struct TradeQuery: Hashable, Sendable {
    public static let limitMax = 200

    public var user: UserID
    public var symbol: Symbol?
    public var side: Side?
    /// Epoch milliseconds, inclusive.
    public var fromMillis: Int64?
    /// Epoch milliseconds, exclusive.
    public var toMillis: Int64?
    /// Words (runs of letters and digits, either case) that must all occur in the trade's symbol, side, trade id or order id.
    /// The first sixteen count.
    public var text: String?
    /// 1 … `limitMax`.
    public var limit: Int
    /// Where the last page ended.
    public var after: TradeCursor?

    public init(user: UserID, limit: Int = 50) {
        self.user = user
        self.limit = limit
    }

    /// Refuses a limit that is none.
    func check() throws(StoreError) {
        guard (1...TradeQuery.limitMax).contains(limit) else {
            throw .invalid("a page of \(limit) trades: 1 to \(TradeQuery.limitMax) are possible")
        }
    }
}

/// The place after one trade in the order of `TradeHistoryStore.search`.
public struct TradeCursor: Hashable, Sendable {
    public let executedAtMillis: Int64
    public let tradeID: TradeID

    public init(after trade: Trade) {
        executedAtMillis = trade.executedAtMillis
        tradeID = trade.tradeID
    }

    public init(executedAtMillis: Int64, tradeID: TradeID) {
        self.executedAtMillis = executedAtMillis
        self.tradeID = tradeID
    }
}

/// One page of trades; `next` is nil on the last one.
public struct TradePage: Hashable, Sendable {
    public let trades: [Trade]
    public let next: TradeCursor?

    public init(trades: [Trade], next: TradeCursor?) {
        self.trades = trades
        self.next = next
    }

    /// The page of `limit` trades at the beginning of `found`, which holds one more when there are more.
    init(upTo limit: Int, of found: [Trade]) {
        let page = Array(found.prefix(limit))
        self.init(trades: page, next: found.count > limit ? page.last.map { TradeCursor(after: $0) } : nil)
    }
}
