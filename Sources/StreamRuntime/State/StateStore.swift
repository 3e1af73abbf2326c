import Foundation

/// A form in which keyed state is stored, and how to read it. Callable from any thread.
public protocol StateFormat: Sendable {
    /// Stands in every part that is stored so.
    var name: String { get }

    /// Opens the files of a part for reading, after checking their sizes and checksums.
    func reader(of part: StatePart, in files: any CheckpointFiles) throws -> any StatePartReader
}

/// Reads one stored part. Used by one thread.
public protocol StatePartReader: AnyObject {
    /// Every live entry of a key group, each once, in no particular order. Keys and values are valid inside `body` only.
    func forEachEntry(
        keyGroup: Int, _ body: (_ key: StateKeyBytes, _ value: UnsafeRawBufferPointer) throws -> Void
    ) throws

    /// Idempotent.
    func close()
}

extension StateFormat {
    /// Every live entry whose key group lies in `keyGroups`; see `StatePartReader`.
    public func forEachEntry(
        of part: StatePart, in files: any CheckpointFiles, keyGroups: Range<Int>,
        _ body: (_ key: StateKeyBytes, _ value: UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let wanted = keyGroups.clamped(to: part.keyGroups)
        guard !wanted.isEmpty, !part.files.isEmpty else { return }
        let reader = try reader(of: part, in: files)
        defer { reader.close() }
        for group in wanted { try reader.forEachEntry(keyGroup: group, body) }
    }
}

/// Makes the stores that keep keyed state: one store per subtask of a stateful operator. Its name (`heap`, `rocksdb`)
/// is what `--state-backend` takes.
public protocol StateBackend: StateFormat {
    /// A store for the key groups of `context`; what it holds at first is given to it by `restore`.
    func makeStore(_ context: StateStoreContext) throws -> any StateStore
}

/// What a backend is given to make the store of one subtask.
public struct StateStoreContext: Sendable {
    public let operatorID: OperatorID
    public let subtask: Int
    public let parallelism: Int
    public let keyGroups: KeyGroups
    /// The key groups this subtask owns.
    public let owned: Range<Int>
    public let attempt: AttemptID
    /// What the checkpoint holds that the job goes on from; empty on a first start.
    public let restore: [StatePart]
    /// Where the files of `restore` are.
    public let files: any CheckpointFiles
    /// Drop states of the checkpoint that the operator no longer declares, instead of refusing to start.
    public let dropsUndeclaredState: Bool
    /// Reads the parts of *any* format (parts name theirs).
    public let reader: @Sendable (String) throws -> any StateFormat
    /// A folder of this store's own for working files, on local disk; removed when the job starts again.
    public let workFolder: String
    public let metrics: MetricRegistry
    public let clock: any RuntimeClock

    public init(
        operatorID: OperatorID, subtask: Int, parallelism: Int, keyGroups: KeyGroups, owned: Range<Int>,
        attempt: AttemptID, restore: [StatePart], files: any CheckpointFiles, dropsUndeclaredState: Bool = false,
        reader: @escaping @Sendable (String) throws -> any StateFormat, workFolder: String, metrics: MetricRegistry,
        clock: any RuntimeClock = SystemClock()
    ) {
        self.dropsUndeclaredState = dropsUndeclaredState
        self.operatorID = operatorID
        self.subtask = subtask
        self.parallelism = parallelism
        self.keyGroups = keyGroups
        self.owned = owned
        self.attempt = attempt
        self.restore = restore
        self.files = files
        self.reader = reader
        self.workFolder = workFolder
        self.metrics = metrics
        self.clock = clock
    }
}

/// Keeps one subtask's keyed state below its tables (`StateTable`), which hold decoded values and track
/// what changed. Owned by one task thread, except for what `PendingSnapshot` takes with it.
public protocol StateStore: AnyObject {
    /// For every state the operator declares; its position among the calls is its id in keys.
    func declare(_ state: StateDescriptor) throws

    /// Once, after the declarations and before everything else: what the checkpoint holds for this store's key groups.
    /// When `canEvict`, the store has to hold it from here on; otherwise the tables are filled by others.
    func restore(_ parts: [RestoredPart]) throws

    /// True when tables need not hold everything: they may evict entries and read them back.
    var canEvict: Bool { get }

    /// Most bytes the tables of this store may hold in memory together (their own estimate), when `canEvict`.
    var tableBytesMax: Int { get }

    /// The stored value of a key that is not in its table; calls `body` only when there is one.
    func read(_ key: StateKeyBytes, _ body: (UnsafeRawBufferPointer) throws -> Void) throws

    /// False while a key that is in no table is nowhere: `read` would find nothing.
    var holdsMore: Bool { get }

    /// The same for many keys at once, in any order: calls `body` for each with its position in `keys`, and its value when there
    /// is one. `body` may make changes readable (`spill`, `settle`).
    func read(_ keys: borrowing StateKeyBatch, _ body: (Int, UnsafeRawBufferPointer?) throws -> Void) throws

    /// Stored entries from the key `start` on, below `end`, in key order, for as long as `body` returns true. Sees
    /// what was spilled and what snapshots were given; not what tables still hold as changes.
    func scan(
        from start: [UInt8], below end: [UInt8], _ body: (StateKeyBytes, UnsafeRawBufferPointer) throws -> Bool
    ) throws

    /// Makes these changes readable now: the tables are full and want to evict what changed.
    func spill(_ changes: [any StateChanges]) throws

    /// Hands over what changed in the epoch that ends here. Returns at once; `PendingSnapshot.write` runs on
    /// a snapshot thread, in the order of the calls. `liveEntries`: of all tables, when nothing is evicted.
    func snapshot(_ epoch: Epoch, _ changes: [any StateChanges], liveEntries: Int) throws -> any PendingSnapshot

    /// Waits until the last snapshot's changes can be read back. Tables call it before they evict.
    func settle() throws

    func close()
}

/// A snapshot that has left the stream and is being written beside it.
public protocol PendingSnapshot: Sendable {
    /// Writes and fsyncs; returns the whole part (new files and older ones still needed).
    func write(to files: any CheckpointFiles) throws -> StatePart
}

/// What one table changed in an epoch, taken out of the table; encoded off the task thread.
public protocol StateChanges: Sendable {
    var count: Int { get }
    /// True when this holds every live entry of its table, not only the changed ones.
    var isComplete: Bool { get }
    /// Appends every change, removals too.
    func encode(into groups: inout GroupedChanges)
}

/// A stored part, and which of the states declared now each of its states is.
public struct RestoredPart: Sendable {
    public let part: StatePart
    /// By the id it is stored under: the id it has now; `nil` when it is dropped.
    public let ids: [Int?]

    public init(part: StatePart, ids: [Int?]) {
        self.part = part
        self.ids = ids
    }

    /// Every state keeps its id.
    public var keepsIDs: Bool { ids.enumerated().allSatisfy { $0.offset == $0.element } }
}

extension StateStoreContext {
    /// Every live entry of the part that lies in the store's key groups, with the id that its state has now; `key` still
    /// carries the stored one. Entries of dropped states are left out.
    public func forEachEntry(
        of restored: RestoredPart,
        _ body: (_ id: Int, _ key: StateKeyBytes, _ value: UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try reader(restored.part.backend).forEachEntry(of: restored.part, in: files, keyGroups: owned) { key, value in
            let stored = StateKeyLayout.stateID(key)
            guard restored.ids.indices.contains(stored), let id = restored.ids[stored] else { return }
            try body(id, key, value)
        }
    }

    /// The part whose files `backend` can go on with as they are: a single one, of its own form, of the same key groups and
    /// ids. After a change of parallelism or of the backend there is none, and everything is written afresh.
    public func reusable(_ parts: [RestoredPart], by backend: String) -> StatePart? {
        guard parts.count == 1, parts[0].keepsIDs, parts[0].part.keyGroups == owned, parts[0].part.backend == backend else {
            return nil
        }
        return parts[0].part
    }
}

/// A state's name in checkpoints and its encodings; a mismatch on restore is refused, naming both.
public struct StateDescriptor: Sendable, Hashable {
    public enum Kind: String, Sendable {
        case value, list, map, reducing, aggregating, timers
        case largeMap = "large-map"
    }
    public let name: String
    public let kind: Kind
    public let keySchema: String
    public let valueSchema: String
    /// After how long a value may be dropped; its stored form begins with its time (`Timed`). `nil`: never.
    public let lifetimeMillis: Int64?

    public init(name: String, kind: Kind, keySchema: String, valueSchema: String, lifetimeMillis: Int64? = nil) {
        self.lifetimeMillis = lifetimeMillis
        self.name = name
        self.kind = kind
        self.keySchema = keySchema
        self.valueSchema = valueSchema
    }
}

/// The stored form of a key: two bytes of state id, two of key group (both big-endian), then the encoded
/// key of the record (lists and maps are stored whole under it; parts of large maps under the key and their number). Sorts by state, then key group.
public typealias StateKeyBytes = UnsafeRawBufferPointer

/// Reads and writes the header of stored keys (`StateKeyBytes`).
public enum StateKeyLayout {
    public static let headerBytes = 4
    public static func stateID(_ key: StateKeyBytes) -> Int { Int(key[0]) << 8 | Int(key[1]) }
    public static func keyGroup(_ key: StateKeyBytes) -> Int { Int(key[2]) << 8 | Int(key[3]) }
    public static func setStateID(_ id: Int, in header: inout [UInt8]) {
        header[0] = UInt8(truncatingIfNeeded: id >> 8)
        header[1] = UInt8(truncatingIfNeeded: id)
    }
    /// The key behind the header.
    public static func recordKey(_ key: StateKeyBytes) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: key[headerBytes...])
    }

    /// Every key of a state in `keyGroups` lies between these, `end` excluded.
    public static func bounds(stateID: Int, keyGroups: Range<Int>) -> (start: [UInt8], end: [UInt8]) {
        (header(stateID, keyGroups.lowerBound), header(stateID, keyGroups.upperBound))
    }

    private static func header(_ stateID: Int, _ group: Int) -> [UInt8] {
        [UInt8(stateID >> 8), UInt8(stateID & 0xFF), UInt8(group >> 8), UInt8(group & 0xFF)]
    }
}

/// One subtask's share of an operator's state in a checkpoint.
public struct StatePart: Sendable, Codable, Equatable {
    /// The format it is stored in: the backend that wrote it, or that of savepoints.
    public var backend: String
    /// First key group and one past the last.
    public var keyGroupStart: Int
    public var keyGroupEnd: Int
    /// The position of a state in this list is its id in keys.
    public var states: [State]
    /// In the order they must be applied.
    public var files: [CheckpointFile]

    public struct State: Sendable, Codable, Equatable {
        public var name: String
        public var kind: String
        public var keySchema: String
        public var valueSchema: String

        public init(name: String, kind: String, keySchema: String, valueSchema: String) {
            self.name = name
            self.kind = kind
            self.keySchema = keySchema
            self.valueSchema = valueSchema
        }
    }

    public init(backend: String, keyGroups: Range<Int>, states: [State], files: [CheckpointFile]) {
        self.backend = backend
        keyGroupStart = keyGroups.lowerBound
        keyGroupEnd = keyGroups.upperBound
        self.states = states
        self.files = files
    }

    public var keyGroups: Range<Int> { keyGroupStart..<keyGroupEnd }
}

/// A file that checkpoints refer to: written once, fsynced, never changed, shared by checkpoints.
public struct CheckpointFile: Sendable, Codable, Hashable {
    /// Relative to the job's checkpoint folder.
    public var path: String
    public var bytes: Int
    /// XXH64 of the content, 16 hex digits.
    public var hash: String

    public init(path: String, bytes: Int, hash: String) {
        self.path = path
        self.bytes = bytes
        self.hash = hash
    }
}

/// Where state files are kept: the job's checkpoint folder. Callable from any thread.
public protocol CheckpointFiles: Sendable {
    /// Writes a new file durably. `name` must be unique for the job (attempt and epoch are in it).
    func write(_ name: String, _ body: (inout CheckpointFileWriter) throws -> Void) throws -> CheckpointFile

    /// Takes over a finished local file (by hard link where possible, else by copy) and makes it durable.
    func adopt(_ name: String, localPath: String) throws -> CheckpointFile

    /// All of `file`, mapped where possible, after its size was checked.
    func contents(of file: CheckpointFile) throws -> Data

    /// The same for C libraries: a local path to read `file` from.
    func localPath(of file: CheckpointFile) throws -> String
}
