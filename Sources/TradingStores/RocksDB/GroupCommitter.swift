import Trading

/// Judges and writes batches of requests: the only writer of a `RocksDBPortfolioStore`. Confined to its
/// thread.
struct GroupCommitter {
    typealias Waiter = CheckedContinuation<Result<CommitResult, StoreError>, Never>

    enum Action: Sendable {
        case open(UserID, Portfolio)
        case commit(ExecutionCommit)
        case record(ExecutionRecord)
    }

    struct Request: Sendable {
        let action: Action
        let waiter: Waiter
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

    /// Judges `requests` in order, writes what passed in one synced batch, then resumes every waiter.
    mutating func run(_ requests: [Request]) {
        var batch = RocksDatabase.Batch()
        var results: [Result<CommitResult, StoreError>] = []
        results.reserveCapacity(requests.count)
        for request in requests {
            do throws(StoreError) {
                results.append(.success(try stage(request.action, in: &batch)))
            } catch {
                results.append(.failure(error))
            }
        }
        var failed: StoreError?
        if batch.count > 0 {
            do throws(StoreError) { try database.write(batch) } catch { failed = error }
        }
        finish(requests, results, failed)
    }

    /// Answers everybody. If the write failed, even those that changed nothing: they may have been judged
    /// against what was staged.
    private mutating func finish(
        _ requests: [Request], _ results: [Result<CommitResult, StoreError>], _ failed: StoreError?
    ) {
        staged.removeAll(keepingCapacity: true)
        if failed != nil || versions.count > versionsCachedMax { versions.removeAll() }
        for (request, result) in zip(requests, results) {
            request.waiter.resume(returning: failed.map { .failure($0) } ?? result)
        }
    }

    private mutating func stage(
        _ action: Action, in batch: inout RocksDatabase.Batch
    ) throws(StoreError) -> CommitResult {
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
