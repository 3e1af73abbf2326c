import StoreKit
import Trading

/// The embedded portfolio store: one RocksDB database, one committing thread.
///
/// Invariants, and who keeps them:
/// 1. Every acknowledged change is in the synced write-ahead log (`RocksDatabase.write`, sync on): waiters
///    are resumed only after it returned (`GroupCommit`).
/// 2. A portfolio and its ledger line are in one write batch (`PortfolioJudge.stage`).
/// 3. Conditions are judged in queue order by the one committing thread, against what is stored plus what
///    the batch in hand has staged; nothing else writes (`PortfolioJudge`).
/// 4. What is staged but not synced is visible to nobody: readers read the database only.
/// 5. After a failed write nothing staged is believed: waiters get a retryable error, and the database is closed and
///    opened again before anything else is written (`GroupCommit`).
///
/// It counts as an external system: never opened through the state backend, no part of a checkpoint.
/// Belongs to one process (RocksDB's LOCK file). Reads happen on the caller's thread: microseconds from
/// memory, one disk read at worst.
public final class RocksDBPortfolioStore: PortfolioStore, SpannedByGuard {
    /// Sizes and bounds.
    public struct Settings: Sendable {
        /// Requests that may wait; further ones fail as throttled.
        public var queuedMax = 65_536
        /// Requests that share one sync.
        public var batchMax = 8_192
        /// Users whose version is remembered between batches.
        public var versionsCachedMax = 262_144
        /// Memory of the database: a quarter for blocks read from disk, up to three quarters for what was written last.
        public var memoryBytes = 64 << 20
        /// Now, epoch milliseconds: judges when ledger lines may be dropped.
        public var nowMillis: @Sendable () -> Int64 = { WallClock.nowMillis() }

        public init() {}
    }

    private let commits: GroupCommit<PortfolioJudge>

    /// Opens or creates the store in the folder `path`. Fails as `.invalid` when another process has it
    /// open or it is damaged.
    public init(path: String, settings: Settings = Settings()) throws(StoreError) {
        let versionsCachedMax = settings.versionsCachedMax
        commits = try GroupCommit(
            "portfolio store", queuedMax: settings.queuedMax, batchMax: settings.batchMax,
            open: RocksDatabase.opener(path: path, memoryBytes: settings.memoryBytes, nowMillis: settings.nowMillis)
        ) { PortfolioJudge(database: $0, versionsCachedMax: versionsCachedMax) }
    }

    public func portfolio(_ user: UserID, consistent: Bool) async throws(StoreError) -> Portfolio? {
        let database = try commits.open()
        return try storeError { try database.get(RocksKey.portfolio(user)) { try $0.map(Portfolio.decodeBinary) } }
    }

    public func openAccount(_ user: UserID, cash: Money, nowMillis: Int64) async throws(StoreError) -> Bool {
        guard cash >= .zero else { throw .invalid("an account cannot open with \(cash)") }
        let portfolio = Portfolio(cash: cash, version: 1, updatedAtMillis: nowMillis)
        return try await commits.submit(.open(user, portfolio)) == .committed
    }

    public func execution(of order: OrderID, nowMillis: Int64) async throws(StoreError) -> ExecutionRecord? {
        let database = try commits.open()
        let record = try storeError {
            try database.get(RocksKey.execution(order)) { try $0.map(ExecutionRecord.decodeBinary) }
        }
        return record.flatMap { $0.isLive(nowMillis: nowMillis) ? $0 : nil }
    }

    public func commit(_ commit: ExecutionCommit) async throws(StoreError) -> CommitResult {
        if let contradiction = commit.contradiction() { throw .invalid(contradiction) }
        return try await commits.submit(.commit(commit))
    }

    public func record(_ rejection: IndependentRejection) async throws(StoreError) -> CommitResult {
        try await commits.submit(.record(rejection.record))
    }

    public func allPortfolios() async throws(StoreError) -> [UserID: Portfolio] {
        let database = try commits.open()
        return try storeError {
            var found: [UserID: Portfolio] = [:]
            try database.scan(from: [RocksKey.portfolioPrefix]) { key, value in
                guard key.first == RocksKey.portfolioPrefix else { return false }
                let name = UnsafeRawBufferPointer(rebasing: key.dropFirst())
                guard let user = UserID(utf8: name.assumingMemoryBound(to: UInt8.self)) else {
                    throw StoreError.invalid("a portfolio under a key that names no user")
                }
                found[user] = try Portfolio.decodeBinary(value)
                return true
            }
            return found
        }
    }

    public func close() async { await commits.close() }
}

/// Runs `body`; what is not a `StoreError` already is damage in what was read.
func storeError<Value>(_ body: () throws -> Value) throws(StoreError) -> Value {
    do {
        return try body()
    } catch let error as StoreError {
        throw error
    } catch {
        throw .invalid("a stored value cannot be read: \(error)")
    }
}
