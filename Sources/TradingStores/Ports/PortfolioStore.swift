import StoreKit
import Trading

/// The source of truth for users: portfolios, and the ledger of what became of every order.
///
/// Promises of every implementation, checked by one conformance suite:
/// 1. `commit` changes the portfolio and records the outcome together or not at all.
/// 2. An order has at most one outcome, the first one committed; whoever comes later gets that one back.
/// 3. A commit takes effect only if the portfolio's version is the expected one.
/// 4. What `commit` or `openAccount` has answered survives the loss of this process.
/// 5. When both conditions of a commit fail, the existing execution is reported, not the moved version.
///
/// All methods may be called from any task, concurrently. Errors are `StoreError`; after a retryable one the
/// effect may or may not have happened, which repeating the same call resolves (promise 2).
public protocol PortfolioStore: Sendable {
    /// The user's portfolio, nil when there is none. `consistent` asks for the latest committed state;
    /// otherwise a recently committed one will do, at half the cost on DynamoDB.
    func portfolio(_ user: UserID, consistent: Bool) async throws(StoreError) -> Portfolio?

    /// Opens a portfolio with this cash at version 1. False when the user already has one.
    func openAccount(_ user: UserID, cash: Money, nowMillis: Int64) async throws(StoreError) -> Bool

    /// What became of the order (strongly consistent), nil when nothing did yet or its record has expired
    /// by `nowMillis`.
    func execution(of order: OrderID, nowMillis: Int64) async throws(StoreError) -> ExecutionRecord?

    /// Commits the outcome of one order. See `ExecutionCommit` for what is checked.
    func commit(_ commit: ExecutionCommit) async throws(StoreError) -> CommitResult

    /// Records a rejection that does not depend on the portfolio: put if the order has no outcome yet.
    /// Answers `.committed` or `.executionExists`.
    func record(_ rejection: IndependentRejection) async throws(StoreError) -> CommitResult

    /// Every portfolio, strongly consistent per user but not across users: for the conservation check of a
    /// system at rest, and for tests. Cost: the whole table.
    func allPortfolios() async throws(StoreError) -> [UserID: Portfolio]

    /// Ends background work and closes files. Calls under way fail with `.unavailable`. Idempotent.
    func close() async
}

extension PortfolioStore {
    /// Opens a portfolio, stamped 0.
    public func openAccount(_ user: UserID, cash: Money) async throws(StoreError) -> Bool {
        try await openAccount(user, cash: cash, nowMillis: 0)
    }

    /// What became of the order, expired or not.
    public func execution(of order: OrderID) async throws(StoreError) -> ExecutionRecord? {
        try await execution(of: order, nowMillis: .min)
    }
}

/// The record in `trade_orders` that decided an order.
public struct SourcePosition: Hashable, Sendable {
    public let topic: String
    public let partition: Int32
    public let offset: Int64

    public init(topic: String, partition: Int32, offset: Int64) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
    }
}

/// One line of the ledger: an order's outcome as it was first decided, and by which record.
public struct ExecutionRecord: Hashable, Sendable {
    /// How long outcomes, and the orders they belong to, are remembered unless a setting says otherwise: 30 days.
    public static let rememberedMillis: Int64 = 30 * 86_400_000

    public let outcome: Outcome
    /// The record that decided it. The same position again is a replay, another one a duplicate.
    public let source: SourcePosition
    /// When the line may be forgotten, epoch milliseconds. Readers judge it themselves: a store deletes late.
    public let expiresAtMillis: Int64

    public init(outcome: Outcome, source: SourcePosition, expiresAtMillis: Int64) {
        self.outcome = outcome
        self.source = source
        self.expiresAtMillis = expiresAtMillis
    }

    /// Whether the line still counts.
    public func isLive(nowMillis: Int64) -> Bool { expiresAtMillis > nowMillis }
}

/// An outcome to be committed against a portfolio.
public struct ExecutionCommit: Hashable, Sendable {
    /// The version the portfolio must have; nil: there must be no portfolio.
    public let expectedVersion: Int64?
    /// The portfolio from now on, with `expectedVersion + 1` as its version; nil: it is only checked, as for
    /// a rejection that depends on it.
    public let newPortfolio: Portfolio?
    /// The ledger's new line; it names the order and the user.
    public let record: ExecutionRecord

    public var user: UserID { record.outcome.userID }
    public var orderID: OrderID { record.outcome.orderID }

    public init(expectedVersion: Int64?, newPortfolio: Portfolio?, record: ExecutionRecord) {
        self.expectedVersion = expectedVersion
        self.newPortfolio = newPortfolio
        self.record = record
    }

    /// Why this commit contradicts itself, nil when it does not. Stores refuse such a one as `.invalid`.
    package func contradiction() -> String? {
        switch (record.outcome, newPortfolio, expectedVersion) {
        case (.trade, nil, _): return "a trade without the portfolio it makes"
        case (.rejection, .some, _): return "a rejection that changes the portfolio"
        case (.trade, .some, nil): return "a trade of a user without a portfolio"
        case (.trade, let portfolio?, let version?):
            if portfolio.version != version + 1 { return "version \(portfolio.version) after \(version)" }
            return portfolio.cash < .zero ? "negative cash" : nil
        case (.rejection, nil, _): return nil
        }
    }
}

/// A rejection that holds whatever the portfolio is.
public struct IndependentRejection: Hashable, Sendable {
    public let record: ExecutionRecord

    public var orderID: OrderID { record.outcome.orderID }

    /// The ledger line of `rejection`.
    public init(_ rejection: Rejection, source: SourcePosition, expiresAtMillis: Int64) {
        record = ExecutionRecord(
            outcome: .rejection(rejection), source: source, expiresAtMillis: expiresAtMillis)
    }
}

/// What a commit did.
public enum CommitResult: Hashable, Sendable {
    /// It took effect.
    case committed
    /// Nothing changed: the order already has this outcome.
    case executionExists(ExecutionRecord)
    /// Nothing changed: the portfolio is not at the expected version. Read it again.
    case versionMoved
}
