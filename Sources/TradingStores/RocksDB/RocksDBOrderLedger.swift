import StoreKit
import Trading

/// The order ledger in an embedded RocksDB. All writes go through one thread, which shares one synced write among
/// everything that waits (group commit): an answer means the log is on disk.
///
/// Belongs to one process (RocksDB's LOCK file). Reads happen on the caller's thread: microseconds from memory, one
/// disk read at worst.
public final class RocksDBOrderLedger: OrderLedger, SpannedByGuard {
    /// Sizes and bounds.
    public struct Settings: Sendable {
        /// Requests that may wait; further ones fail as throttled.
        public var queuedMax = 65_536
        /// Requests that share one sync.
        public var batchMax = 8_192
        /// Memory of the database: a quarter for blocks read from disk, up to three quarters for what was written last.
        public var memoryBytes = 64 << 20
        /// Now, epoch milliseconds: judges what compaction may drop.
        public var nowMillis: @Sendable () -> Int64 = { WallClock.nowMillis() }

        public init() {}
    }

    private let commits: GroupCommit<OrderJudge>

    /// Opens or creates the ledger in the folder `path`. Fails as `.invalid` when another process has it open or it
    /// is damaged.
    public init(path: String, settings: Settings = Settings()) throws(StoreError) {
        commits = try GroupCommit(
            "order ledger", queuedMax: settings.queuedMax, batchMax: settings.batchMax,
            open: RocksDatabase.opener(path: path, memoryBytes: settings.memoryBytes, nowMillis: settings.nowMillis)
        ) { OrderJudge(database: $0) }
    }

    public func request(_ key: RequestKey, nowMillis: Int64) async throws(StoreError) -> OrderRequest? {
        try commits.open().request(key).flatMap { $0.expiresAtMillis > nowMillis ? $0 : nil }
    }

    public func order(_ id: OrderID, nowMillis: Int64) async throws(StoreError) -> Order? {
        try commits.open().order(id).flatMap { $0.expiresAtMillis > nowMillis ? $0.order : nil }
    }

    public func accept(_ order: AcceptedOrder, nowMillis: Int64) async throws(StoreError) -> AcceptResult {
        if let contradiction = order.contradiction() { throw .invalid(contradiction) }
        return try await commits.submit(.accept(order, nowMillis: nowMillis))
    }

    public func markPublished(_ key: RequestKey) async throws(StoreError) {
        _ = try await commits.submit(.markPublished(key))
    }

    public func close() async { await commits.close() }
}
