import StreamRuntime

/// One subtask's keyed state in a RocksDB database of its own, under `StateTable`s that cache it.
///
/// How it is rebuilt: a part of the same key groups that this backend wrote, with the same states, is opened as it is (its
/// files linked back, its manifest copied); anything else (another parallelism, another format) is read entry
/// by entry, sorted in pieces and taken in.
///
/// Owned by the task thread; what runs beside it goes through `EpochIngestor`, where the invariants stand.
final class RocksDBStore: StateStore {
    private let context: StateStoreContext
    private let memory: RocksDBMemory
    private let metrics: RocksDBMetrics
    private let expiry: ExpiryFilter
    private var states: [StatePart.State] = []
    // Opened by `restore`, which comes before every use.
    private var database: RocksDB!
    private var ingestor: EpochIngestor!
    /// The tables hold all there is: a key they do not have is nowhere. True for a new store until they
    /// want to drop something, which they announce by `settle`.
    private var tablesAreWhole = true
    private var isClosed = false

    init(_ context: StateStoreContext, memory: RocksDBMemory) throws {
        self.context = context
        self.memory = memory
        metrics = RocksDBMetrics(context, memory: memory)
        expiry = ExpiryFilter(context.clock)
        removeFolder(context.workFolder)
        try makeFolder(context.workFolder)
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

    func restore(_ parts: [RestoredPart]) throws {
        let stored = parts.filter { !$0.part.files.isEmpty }
        let path = "\(context.workFolder)/db"
        let restored: [CheckpointFile]?
        if let part = context.reusable(stored, by: RocksDBBackend.backendName) {
            try CheckpointPart(part: part, files: context.files).lay(out: path, .owned)
            database = try RocksDB(path, .reopen, memory: memory, expiry: expiry)
            restored = part.files
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

    func read(_ key: StateKeyBytes, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
        if tablesAreWhole { return }
        metrics.reads.add()
        try database.get(key, body)
    }

    var holdsMore: Bool { !tablesAreWhole }

    func read(_ keys: borrowing StateKeyBatch, _ body: (Int, UnsafeRawBufferPointer?) throws -> Void) throws {
        if tablesAreWhole { return }
        metrics.reads.add(keys.count)
        try database.get(keys, body)
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
        guard !isClosed else { return }
        isClosed = true
        if let ingestor {
            ingestor.close()
            memory.storeClosed()
        }
        database?.close()
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

    consuming func takeIn(_ parts: [RestoredPart]) throws {
        let context = context
        var header = [UInt8](repeating: 0, count: StateKeyLayout.headerBytes)
        for restored in parts {
            try context.forEachEntry(of: restored) { id, key, value in
                for index in header.indices { header[index] = key[index] }
                StateKeyLayout.setStateID(id, in: &header)
                waiting.varint(UInt64(key.count))
                waiting.raw(header)
                waiting.raw(StateKeyLayout.recordKey(key))
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
