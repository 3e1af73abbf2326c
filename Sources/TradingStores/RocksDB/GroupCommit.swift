import StoreKit
import Synchronization

/// Decides the requests of a batch one after the other, each against what is stored plus what the batch has staged
/// so far. Confined to the committing thread.
protocol BatchJudge: SendableMetatype {
    associatedtype Action: Sendable
    associatedtype Verdict: Sendable

    /// Puts what `action` changes into `batch`, if its conditions hold.
    mutating func stage(_ action: Action, in batch: inout RocksDatabase.Batch) throws(StoreError) -> Verdict

    /// The batch is over. Unless it was written, nothing that was staged may be believed.
    mutating func batchEnded(isWritten: Bool)
}

/// One database with one committing thread: everything that waits is judged in order and shares one synced write.
///
/// - Waiters are resumed only after the synced write has returned: an answer means the log is on disk.
/// - Nothing but the thread writes; what is staged but not synced is visible to nobody.
/// - If the write failed everybody in the batch hears of it, even those that changed nothing: they may have been judged
///   against what was staged. The database is then closed and opened again before anything else is written: RocksDB refuses
///   every write after one that failed (a full disk), and only what its log says on opening is known to be there.
///
/// Callable from any thread.
final class GroupCommit<Judge: BatchJudge>: Sendable {
    private typealias Waiter = CheckedContinuation<Result<Judge.Verdict, StoreError>, Never>

    private struct Request: Sendable {
        let action: Judge.Action
        let waiter: Waiter
    }

    /// The database, for whoever reads.
    private final class Shelf: Sendable {
        enum Content {
            case open(RocksDatabase)
            /// Closed after a failed write, to be opened again; nobody reads meanwhile.
            case failed
            case closed
        }
        let content: Mutex<Content>
        init(_ database: RocksDatabase) { content = Mutex(.open(database)) }
    }

    private let name: String
    private let shelf: Shelf
    private let inbox: RequestInbox<Request>
    private let thread: WorkerThread

    /// - Parameters:
    ///   - name: what messages call the store.
    ///   - queuedMax: requests that may wait; further ones fail as throttled.
    ///   - batchMax: requests that share one sync.
    ///   - open: called here, and on the committing thread after a write that failed.
    init(
        _ name: String, queuedMax: Int, batchMax: Int, open: @escaping @Sendable () throws(StoreError) -> RocksDatabase,
        makeJudge: @escaping @Sendable (RocksDatabase) -> Judge
    ) throws(StoreError) {
        let opened = try open()
        let inbox = RequestInbox<Request>(capacity: queuedMax)
        let shelf = Shelf(opened)
        self.name = name
        self.shelf = shelf
        self.inbox = inbox
        let handOver = HandOver(opened)
        thread = WorkerThread(name: "weir-commit") {
            var writer = handOver.take().map { Writer(database: $0, judge: makeJudge($0)) }
            var requests: [Request] = []
            while inbox.take(into: &requests, countMax: batchMax) {
                if writer == nil {
                    do throws(StoreError) {
                        let database = try open()
                        shelf.content.withLock { $0 = .open(database) }
                        writer = Writer(database: database, judge: makeJudge(database))
                    } catch {
                        Self.refuse(requests, .unavailable("the \(name) cannot be opened again after a failed write: \(error)"))
                        continue
                    }
                }
                if writer?.commit(requests) == true { continue }
                // Whoever still reads holds the database a moment longer: the next batch tries to open it.
                shelf.content.withLock { $0 = .failed }
                writer = nil
            }
        }
    }

    deinit {
        inbox.close()
    }

    private static func refuse(_ requests: [Request], _ error: StoreError) {
        for request in requests { request.waiter.resume(returning: .failure(error)) }
    }

    /// The committing thread's own.
    private struct Writer {
        let database: RocksDatabase
        var judge: Judge

        /// Judges the requests in order and answers them. False when the write failed.
        mutating func commit(_ requests: [Request]) -> Bool {
            var batch = RocksDatabase.Batch()
            var results: [Result<Judge.Verdict, StoreError>] = []
            results.reserveCapacity(requests.count)
            for request in requests {
                do throws(StoreError) {
                    results.append(.success(try judge.stage(request.action, in: &batch)))
                } catch {
                    results.append(.failure(error))
                }
            }
            var failed: StoreError?
            if batch.count > 0 {
                do throws(StoreError) { try database.write(batch) } catch { failed = error }
            }
            judge.batchEnded(isWritten: failed == nil)
            for (request, result) in zip(requests, results) {
                request.waiter.resume(returning: failed.map { .failure($0) } ?? result)
            }
            return failed == nil
        }
    }

    /// Returns once the action is judged and what it changed is on disk.
    func submit(_ action: Judge.Action) async throws(StoreError) -> Judge.Verdict {
        let result = await withCheckedContinuation { (waiter: Waiter) in
            switch inbox.offer(Request(action: action, waiter: waiter)) {
            case .accepted: break
            case .full: waiter.resume(returning: .failure(.throttled("the commit queue is full")))
            case .closed: waiter.resume(returning: .failure(closed))
            }
        }
        return try result.get()
    }

    /// The database, for reading.
    func open() throws(StoreError) -> RocksDatabase {
        switch shelf.content.withLock({ $0 }) {
        case .open(let database): return database
        case .failed: throw .unavailable("the \(name) is opened again after a failed write")
        case .closed: throw closed
        }
    }

    private var closed: StoreError { .unavailable("the \(name) is closed") }

    /// Writes what waits, then lets the database go. Idempotent.
    func close() async {
        inbox.close()
        await thread.wait()
        shelf.content.withLock { $0 = .closed }
    }
}
