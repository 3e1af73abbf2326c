import Foundation

/// Where an attempt goes on from: a checkpoint and the offsets of its decision, or the very beginning.
struct RestorePoint: Sendable {
    var manifest: CheckpointManifest?
    /// The next position of every split known then.
    var positions: [OperatorID: [String: Int64]] = [:]
    /// The first epoch of the new attempt.
    var firstEpoch: Epoch
    /// Where the manifest's files are, if not in the job's checkpoint store.
    var files: FileCheckpointStore?
    /// For the manifests to come (`CheckpointManifest.origin`).
    var origin: String?
    /// Operators of the manifest that the job does not have, and is not to have.
    private var dropped: Set<String> = []

    static let beginning = RestorePoint(manifest: nil, firstEpoch: Epoch(1))

    init(manifest: CheckpointManifest?, positions: [OperatorID: [String: Int64]] = [:], firstEpoch: Epoch) {
        self.manifest = manifest
        self.positions = positions
        self.firstEpoch = firstEpoch
    }

    /// From a decision and the manifest it names, which must agree.
    init(decision: Decision, store: FileCheckpointStore) throws {
        positions = Self.positions(decision)
        firstEpoch = decision.checkpoint.epoch.next
        guard !decision.isGenesis else { return }
        let (found, hash) = try store.manifest(decision.checkpoint)
        guard hash == decision.manifestHash else {
            throw RecoveryRefusal(
                "the decision of epoch \(decision.checkpoint.epoch) names a manifest with checksum \(decision.manifestHash), "
                    + "\(store.folder) holds one with \(hash)",
                remedy: "Point --checkpoint-dir at the folder the job used before.")
        }
        guard Self.positions(found) == positions else {
            throw RecoveryRefusal(
                "the offsets of the decision of epoch \(decision.checkpoint.epoch) differ from those of its checkpoint",
                remedy: "One of the two was changed by hand; restore it, or start over under another --namespace.")
        }
        manifest = found
        origin = found.origin
    }

    /// From a checkpoint alone: jobs without a deciding sink, and explicit starts.
    init(manifest: CheckpointManifest, after epoch: Epoch) {
        self.manifest = manifest
        origin = manifest.origin
        positions = Self.positions(manifest)
        firstEpoch = epoch.next
    }

    /// From the start positions alone. Nothing stands on them but where to begin: splits that are there no more are forgotten.
    func asBeginning(of splits: [OwnedSplit]) -> RestorePoint {
        var beginning = RestorePoint.beginning
        for owned in splits {
            beginning.positions[owned.source, default: [:]][owned.split.id] = positions[owned.source]?[owned.split.id]
        }
        return beginning
    }

    /// Sources, or splits of them, have come since: no decision tells where they begin. What they say today ("the end of the
    /// topic") is not what they would say after a crash, so the attempt decides it, with its first epoch, before it reads
    /// anything. A job's very first start has decided it already (`Recovery.beginGenesis`, `beginAlone`).
    func hasUndecidedStarts(of splits: [OwnedSplit]) -> Bool {
        guard manifest != nil || !positions.isEmpty else { return false }
        return splits.contains { positions[$0.source]?[$0.split.id] == nil }
    }

    private static func positions(_ decision: Decision) -> [OperatorID: [String: Int64]] {
        var result: [OperatorID: [String: Int64]] = [:]
        for offset in decision.offsets { result[offset.source, default: [:]][offset.position.split] = offset.position.next }
        return result
    }

    private static func positions(_ manifest: CheckpointManifest) -> [OperatorID: [String: Int64]] {
        var result: [OperatorID: [String: Int64]] = [:]
        for entry in manifest.operators where !entry.positions.isEmpty {
            result[OperatorID(entry.id)] = Dictionary(
                entry.positions.map { ($0.split, $0.next) }, uniquingKeysWith: { $1 })
        }
        return result
    }

    // MARK: Checks against the job that wants to go on

    func check(job: JobID, graph: JobGraph, keyGroups: KeyGroups, splits: [OwnedSplit]) throws {
        if let manifest {
            guard let id = manifest.id, id.job == job || files != nil else {
                throw RecoveryRefusal(
                    "checkpoint \(manifest.checkpoint) belongs to job '\(manifest.jobName)', this is job \(job)",
                    remedy: "Give the checkpoint of this job, or run the job under the id it was written by (--job-id).")
            }
            guard manifest.keyGroups == keyGroups.count else {
                throw RecoveryRefusal(
                    "the checkpoint was written with \(manifest.keyGroups) key groups, the job has \(keyGroups.count)",
                    remedy: "Set it back: --set parallelism.max=\(manifest.keyGroups) [in code: JobOptions.keyGroups].")
            }
            if let unknown = unknownOperators(graph).first {
                throw RecoveryRefusal(
                    "the checkpoint holds state of operator '\(unknown)', which the job no longer has",
                    remedy: "Give the operator its old id with .id(\"\(unknown)\"), or accept the loss of its state with "
                        + "--allow-non-restored-state.")
            }
        }
        for (source, stored) in positions {
            let present = Set(splits.filter { $0.source == source }.map(\.split.id))
            let gone = stored.keys.filter { !present.contains($0) }.sorted()
            if let first = gone.first {
                throw RecoveryRefusal(
                    "source '\(source)' read \(gone.count) split(s) that are no longer there (first: \(first))",
                    remedy: "Bring them back, or start over under another --namespace.")
            }
        }
    }

    /// Operators of the checkpoint that the graph does not have.
    private func unknownOperators(_ graph: JobGraph) -> [String] {
        let known = Set(graph.nodes.map(\.id.rawValue)).union(dropped)
        return (manifest?.operators ?? []).map(\.id).filter { !known.contains($0) }
    }

    /// What the checkpoint holds of operators that the graph does not have is not asked for; returns their ids. The manifest
    /// keeps them: its files stay for as long as it does (S4 of `FileCheckpointStore`).
    mutating func dropUnknownOperators(_ graph: JobGraph) -> [String] {
        let unknown = unknownOperators(graph)
        dropped = Set(unknown)
        for id in unknown { positions[OperatorID(id)] = nil }
        return unknown
    }

    // MARK: What each operator gets back

    func parts(of id: OperatorID, owned: Range<Int>) -> [StatePart] {
        guard let entry = manifest?.operators.first(where: { $0.id == id.rawValue }) else { return [] }
        return entry.state.filter { $0.keyGroups.overlaps(owned) }
    }

    func list(
        _ id: OperatorID, _ name: String, _ schema: String, owned: Range<Int>, files: any CheckpointFiles
    ) throws -> [OperatorList.Item] {
        try lists(id, name, schema).flatMap { try OperatorListFile.read($0.file, files).filter { owned.contains($0.keyGroup) } }
    }

    /// Who had an item at this parallelism gets it back: what an operator holds of a partition stays with the subtask that reads
    /// it. At another one, and from checkpoints that do not say whose the items were, item *i* of all goes to subtask *i* mod
    /// parallelism.
    func share(
        _ share: OperatorList.Share, of id: OperatorID, _ name: String, _ schema: String, files: any CheckpointFiles
    ) throws -> [OperatorList.Item] {
        let stored = try lists(id, name, schema)
        if stored.allSatisfy({ $0.share?.parallelism == share.parallelism }) {
            return try stored.filter { $0.share == share }.flatMap { try OperatorListFile.read($0.file, files) }
        }
        let all = try stored.flatMap { try OperatorListFile.read($0.file, files) }
        return all.enumerated().filter { $0.offset % share.parallelism == share.subtask }.map(\.element)
    }

    private func lists(_ id: OperatorID, _ name: String, _ schema: String) throws -> [CheckpointManifest.List] {
        let lists = manifest?.operators.first { $0.id == id.rawValue }?.lists.filter { $0.name == name } ?? []
        if let list = lists.first(where: { $0.schema != schema }) {
            throw RecoveryRefusal(
                "list '\(name)' of operator '\(id)' was stored as \(list.schema), the job now declares \(schema)",
                remedy: "Keep the old encoding until the list has run empty.")
        }
        return lists
    }
}

/// Operator lists in checkpoints: per item the key group (u32) and the bytes with their length.
enum OperatorListFile {
    static func write(_ list: OperatorList, _ name: String, _ files: any CheckpointFiles) throws -> CheckpointFile {
        var writer = ByteWriter(capacity: list.items.count * 128)
        for item in list.items {
            writer.integer(UInt32(item.keyGroup))
            writer.sized(item.bytes)
        }
        return try files.write(name) { try $0.write(writer.bytes) }
    }

    static func read(_ file: CheckpointFile, _ files: any CheckpointFiles) throws -> [OperatorList.Item] {
        try files.contents(of: file).withUnsafeBytes { bytes in
            guard hexDigits(XXH64.hash(bytes)) == file.hash else { throw RunFile.damage(file.path, "has a wrong checksum") }
            var reader = ByteReader(bytes)
            var items: [OperatorList.Item] = []
            while reader.remaining > 0 {
                let group = Int(try reader.integer(UInt32.self))
                items.append(OperatorList.Item(keyGroup: group, bytes: Array(try reader.sized())))
            }
            return items
        }
    }
}
