import Synchronization

/// State in memory. A checkpoint is a base and the changes since, each a *run* file: entries grouped by
/// key group. When the changes outweigh the live entries, the runs are merged into a new base, key group
/// by key group, on the snapshot thread: the stream does not wait, and memory is bounded by one group.
public struct HeapBackend: StateBackend {
    public init() {}

    public var name: String { "heap" }

    public func makeStore(_ context: StateStoreContext) throws -> any StateStore { HeapStore(context) }

    public func forEachEntry(
        of part: StatePart, in files: any CheckpointFiles, keyGroups: Range<Int>,
        _ body: (StateKeyBytes, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let wanted = keyGroups.clamped(to: part.keyGroups)
        let runs = try part.files.map { try RunFile(path: files.localPath(of: $0), file: $0) }
        for group in wanted { try RunFile.merge(runs, group: group, body) }
    }
}

/// One subtask's heap store: everything is in the tables; this keeps the chain of runs that holds them.
final class HeapStore: StateStore {
    private let context: StateStoreContext
    private var states: [StatePart.State] = []
    private let chain: RunChain

    init(_ context: StateStoreContext) {
        self.context = context
        let isSameShare = context.restore.count == 1 && context.restore[0].keyGroups == context.owned
            && context.restore[0].backend == "heap"
        chain = RunChain(isSameShare ? context.restore[0].files : [])
    }

    var canEvict: Bool { false }
    var tableBytesMax: Int { .max }

    func declare(_ state: StateDescriptor) {
        states.append(
            StatePart.State(
                name: state.name, kind: state.kind.rawValue, keySchema: state.keySchema, valueSchema: state.valueSchema))
    }

    func read(_ key: StateKeyBytes, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {}
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
        var entries: Int
    }
    let links: Mutex<[Link]>

    init(_ files: [CheckpointFile]) {
        links = Mutex(files.map { Link(file: $0, entries: $0.bytes / 24) })
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
            let stored = links.reduce(0) { $0 + $1.entries }
            if links.count > Self.runsMax || (links.count > 1 && stored > 2 * max(liveEntries, Self.mergeEntriesMin)) {
                let runs = try links.map { try RunFile(path: files.localPath(of: $0.file), file: $0.file) }
                let merged = try RunFile.merge(runs, into: "state/\(name).base.run", keyGroups, files)
                links = [RunChain.Link(file: merged, entries: liveEntries)]
            }
            return StatePart(backend: "heap", keyGroups: keyGroups, states: states, files: links.map(\.file))
        }
    }
}
