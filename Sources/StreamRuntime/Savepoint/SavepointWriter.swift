import Foundation

/// Makes a savepoint of a checkpoint by reading the checkpoint's files: the stream, its tables and its stores are not
/// touched. Memory is bounded by one key group of one operator. Runs on one thread, of any kind.
public struct SavepointWriter: Sendable {
    private let manifest: CheckpointManifest
    private let files: any CheckpointFiles
    private let formats: [any StateFormat]
    private let disk: any Disk
    private let isCancelled: @Sendable () -> Bool

    /// Run files end at the key group with which they exceed this.
    private static let fileBytesMax = 256 << 20

    /// `formats` must include that of every part of the checkpoint; the savepoint is written on `disk`. `isCancelled` is
    /// asked at each key group.
    public init(
        _ manifest: CheckpointManifest, files: any CheckpointFiles, formats: [any StateFormat],
        disk: any Disk = SystemDisk(), isCancelled: @escaping @Sendable () -> Bool = { false }
    ) {
        self.manifest = manifest
        self.files = files
        self.formats = formats + [HeapBackend(), SavepointFormat()]
        self.disk = disk
        self.isCancelled = isCancelled
    }

    /// Writes the folder `savepoint-<epoch>-<attempt>` into `parent`, which is made when it is missing. Nothing is left
    /// behind when it throws. Throws `SavepointError`, `RecoveryRefusal` for a damaged checkpoint, `FileError`.
    public func write(into parent: String, createdAtMillis: Int64) throws -> Savepoint {
        guard let id = manifest.id else { throw SavepointError("the checkpoint '\(manifest.checkpoint)' has no valid id") }
        let final = "\(parent)/savepoint-\(id.epoch)-\(id.attempt)"
        guard !Savepoint.exists(at: final, on: disk) else {
            throw SavepointError("\(final) exists: a savepoint of this checkpoint was written there before")
        }
        try disk.makeFolder(parent)
        let temporary = "\(final).\(AttemptID.random()).tmp"
        do {
            let (written, hash) = try fill(temporary, createdAtMillis)
            try disk.rename(temporary, to: final)
            try disk.syncFolder(parent)
            return Savepoint(path: final, manifest: written, hash: hash, disk: disk)
        } catch {
            disk.removeFolder(temporary)
            throw error
        }
    }

    private func fill(_ folder: String, _ createdAtMillis: Int64) throws -> (CheckpointManifest, hash: String) {
        let target = try FileCheckpointStore(folder: folder, disk: disk)
        var result = manifest
        result.createdAtMillis = createdAtMillis
        result.origin = nil
        for index in result.operators.indices {
            let entry = manifest.operators[index]
            result.operators[index].state = try entry.state.sorted { $0.keyGroupStart < $1.keyGroupStart }
                .flatMap { try copy($0, of: entry.id, to: target) }
            result.operators[index].lists = try entry.lists.enumerated().map { try copy($1, $0, of: entry.id, to: target) }
        }
        let hash = try target.write(result, named: Savepoint.manifestName, kind: Savepoint.manifestKind)
        return (result, hash)
    }

    /// One part of keyed state: key group by key group, sorted, in as many files as it takes.
    private func copy(_ part: StatePart, of id: String, to target: FileCheckpointStore) throws -> [StatePart] {
        guard let format = formats.first(where: { $0.name == part.backend }) else {
            throw SavepointError("state of operator '\(id)' is stored as '\(part.backend)', which this program cannot read")
        }
        let reader = try format.reader(of: part, in: files)
        defer { reader.close() }
        var parts: [StatePart] = []
        var next = part.keyGroupStart
        while next < part.keyGroupEnd {
            let first = next
            var entries = 0
            let file = try target.write("state/\(id)-\(first).run") { file in
                var run = try RunFile.Writer(&file)
                while next < part.keyGroupEnd, file.offset < Self.fileBytesMax {
                    if isCancelled() { throw SavepointError("the savepoint was given up: the attempt it was of has ended") }
                    var group = SortedEntries()
                    try reader.forEachEntry(keyGroup: next) { group.append($0, $1) }
                    entries += group.count
                    try run.section(next, &file) { file in try group.write(to: &file) }
                    next += 1
                }
                try run.finish(&file)
            }
            if entries == 0 { target.remove(file) }
            parts.append(
                StatePart(
                    backend: SavepointFormat.name, keyGroups: first..<next, states: part.states,
                    files: entries == 0 ? [] : [file]))
        }
        return parts
    }

    /// Lists are stored in the same way everywhere.
    private func copy(
        _ list: CheckpointManifest.List, _ index: Int, of id: String, to target: FileCheckpointStore
    ) throws -> CheckpointManifest.List {
        let data = try files.contents(of: list.file)
        guard data.withUnsafeBytes({ hexDigits(XXH64.hash($0)) }) == list.file.hash else {
            throw RunFile.damage(list.file.path, "has a wrong checksum")
        }
        var copy = list
        copy.file = try target.write("list/\(id)-\(index).\(list.name)") { file in
            try data.withUnsafeBytes { try file.write($0) }
        }
        return copy
    }
}

/// The entries of one key group, in the order of their stored keys.
private struct SortedEntries: ~Copyable {
    private struct Entry {
        var start: Int
        var keyCount: Int
        var valueCount: Int
    }
    private var bytes = ByteWriter(capacity: 1 << 16)
    private var entries: [Entry] = []

    var count: Int { entries.count }

    mutating func append(_ key: StateKeyBytes, _ value: UnsafeRawBufferPointer) {
        entries.append(Entry(start: bytes.byteCount, keyCount: key.count, valueCount: value.count))
        bytes.raw(key)
        bytes.raw(value)
    }

    /// In the form of a run file's section.
    func write(to file: inout CheckpointFileWriter) throws {
        var section = ByteWriter(capacity: bytes.byteCount + 4 * entries.count)
        let entries = entries
        bytes.withBytes { bytes in
            func key(_ entry: Entry) -> Slice<UnsafeRawBufferPointer> { bytes[entry.start..<entry.start + entry.keyCount] }
            for entry in entries.sorted(by: { key($0).lexicographicallyPrecedes(key($1)) }) {
                let value = entry.start + entry.keyCount
                section.sized(UnsafeRawBufferPointer(rebasing: key(entry)))
                section.varint(UInt64(entry.valueCount) + 1)
                section.raw(UnsafeRawBufferPointer(rebasing: bytes[value..<value + entry.valueCount]))
            }
        }
        try section.withBytes { try file.write($0) }
    }
}
