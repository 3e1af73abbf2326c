import Foundation
import StreamRuntime

// INVARIANTS of a log's durability, and who keeps each.
//
//  1. One process writes: it holds the lock of `owner.lock` from open to close (OwnerLock).
//  2. One round of commits at a time: the thread that finds none running leads the next one, for itself
//     and for everybody who waits (CommitEngine.submit).
//  3. Frames are written behind the committed end only; committed bytes are never written again
//     (SegmentAppender.append).
//  4. Every file written, and the folder of every file created, is synced before the journal entry that
//     speaks of them is written (CommitEngine.commitRound).
//  5. One journal entry holds the commit records of one round. It is the decision: whole on the device,
//     the round is committed; otherwise nothing of it is. Nobody sees a round before its entry is synced
//     (CommitEngine publishes after it; JournalFollower syncs before it shows).
//  6. A journal entry is written only after the one before it was synced, so that a bad entry followed by
//     a whole one is damage and not a torn tail (Journal, JournalReading).
//  7. A commit of an attempt other than the island's last claimant is refused before anything of it is
//     written (CommitEngine.admit).
//  8. After any failed write or sync nothing is assumed: the journal is read again, what it says whole is
//     settled by writing it to a new journal, and only then is the next round begun (CommitEngine.repair).
//  9. A journal is replaced by renaming a synced file that begins with a snapshot; the old one is removed
//     only after the folder is synced (Journal.init).
// 10. Segments are removed only after the entry that gives up their records is synced, and never the
//     newest of a partition (CommitEngine.commitRound, RetentionPlan). For their number of bytes they go
//     only when no job has anything in them to read (UnreadRecords).
//
// The tests break each: CrashTests, CorruptionTests, FencingTests, RetentionTests, ProcessTests.

/// One transaction, ready to be committed.
struct StagedTransaction: Sendable {
    var decided: CommitRecord.Decided?
    var data: StagedData
}

/// Serialises everything that changes the log, in rounds: all transactions that wait share one sync of
/// each file and one of the journal.
final class CommitEngine: @unchecked Sendable {
    // `queue`, `isLeading`, `isClosed` and what became of tickets are guarded by `condition`; all else is the leader's,
    // and leadership passes from thread to thread under `condition`.

    enum Request: Sendable {
        case claim(LogOwner, AttemptID)
        case commit(StagedTransaction)
        /// Give up what retention allows, in every partition.
        case retain
    }

    struct Receipt: Sendable {
        /// What was known of the island before the claim.
        var ownerBefore: OwnerState?
        /// The first offset each partition of the transaction got.
        var baseOffsets: [LogTopicPartition: Int64] = [:]
    }

    private final class Ticket {
        let request: Request
        /// Under the lock: whoever waits looks at it whenever woken, also in the middle of the round that settles it.
        var outcome: Result<Receipt, any Error>?
        init(_ request: Request) { self.request = request }
    }

    private let condition = NSCondition()
    private var queue: [Ticket] = []
    private var isLeading = false
    private var isClosed = false

    private let paths: LogPaths
    private let options: LogStoreOptions
    private let retention: @Sendable (_ topic: String) -> LogRetention
    private let publish: @Sendable (LogState, _ changed: Set<LogTopicPartition>?) -> Void
    private let appender: SegmentAppender
    private var state: LogState
    private var journal: Journal
    private var mustRepair = false
    private var retentionCheckedMillis: Int64
    private static let retentionCheckMillis: Int64 = 60_000

    /// `publish` shows readers what is committed; `changed` nil means everything.
    init(
        _ paths: LogPaths, _ options: LogStoreOptions, state: LogState, journal: Journal,
        retention: @escaping @Sendable (String) -> LogRetention,
        publish: @escaping @Sendable (LogState, Set<LogTopicPartition>?) -> Void
    ) {
        self.paths = paths
        self.options = options
        self.state = state
        self.journal = journal
        self.retention = retention
        self.publish = publish
        appender = SegmentAppender(paths, segmentBytesMax: options.segmentBytesMax, step: options.step)
        retentionCheckedMillis = options.clock.wallMillis()
    }

    /// Returns once every request is durable or refused. Blocks; callable from any thread.
    func submit(_ requests: [Request]) -> [Result<Receipt, any Error>] {
        let tickets = requests.map(Ticket.init)
        condition.lock()
        defer { condition.unlock() }
        queue += tickets
        while tickets.contains(where: { $0.outcome == nil }) {
            if isLeading {
                condition.wait()
                continue
            }
            isLeading = true
            let round = queue
            queue = []
            let isRefused = isClosed
            condition.unlock()
            if isRefused {
                settle(round, .failure(LogUsageError("the log \(paths.root) was closed")))
            } else {
                run(round)
            }
            condition.lock()
            isLeading = false
            condition.broadcast()
        }
        return tickets.compactMap(\.outcome)
    }

    func submit(_ request: Request) throws -> Receipt {
        guard let outcome = submit([request]).first else { return Receipt() }
        return try outcome.get()
    }

    /// Waits for the round being committed; later ones are refused.
    func close() {
        condition.lock()
        isClosed = true
        while isLeading { condition.wait() }
        condition.unlock()
    }

    // MARK: a round, on the leader's thread

    private func settle(_ round: [Ticket], _ outcome: Result<Receipt, any Error>) {
        condition.withLock {
            for ticket in round where ticket.outcome == nil { ticket.outcome = outcome }
        }
    }

    private func run(_ round: [Ticket]) {
        do {
            if mustRepair { try repair() }
            try commitRound(round)
        } catch {
            mustRepair = true
            settle(round, .failure(error))
        }
        guard !mustRepair, journal.bytes > max(options.journalBytesMax, 4 * journal.snapshotBytes) else { return }
        do {
            journal = try Journal(
                starting: journal.number + 1, from: state, afterEntry: journal.lastEntryNumber, in: paths,
                step: options.step)
        } catch {
            // The round is committed all the same; the next one begins by reading the journal again.
            mustRepair = true
            options.log(.warning, "the log's journal could not be compacted", ["error": "\(error)", "log": paths.root])
        }
    }

    private func commitRound(_ round: [Ticket]) throws {
        var after = state
        var records: [JournalRecord] = []
        var receipts: [(Ticket, Receipt)] = []
        var changed: Set<LogTopicPartition> = []
        var rolled: Set<LogTopicPartition> = []
        var mustRetainAll = false
        for ticket in round {
            do {
                try admit(ticket.request, after)
            } catch {
                settle([ticket], .failure(error))
                continue
            }
            var receipt = Receipt()
            switch ticket.request {
            case .claim(let owner, let attempt):
                receipt.ownerBefore = after.owners[owner]
                try add(.claim(owner: owner, attempt: attempt.rawValue), to: &records, &after)
            case .retain: mustRetainAll = true
            case .commit(let transaction):
                var growth: [CommitRecord.Growth] = []
                for (id, frames) in transaction.data.frames.sorted(by: { $0.key < $1.key }) {
                    let before = after.partitions[id] ?? PartitionExtent()
                    receipt.baseOffsets[id] = before.end
                    growth.append(try appender.append(frames, spill: transaction.data.spill, to: id, after: before))
                    changed.insert(id)
                }
                try add(.commit(CommitRecord(decided: transaction.decided, growth: growth)), to: &records, &after)
                for grown in growth where grown.segments.count > 1 || grown.segments.first?.base != 0 {
                    rolled.insert(grown.partition)
                }
            }
            receipts.append((ticket, receipt))
        }
        try appender.synchronize()
        let removals = try planRetention(mustRetainAll, rolled, &records, &after, &changed)
        if !records.isEmpty { try journal.append(records, in: paths, step: options.step) }
        state = after
        publish(state, changed)
        condition.withLock {
            for (ticket, receipt) in receipts { ticket.outcome = .success(receipt) }
        }
        for path in removals {
            try LogFolder.remove(path)
            try options.step?(.removed(path: path))
        }
    }

    /// Invariant 7.
    private func admit(_ request: Request, _ state: LogState) throws {
        guard case .commit(let transaction) = request, let decided = transaction.decided else { return }
        let known = state.owners[decided.owner]
        guard known?.attempt == decided.attempt else {
            guard let attempt = AttemptID(decided.attempt) else {
                throw LogUsageError("'\(decided.attempt)' is no attempt id")
            }
            throw LogFenced(owner: decided.owner, attempt: attempt, current: known.flatMap { AttemptID($0.attempt) })
        }
        if let last = known?.epoch, decided.epoch <= last {
            throw LogUsageError(
                "epoch \(decided.epoch) of \(decided.owner) cannot be decided: \(last) is the last decision already")
        }
    }

    private func add(_ record: JournalRecord, to records: inout [JournalRecord], _ state: inout LogState) throws {
        do {
            try state.apply(record)
        } catch {
            throw LogUsageError("the log refuses to record \(error.problem)")
        }
        records.append(record)
    }

    /// Adds the trims that are due; returns the files to remove once they are recorded.
    private func planRetention(
        _ isForced: Bool, _ rolled: Set<LogTopicPartition>, _ records: inout [JournalRecord],
        _ state: inout LogState, _ changed: inout Set<LogTopicPartition>
    ) throws -> [String] {
        let now = options.clock.wallMillis()
        let isDue = isForced || now - retentionCheckedMillis >= Self.retentionCheckMillis
        if isDue { retentionCheckedMillis = now }
        let candidates = (isDue ? Set(state.partitions.keys) : rolled).filter { retention($0.topic) != .forever }.sorted()
        if candidates.isEmpty { return [] }
        let unread = UnreadRecords(state.owners.values)
        var removals: [String] = []
        for id in candidates {
            guard let extent = state.partitions[id],
                let start = RetentionPlan.newStart(
                    extent, retention(id.topic), nowMillis: now, unreadFrom: unread.first(of: id))
            else { continue }
            removals += extent.segments.filter { $0.base < start }.map { paths.segment(id, base: $0.base) }
            try add(.trim(id, start: start), to: &records, &state)
            changed.insert(id)
        }
        return removals
    }

    /// Invariant 8.
    private func repair() throws {
        appender.reset()
        let found = try Recovery.run(paths, verification: .lastCommit, step: options.step)
        state = found.state
        journal = found.journal
        mustRepair = false
        publish(state, nil)
        options.log(.warning, "the log was read again after a failed write", ["log": paths.root])
    }
}
