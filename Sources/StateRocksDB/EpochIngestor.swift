import Foundation
import StreamRuntime
import Synchronization

/// Brings changes into a store's database, and epochs out of it, in the order of the stream.
///
/// Invariants (who keeps them):
/// R1. Changes enter the database in the order in which the task handed them over, each exactly once: the
///     queue is drained from its head under `turn`, whoever comes (`drain`).
/// R2. An epoch's files are captured right after its own changes entered and before any later ones do:
///     both happen in one hold of `turn` (`drain`), and a spill drains the queue first (`spill`).
/// R3. So a captured set is the state at its barrier, whatever the stream did since. It stays as it is until
///     it is published: the captured files are hard links of immutable files.
/// R4. Nobody waits for a snapshot thread: a task that needs its changes readable (`settle`, `spill`) drains
///     the queue itself when no other thread is at it. A snapshot may reach its thread only after the
///     task's next steps (its sinks acknowledge first), so waiting for it there would be a deadlock.
/// R5. A change leaves the tables for good only when it can be read back: tables call `settle` before they
///     drop anything (the SPI's contract), and `settle` returns with the queue empty.
/// R6. A live file is adopted into the checkpoint files once, under its number in this database, which is never
///     used again (`publish`). The map forgets a file when it is no longer live.
/// R7. After a failure nothing enters any more: the first error is thrown to everyone who comes later.
/// R8. Who brings files in waits for compaction when there are too many runs, and without `turn`: a snapshot thread for as long
///     as that can help, the task (`spill`) for a moment, and `settle` not at all.
///
/// Threads: `handOver`, `spill` and `settle` are the task's; `publish` a snapshot thread's, in the order of
/// the epochs. Locks are taken in the order `publishing`, `turn`, `queue`.
final class EpochIngestor: Sendable {
    /// Changes of an epoch on their way into the database.
    private struct Waiting: Sendable {
        let ticket: Int
        let changes: [any StateChanges]
    }

    /// What was live right after an epoch's changes entered. Equal generations have equal content.
    private struct Capture: Sendable {
        let generation: Int
        /// `nil`: the same as the capture before.
        let folder: String?
    }

    private struct Turn: Sendable {
        /// Counts what entered.
        var generation: Int
        var capturedGeneration: Int?
        /// By ticket.
        var captures: [Int: Capture] = [:]
        var filesWritten = 0
        var failure: (any Error)?
        var isClosed = false
    }

    private struct Published: Sendable {
        var generation: Int?
        var files: [CheckpointFile]
        /// Live files by their name in the database.
        var adopted: [String: CheckpointFile]
    }

    private let database: RocksDB
    private let metrics: RocksDBMetrics
    private let workFolder: String
    private let keyGroups: Range<Int>
    private let turn: Mutex<Turn>
    private let queue = Mutex<(waiting: [Waiting], tickets: Int)>(([], 0))
    private let publishing: Mutex<Published>

    /// `restored`: the database was opened from exactly these checkpoint files (none: it is new and empty).
    /// `nil`: it was filled from others, all of its files are new.
    init(_ database: RocksDB, _ context: StateStoreContext, restored: [CheckpointFile]?, metrics: RocksDBMetrics) {
        self.database = database
        workFolder = context.workFolder
        keyGroups = context.owned
        self.metrics = metrics
        turn = Mutex(Turn(generation: 0, capturedGeneration: restored == nil ? nil : 0))
        publishing = Mutex(
            Published(
                generation: restored == nil ? nil : 0, files: restored ?? [],
                adopted: Dictionary(
                    (restored ?? []).map { (CheckpointNames.databaseName(of: $0), $0) }, uniquingKeysWith: { $1 })))
    }

    // MARK: The task's side

    /// Returns at once. The ticket is what `publish` takes.
    func handOver(_ changes: [any StateChanges]) -> Int {
        queue.withLock { queue in
            queue.tickets += 1
            queue.waiting.append(Waiting(ticket: queue.tickets, changes: changes))
            return queue.tickets
        }
    }

    /// Everything handed over can be read when this returns.
    func settle() throws {
        // An empty queue alone does not say so: its last entry may be on its way.
        try turn.withLock { try drain(&$0) }
    }

    /// These changes can be read when this returns; they belong to the epoch that is open.
    func spill(_ changes: [any StateChanges]) throws {
        waitForCompaction(atMost: Self.waitsOfSpill)
        try turn.withLock { turn in
            try drain(&turn)
            try guarded(&turn) { try enter(changes, &$0) }
        }
        metrics.spills.add()
    }

    func close() {
        turn.withLock { turn in
            turn.isClosed = true
            turn.captures.removeAll()
        }
        queue.withLock { $0.waiting.removeAll() }
    }

    // MARK: Entering and capturing, under `turn`

    private func drain(_ turn: inout Turn) throws {
        while let next = queue.withLock({ $0.waiting.isEmpty ? nil : $0.waiting.removeFirst() }) {
            try guarded(&turn) { turn in
                try enter(next.changes, &turn)
                turn.captures[next.ticket] = try capture(next.ticket, &turn)
            }
        }
        try guarded(&turn) { _ in }
    }

    private func guarded(_ turn: inout Turn, _ body: (inout Turn) throws -> Void) throws {
        if let failure = turn.failure { throw failure }
        guard !turn.isClosed else { throw RocksDBError("use", database.path, "the store is closed") }
        do {
            try body(&turn)
        } catch {
            turn.failure = error
            throw error
        }
    }

    private func enter(_ changes: [any StateChanges], _ turn: inout Turn) throws {
        let count = changes.reduce(0) { $0 + $1.count }
        guard count > 0 else { return }
        let path = "\(workFolder)/incoming-\(turn.filesWritten).sst"
        turn.filesWritten += 1
        try write(changes, path)
        try database.ingest(path)
        turn.generation += 1
        metrics.update(database)
    }

    /// One sorted file: by state (the order of the tables), then key group, then key.
    private func write(_ changes: [any StateChanges], _ path: String) throws {
        var file = try database.newSortedFile(path)
        var sorted = SortedGroup()
        for change in changes where change.count > 0 {
            var groups = GroupedChanges.empty(keyGroups, expectedBytes: change.count * Self.entryBytesExpected)
            change.encode(into: &groups)
            try groups.check()
            try groups.forEachKeyGroup { bytes in
                try sorted.forEach(in: bytes, sharing: StateKeyLayout.headerBytes) { key, value in try file.add(key, value) }
            }
        }
        try file.finish()
    }

    private static let entryBytesExpected = 24

    private func capture(_ ticket: Int, _ turn: inout Turn) throws -> Capture {
        if turn.capturedGeneration == turn.generation { return Capture(generation: turn.generation, folder: nil) }
        let folder = "\(workFolder)/capture-\(ticket)"
        try database.capture(into: folder)
        turn.capturedGeneration = turn.generation
        return Capture(generation: turn.generation, folder: folder)
    }

    // MARK: Waiting for compaction, without `turn`

    /// Bounds the sorted runs a read has to look at (`RocksDBOptions.runsMax`).
    private func waitForCompaction(atMost waitsMax: Int) {
        var waits = 0
        while waits < waitsMax, hasTooManyRuns {
            usleep(Self.waitMicros)
            waits += 1
        }
        if waits > 0 { metrics.compactionWaits.add() }
    }

    /// The database is open while `turn` is held and the store is not closed.
    private var hasTooManyRuns: Bool {
        turn.withLock { !$0.isClosed && $0.failure == nil && database.runs >= RocksDBOptions.runsMax }
    }

    private static let waitMicros: UInt32 = 5_000
    /// A quarter of a second.
    private static let waitsOfSpill = 50
    /// Ten seconds.
    private static let waitsOfSnapshot = 2_000

    // MARK: The snapshot thread's side

    /// Makes the epoch of `ticket` durable: adopts what is new among its files. Costs what changed since the
    /// last one, and what compaction rewrote since.
    func publish(_ ticket: Int, names: CheckpointNames, to files: any CheckpointFiles) throws -> [CheckpointFile] {
        try publishing.withLock { published in
            let capture = try turn.withLock { turn in
                try drain(&turn)
                return turn.captures.removeValue(forKey: ticket)
            }
            guard let capture else {
                throw RocksDBError("publish a snapshot of", database.path, "it was published before, or dropped")
            }
            guard let folder = capture.folder else {
                guard capture.generation == published.generation else {
                    throw RocksDBError("publish a snapshot of", database.path, "the one before it was not published")
                }
                return published.files
            }
            waitForCompaction(atMost: Self.waitsOfSnapshot)
            let captured = try CapturedFiles(folder: folder)
            var live: [String: CheckpointFile] = [:]
            for name in captured.sortedFiles {
                live[name] =
                    try published.adopted[name]
                    ?? files.adopt(
                        names.sortedFile(name), localPath: "\(folder)/\(name)")
            }
            let manifest = try files.write(names.manifest(captured.manifest)) {
                try $0.write(try localBytes("\(folder)/\(captured.manifest)"))
            }
            published.adopted = live
            published.generation = capture.generation
            published.files = [manifest] + captured.sortedFiles.compactMap { live[$0] }
            removeFolder(folder)
            return published.files
        }
    }
}
