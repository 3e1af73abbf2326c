import Synchronization
import Trading

/// The embedded portfolio store: one RocksDB database, one committing thread.
///
/// Invariants, and who keeps them:
/// 1. Every acknowledged change is in the synced write-ahead log (`RocksDatabase.write`, sync on): waiters
///    are resumed only after it returned (`GroupCommitter.finish`).
/// 2. A portfolio and its ledger line are in one write batch (`GroupCommitter.stage`).
/// 3. Conditions are judged in queue order by the one committing thread, against what is stored plus what
///    the batch in hand has staged; nothing else writes (`GroupCommitter`).
/// 4. What is staged but not synced is visible to nobody: readers read the database only.
/// 5. After a failed write nothing staged is believed: the version cache is dropped, waiters get a
///    retryable error.
///
/// It counts as an external system: never opened through the state backend, no part of a checkpoint.
/// Belongs to one process (RocksDB's LOCK file). Reads happen on the caller's thread: microseconds from
/// memory, one disk read at worst.
public final class RocksDBPortfolioStore: PortfolioStore {
    /// Sizes and bounds.
    public struct Settings: Sendable {
        /// Requests that may wait; further ones fail as throttled.
        public var queuedMax = 65_536
        /// Requests that share one sync.
        public var batchMax = 8_192
        /// Users whose version is remembered between batches.
        public var versionsCachedMax = 262_144
        /// Memory for blocks read from disk.
        public var cacheBytes = 64 << 20
        /// Now, epoch milliseconds: judges when ledger lines may be dropped.
        public var nowMillis: @Sendable () -> Int64 = { WallClock.nowMillis() }

        public init() {}
    }

    private let database: Mutex<RocksDatabase?>
    private let inbox: RequestInbox<GroupCommitter.Request>
    private let thread: WorkerThread

    /// Opens or creates the store in the folder `path`. Fails as `.invalid` when another process has it
    /// open or it is damaged.
    public init(path: String, settings: Settings = Settings()) throws(StoreError) {
        let opened = try RocksDatabase(
            path: path, cacheBytes: settings.cacheBytes, expiry: ExpiryFilter(nowMillis: settings.nowMillis))
        try RocksDBPortfolioStore.checkFormat(opened, path: path)
        let inbox = RequestInbox<GroupCommitter.Request>(capacity: settings.queuedMax)
        let batchMax = settings.batchMax
        let versionsCachedMax = settings.versionsCachedMax
        database = Mutex(opened)
        self.inbox = inbox
        let handOver = HandOver(opened)
        thread = WorkerThread(name: "portfolio-commit") {
            guard let database = handOver.take() else { return }
            var committer = GroupCommitter(database: database, versionsCachedMax: versionsCachedMax)
            while let requests = inbox.take(countMax: batchMax) { committer.run(requests) }
        }
    }

    deinit {
        inbox.close()
    }

    private static func checkFormat(_ database: RocksDatabase, path: String) throws(StoreError) {
        let version: UInt8? = try storeError { try database.get(RocksKey.format) { $0?.first } }
        switch version {
        case 1: return
        case nil:
            var batch = RocksDatabase.Batch()
            batch.put(RocksKey.format, [1])
            try database.write(batch)
        case let version?:
            throw .invalid("\(path) has layout \(version), this program knows 1; use the program that wrote it")
        }
    }

    public func portfolio(_ user: UserID, consistent: Bool) async throws(StoreError) -> Portfolio? {
        let database = try open()
        return try storeError { try database.get(RocksKey.portfolio(user)) { try $0.map(Portfolio.decodeBinary) } }
    }

    public func openAccount(_ user: UserID, cash: Money, nowMillis: Int64) async throws(StoreError) -> Bool {
        guard cash >= .zero else { throw .invalid("an account cannot open with \(cash)") }
        let portfolio = Portfolio(cash: cash, version: 1, updatedAtMillis: nowMillis)
        return try await submit(.open(user, portfolio)) == .committed
    }

    public func execution(of order: OrderID, nowMillis: Int64) async throws(StoreError) -> ExecutionRecord? {
        let database = try open()
        let record = try storeError {
            try database.get(RocksKey.execution(order)) { try $0.map(ExecutionRecord.decodeBinary) }
        }
        return record.flatMap { $0.isLive(nowMillis: nowMillis) ? $0 : nil }
    }

    public func commit(_ commit: ExecutionCommit) async throws(StoreError) -> CommitResult {
        if let contradiction = commit.contradiction() { throw .invalid(contradiction) }
        return try await submit(.commit(commit))
    }

    public func record(_ rejection: IndependentRejection) async throws(StoreError) -> CommitResult {
        try await submit(.record(rejection.record))
    }

    public func allPortfolios() async throws(StoreError) -> [UserID: Portfolio] {
        let database = try open()
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

    public func close() async {
        inbox.close()
        await thread.wait()
        database.withLock { $0 = nil }
    }

    private func open() throws(StoreError) -> RocksDatabase {
        guard let database = database.withLock({ $0 }) else { throw RocksDBPortfolioStore.closed }
        return database
    }

    private static let closed = StoreError.unavailable("the portfolio store is closed")

    private func submit(_ action: GroupCommitter.Action) async throws(StoreError) -> CommitResult {
        let inbox = inbox
        let result = await withCheckedContinuation { (continuation: GroupCommitter.Waiter) in
            switch inbox.offer(GroupCommitter.Request(action: action, waiter: continuation)) {
            case .accepted: break
            case .full: continuation.resume(returning: .failure(.throttled("the commit queue is full")))
            case .closed: continuation.resume(returning: .failure(RocksDBPortfolioStore.closed))
            }
        }
        return try result.get()
    }
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
