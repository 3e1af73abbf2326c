import Foundation
import StreamRuntime

/// Keyed state larger than memory: a RocksDB database per subtask on local disk, with the tables of decoded
/// values in front of it as a write-back cache.
///
/// A record whose key is in memory costs what it costs with the heap backend; a miss is one read (a few
/// µs). At a barrier the changed entries are written, off the task thread, as one sorted file that enters
/// the database and is, at the same time, the checkpoint's increment: about half a µs an entry.
/// Nothing passes through a memtable or a write-ahead log: what the database holds beyond the last
/// checkpoint is worthless after a crash, because the stream is read again from there.
///
/// A checkpoint part is the live sorted files and RocksDB's manifest (a few KiB, new each time). Files are
/// shared by checkpoints and linked, not copied, when the work folder and the checkpoint folder are on one file
/// system. Opening a checkpoint at the parallelism it was written with links the files back; at any other, or
/// from another backend, the entries are read and sorted afresh.
///
/// One value serves a whole process; make one, so that its memory is the process's. Callable from any thread.
public struct RocksDBBackend: StateBackend {
    /// 256 MiB.
    public static let memoryBytesDefault = 256 << 20
    static let backendName = "rocksdb"

    private let memory: RocksDBMemory

    /// `memoryBytes`: the budget of all stores of this backend together, at least 1 MiB: an eighth is block cache,
    /// the rest tables and what is on its way out of them (`RocksDBMemory` says how it is divided).
    public init(memoryBytes: Int = RocksDBBackend.memoryBytesDefault) {
        memory = RocksDBMemory(totalBytes: memoryBytes)
    }

    public var name: String { Self.backendName }

    /// Empties the context's work folder and builds the database in it. Throws `RecoveryRefusal` for a damaged
    /// part, `RocksDBError` and `FileError` for what goes wrong locally. Costs one reading of the restored files.
    public func makeStore(_ context: StateStoreContext) throws -> any StateStore {
        try RocksDBStore(context, memory: memory)
    }

    /// Checks the part's files and reads them through links in a temporary folder; nothing of it is changed.
    public func reader(of part: StatePart, in files: any CheckpointFiles) throws -> any StatePartReader {
        try RocksDBPartReader(part, files, memory)
    }
}

/// A stored part, opened for reading.
final class RocksDBPartReader: StatePartReader {
    private let states: Range<Int>
    private let folder = "\(NSTemporaryDirectory())/weir-rocksdb-\(UUID().uuidString)"
    private var database: RocksDB?

    init(_ part: StatePart, _ files: any CheckpointFiles, _ memory: RocksDBMemory) throws {
        states = part.states.indices
        guard !part.files.isEmpty else { return }  // a part without entries
        do {
            try CheckpointPart(part: part, files: files).lay(out: folder, .borrowed)
            database = try RocksDB(folder, .readOnly, memory: memory)
        } catch {
            removeFolder(folder)
            throw error
        }
    }

    deinit { close() }

    func forEachEntry(
        keyGroup: Int, _ body: (StateKeyBytes, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard let database else { return }
        for state in states {
            let bounds = StateKeyLayout.bounds(stateID: state, keyGroups: keyGroup..<keyGroup + 1)
            try database.forEach(from: bounds.start, below: bounds.end, readahead: .large) { key, value in
                try body(key, value)
                return true
            }
        }
    }

    func close() {
        guard let open = database else { return }
        database = nil
        open.close()
        removeFolder(folder)
    }
}
