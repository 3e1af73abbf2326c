import StoreKit
import Trading

/// Judges what changes portfolios and their ledger: the only writer of a `RocksDBPortfolioStore`.
struct PortfolioJudge: BatchJudge {
    enum Action: Sendable {
        case open(UserID, Portfolio)
        case commit(ExecutionCommit)
        case record(ExecutionRecord)
    }

    private let database: RocksDatabase
    private let versionsCachedMax: Int
    /// Versions stored, or staged by the batch in hand (a failed write empties it); 0 for a user known to
    /// have no portfolio.
    private var versions: [UserID: Int64] = [:]
    /// Ledger lines of the batch in hand.
    private var staged: [OrderID: ExecutionRecord] = [:]

    init(database: RocksDatabase, versionsCachedMax: Int) {
        self.database = database
        self.versionsCachedMax = versionsCachedMax
    }

    mutating func batchEnded(isWritten: Bool) {
        staged.removeAll(keepingCapacity: true)
        if !isWritten || versions.count > versionsCachedMax { versions.removeAll() }
    }

    mutating func stage(_ action: Action, in batch: inout RocksDatabase.Batch) throws(StoreError) -> CommitResult {
        switch action {
        case .open(let user, let portfolio):
            if try version(of: user) != nil { return .versionMoved }
            put(portfolio, of: user, in: &batch)
        case .commit(let commit):
            if let existing = try existing(commit.orderID) { return .executionExists(existing) }
            if try version(of: commit.user) != commit.expectedVersion { return .versionMoved }
            put(commit.record, in: &batch)
            if let portfolio = commit.newPortfolio { put(portfolio, of: commit.user, in: &batch) }
        case .record(let record):
            if let existing = try existing(record.outcome.orderID) { return .executionExists(existing) }
            put(record, in: &batch)
        }
        return .committed
    }

    private mutating func put(_ portfolio: Portfolio, of user: UserID, in batch: inout RocksDatabase.Batch) {
        batch.put(RocksKey.portfolio(user), portfolio.encodeBinary())
        versions[user] = portfolio.version
    }

    private mutating func put(_ record: ExecutionRecord, in batch: inout RocksDatabase.Batch) {
        batch.put(RocksKey.execution(record.outcome.orderID), record.encodeBinary())
        staged[record.outcome.orderID] = record
    }

    private func existing(_ order: OrderID) throws(StoreError) -> ExecutionRecord? {
        if let record = staged[order] { return record }
        return try storeError {
            try database.get(RocksKey.execution(order)) { try $0.map(ExecutionRecord.decodeBinary) }
        }
    }

    /// The user's version, stored or staged; nil without a portfolio.
    private mutating func version(of user: UserID) throws(StoreError) -> Int64? {
        if let version = versions[user] { return version == 0 ? nil : version }
        let stored = try storeError {
            try database.get(RocksKey.portfolio(user)) { try $0.map(Portfolio.decodeBinary) }
        }
        versions[user] = stored?.version ?? 0
        return stored?.version
    }
}
