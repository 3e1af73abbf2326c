import Synchronization

/// State in memory. A checkpoint is a base and the changes since, each a *run* file: entries grouped by
/// key group. When the changes outweigh the live entries, the runs are merged into a new base, key group
/// by key group, on the snapshot thread: the stream does not wait, and memory is bounded by one group.
public struct HeapBackend: StateBackend {
    public init() {}

    static let formatName = "heap"
    public var name: String { Self.formatName }

    public func makeStore(_ context: StateStoreContext) throws -> any StateStore { HeapStore(context) }

    public func reader(of part: StatePart, in files: any CheckpointFiles) throws -> any StatePartReader {
        RunReader(try part.files.map { try RunFile($0, in: files) })
    }
}

/// Runs that together hold a part, oldest first.
final class RunReader: StatePartReader {
    private var runs: [RunFile]

    init(_ runs: [RunFile]) { self.runs = runs }

    func forEachEntry(
        keyGroup: Int, _ body: (StateKeyBytes, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try RunFile.merge(runs, group: keyGroup, body)
    }

    func close() { runs = [] }
}

/// One subtask's heap store: everything is in the tables; this keeps the chain of runs that holds them.
final class HeapStore: StateStore {
    private let context: StateStoreContext
    private var states: [StatePart.State] = []
    private var chain = RunChain([])

    init(_ context: StateStoreContext) { self.context = context }

    var canEvict: Bool { false }
    var tableBytesMax: Int { .max }
    var holdsMore: Bool { false }

    func declare(_ state: StateDescriptor) {
        states.append(
            StatePart.State(
                name: state.name, kind: state.kind.rawValue, keySchema: state.keySchema, valueSchema: state.valueSchema))
    }

    /// The tables are filled by `OperatorState`. Files of the same share with the same ids go on being its base.
    func restore(_ parts: [RestoredPart]) throws {
        #if WEIR_PLANTED
            if PlantedMistake.filesOfOtherShares.isOn {
                chain = RunChain(parts.flatMap(\.part.files))
                return
            }
        #endif
        if let part = context.reusable(parts, by: HeapBackend.formatName) { chain = RunChain(part.files) }
    }

    func read(_ key: StateKeyBytes, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {}
    func read(_ keys: borrowing StateKeyBatch, _ body: (Int, UnsafeRawBufferPointer?) throws -> Void) throws {}
    func scan(
        from start: [UInt8], below end: [UInt8], _ body: (StateKeyBytes, UnsafeRawBufferPointer) throws -> Bool
    ) throws {}
    func spill(_ changes: [any StateChanges]) throws {}
    func settle() throws {}
    func close() {}

    func snapshot(_ epoch: Epoch, _ changes: [any StateChanges], liveEntries: Int) -> any PendingSnapshot {
        HeapSnapshot(
            name: "\(context.operatorID)-\(context.subtask)-\(epoch)-\(context.attempt)", changes: changes,
            liveEntries: liveEntries, chain: chain, keyGroups: context.owned, states: states)
    }
}

/// The run files that together hold a subtask's state, oldest first. Snapshot threads take turns with it.
final class RunChain: Sendable {
    struct Link: Sendable {
        var file: CheckpointFile
        /// `nil`: the file was restored, and nobody has counted them yet.
        var entries: Int?
        var entriesMax: Int { entries ?? file.bytes / RunFile.entryBytesMin }
    }
    let links: Mutex<[Link]>

    init(_ files: [CheckpointFile]) {
        links = Mutex(files.map { Link(file: $0, entries: nil) })
    }
}

struct HeapSnapshot: PendingSnapshot {
    let name: String
    let changes: [any StateChanges]
    let liveEntries: Int
    let chain: RunChain
    let keyGroups: Range<Int>
    let states: [StatePart.State]

    /// Merging small runs is not worth a file.
    private static let mergeEntriesMin = 100_000
    private static let runsMax = 64

    func write(to files: any CheckpointFiles) throws -> StatePart {
        try chain.links.withLock { links in
            let count = changes.reduce(0) { $0 + $1.count }
            if changes.allSatisfy(\.isComplete) { links.removeAll() }
            if count > 0 {
                let file = try RunFile.write("state/\(name).run", changes, count, keyGroups, files)
                links.append(RunChain.Link(file: file, entries: count))
            }
            if try isMergeDue(&links, files) {
                let runs = try links.map { try RunFile($0.file, in: files) }
                let merged = try RunFile.merge(runs, into: "state/\(name).base.run", keyGroups, files)
                links = [RunChain.Link(file: merged, entries: liveEntries)]
            }
            return StatePart(backend: HeapBackend.formatName, keyGroups: keyGroups, states: states, files: links.map(\.file))
        }
    }

    /// Restored files are counted once, when their sizes allow that a merge is due: an estimate that is too high would write the
    /// whole state anew with the first checkpoint after a restart.
    private func isMergeDue(_ links: inout [RunChain.Link], _ files: any CheckpointFiles) throws -> Bool {
        if links.count > Self.runsMax { return true }
        let storedMax = 2 * max(liveEntries, Self.mergeEntriesMin)
        guard links.count > 1, links.reduce(0, { $0 + $1.entriesMax }) > storedMax else { return false }
        for index in links.indices where links[index].entries == nil {
            links[index].entries = try RunFile(links[index].file, in: files).countEntries()
        }
        return links.reduce(0) { $0 + $1.entriesMax } > storedMax
    }
}
