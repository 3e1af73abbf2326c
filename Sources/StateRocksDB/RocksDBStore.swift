import StreamRuntime

/// One subtask's keyed state in a RocksDB database of its own, under `StateTable`s that cache it.
///
/// How it is rebuilt: a part of the same key groups that this backend wrote is opened as it is (its files
/// linked back, its manifest copied); anything else (another parallelism, another backend) is read entry
/// by entry, sorted in pieces and taken in.
///
/// Owned by the task thread; what runs beside it goes through `EpochIngestor`, where the invariants stand.
final class RocksDBStore: StateStore {
    private let context: StateStoreContext
    private let memory: RocksDBMemory
    private let database: RocksDB
    private let ingestor: EpochIngestor
    private let metrics: RocksDBMetrics
    private let expiry: ExpiryFilter
    private var states: [StatePart.State] = []
    /// The tables hold all there is: a key they do not have is nowhere. True for a new store until they
    /// want to drop something, which they announce by `settle`.
    private var tablesAreWhole: Bool
    private var isOpen = true

    init(_ context: StateStoreContext, memory: RocksDBMemory) throws {
        self.context = context
        self.memory = memory
        metrics = RocksDBMetrics(context, memory: memory)
        expiry = ExpiryFilter(context.clock)
        removeFolder(context.workFolder)
        try makeFolder(context.workFolder)
        let stored = context.restore.filter { !$0.files.isEmpty }
        let path = "\(context.workFolder)/db"
        let restored: [CheckpointFile]?
        if stored.count == 1, stored[0].backend == RocksDBBackend.backendName, stored[0].keyGroups == context.owned {
            try CheckpointPart(part: stored[0], files: context.files).lay(out: path, .owned)
            database = try RocksDB(path, .reopen, memory: memory, expiry: expiry)
            restored = stored[0].files
        } else {
            database = try RocksDB(path, .create, memory: memory, expiry: expiry)
            try RestoredEntries(database, context, chunkBytes: memory.restoreChunkBytes).takeIn(stored)
            restored = stored.isEmpty ? [] : nil
        }
        tablesAreWhole = stored.isEmpty
        ingestor = EpochIngestor(database, context, restored: restored, metrics: metrics)
        memory.storeOpened()
        metrics.update(database)
    }

    deinit { close() }

    var canEvict: Bool { true }
    var tableBytesMax: Int { memory.tableBytesMax }

    func declare(_ state: StateDescriptor) {
        expiry.declare(state.lifetimeMillis)
        states.append(
            StatePart.State(
                name: state.name, kind: state.kind.rawValue, keySchema: state.keySchema, valueSchema: state.valueSchema))
    }

    func read(_ key: StateKeyBytes, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        if tablesAreWhole { return }
        metrics.reads.add()
        try database.get(key, body)
    }

    func scan(
        from start: [UInt8], below end: [UInt8], _ body: (StateKeyBytes, UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        try ingestor.settle()
        try database.forEach(from: start, below: end, readahead: .none, body)
    }

    func spill(_ changes: [any StateChanges]) throws {
        tablesAreWhole = false
        try ingestor.spill(changes)
    }

    func settle() throws {
        tablesAreWhole = false
        try ingestor.settle()
    }

    func snapshot(_ epoch: Epoch, _ changes: [any StateChanges], liveEntries: Int) -> any PendingSnapshot {
        RocksDBSnapshot(
            ticket: ingestor.handOver(changes), ingestor: ingestor,
            names: CheckpointNames(
                owner: "\(context.operatorID)-\(context.subtask)", epoch: epoch, attempt: context.attempt),
            keyGroups: context.owned, states: states)
    }

    func close() {
        guard isOpen else { return }
        isOpen = false
        ingestor.close()
        database.close()
        memory.storeClosed()
        removeFolder(context.workFolder)
    }
}

/// An epoch that is written beside the stream.
struct RocksDBSnapshot: PendingSnapshot {
    let ticket: Int
    let ingestor: EpochIngestor
    let names: CheckpointNames
    let keyGroups: Range<Int>
    let states: [StatePart.State]

    func write(to files: any CheckpointFiles) throws -> StatePart {
        StatePart(
            backend: RocksDBBackend.backendName, keyGroups: keyGroups, states: states,
            files: try ingestor.publish(ticket, names: names, to: files))
    }
}

/// Fills a new database from parts of other shapes. Each live key comes once, so that the pieces may be
/// taken in in any order.
struct RestoredEntries: ~Copyable {
    private let database: RocksDB
    private let context: StateStoreContext
    private let chunkBytes: Int
    /// In the form of `GroupedChanges`.
    private var waiting = ByteWriter()
    private var sorted = SortedGroup()
    private var filesWritten = 0

    init(_ database: RocksDB, _ context: StateStoreContext, chunkBytes: Int) {
        self.database = database
        self.context = context
        self.chunkBytes = chunkBytes
    }

    consuming func takeIn(_ parts: [StatePart]) throws {
        for part in parts {
            try context.reader(part.backend).forEachEntry(of: part, in: context.files, keyGroups: context.owned) {
                key, value in
                waiting.sized(key)
                waiting.varint(UInt64(value.count) + 1)
                waiting.raw(value)
                if waiting.byteCount >= chunkBytes { try flush() }
            }
        }
        if waiting.byteCount > 0 { try flush() }
    }

    private mutating func flush() throws {
        let path = "\(context.workFolder)/restored-\(filesWritten).sst"
        var file = try database.newSortedFile(path)
        try waiting.withBytes { bytes in
            try sorted.forEach(in: bytes, sharing: 0) { key, value in try file.add(key, value) }
        }
        try file.finish()
        try database.ingest(path)
        filesWritten += 1
        waiting.removeAll()
    }
}
