import Foundation

/// Checkpoints of one job in a folder on a file system.
///
/// Invariants (who keeps them):
/// S1. A manifest under its final name is whole: it is written to a temporary name, fsynced, renamed, and
///     its folder fsynced (`publish`).
/// S2. Every file a published manifest names was fsynced, with its folder, before (`write`, `adopt`).
/// S3. No name is written twice: attempt and epoch are part of every name (`CheckpointID`, `Disk.create`).
/// S4. Deleting begins with the manifest, so that no manifest names a missing file (`retain`).
/// S5. An attempt deletes nothing that a later one has made, however late it wakes up (`Reach`).
/// S6. The folders themselves survive a crash before anything is written into them (`Disk.makeFolder`).
///
/// Layout: `<root>/<job id>/chk-<epoch>-<attempt>.manifest`, state files beside it under `files/`.
public struct FileCheckpointStore: CheckpointFiles {
    public let folder: String
    let disk: any Disk
    private let faults: (any FaultInjector)?

    public init(root: String, job: JobID, disk: any Disk = SystemDisk(), faults: (any FaultInjector)? = nil) throws {
        try self.init(folder: "\(root)/\(job)", disk: disk, faults: faults)
    }

    /// Opens an existing or new job folder.
    public init(folder: String, disk: any Disk = SystemDisk(), faults: (any FaultInjector)? = nil) throws {
        self.folder = folder
        self.disk = disk
        self.faults = faults
        for path in [folder, files] { try disk.makeFolder(path) }
    }

    /// To be read only: nothing is made in the folder, which may be where nothing can be written.
    public init(reading folder: String, disk: any Disk = SystemDisk()) {
        self.folder = folder
        self.disk = disk
        faults = nil
    }

    private var files: String { "\(folder)/files" }

    // MARK: Files

    private func flat(_ name: String) -> String { "files/" + name.replacingOccurrences(of: "/", with: "_") }

    public func write(_ name: String, _ body: (inout CheckpointFileWriter) throws -> Void) throws -> CheckpointFile {
        let path = flat(name)
        var writer = try CheckpointFileWriter(creating: "\(folder)/\(path)", on: disk, faults: faults)
        try body(&writer)
        let (bytes, hash) = try writer.finish()
        try faults?.reached(.fileSynced)
        try disk.syncFolder(files)
        return CheckpointFile(path: path, bytes: bytes, hash: hash)
    }

    public func adopt(_ name: String, localPath: String) throws -> CheckpointFile {
        let path = flat(name)
        try disk.adopt(localPath, as: "\(folder)/\(path)")
        let digest = try digest(path)
        try disk.syncFolder(files)
        return CheckpointFile(path: path, bytes: digest.bytes, hash: digest.hash)
    }

    public func localPath(of file: CheckpointFile) throws -> String {
        try checkSize(file, disk.size("\(folder)/\(file.path)"))
        return try disk.localPath("\(folder)/\(file.path)")
    }

    public func contents(of file: CheckpointFile) throws -> Data {
        let data = try disk.contents("\(folder)/\(file.path)")
        try checkSize(file, data?.count)
        return data ?? Data()
    }

    private func checkSize(_ file: CheckpointFile, _ bytes: Int?) throws {
        guard let bytes else { throw RunFile.damage(file.path, "is missing (looked in \(folder))") }
        guard bytes == file.bytes else {
            throw RunFile.damage(file.path, "has \(bytes) bytes, the manifest says \(file.bytes)")
        }
    }

    private func digest(_ path: String) throws -> (bytes: Int, hash: String) {
        guard let data = try disk.contents("\(folder)/\(path)") else {
            throw RunFile.damage(path, "is missing (looked in \(folder))")
        }
        return (data.count, data.withUnsafeBytes { hexDigits(XXH64.hash($0)) })
    }

    // MARK: Manifests

    static func manifestName(_ id: CheckpointID) -> String {
        let epoch = String(id.epoch.rawValue)
        return "chk-\(String(repeating: "0", count: 20 - epoch.utf8.count))\(epoch)-\(id.attempt)\(manifestSuffix)"
    }
    private static let manifestSuffix = ".manifest"
    private static let temporarySuffix = ".manifest.tmp"

    /// Makes the checkpoint durable (S1); returns the manifest's hash.
    public func publish(_ manifest: CheckpointManifest, id: CheckpointID) throws -> String {
        try write(manifest, named: Self.manifestName(id), kind: CheckpointManifest.kind)
    }

    func write(_ manifest: CheckpointManifest, named name: String, kind: String) throws -> String {
        let (bytes, hash) = try manifest.encoded(kind: kind)
        let final = "\(folder)/\(name)"
        let temporary = final + ".tmp"
        disk.remove(temporary)  // nobody else uses this attempt's names
        try faults?.reached(.manifestBegin)
        var writer = try CheckpointFileWriter(creating: temporary, on: disk)
        try writer.write(bytes)
        _ = try writer.finish()
        try faults?.reached(.manifestSynced)
        try disk.rename(temporary, to: final)
        try faults?.reached(.manifestRenamed)
        #if WEIR_PLANTED
            if PlantedMistake.unsyncedRename.isOn { return hash }
        #endif
        try disk.syncFolder(folder)
        return hash
    }

    public func manifest(_ id: CheckpointID) throws -> (manifest: CheckpointManifest, hash: String) {
        try manifest(named: Self.manifestName(id))
    }

    public func manifest(named name: String) throws -> (manifest: CheckpointManifest, hash: String) {
        let path = "\(folder)/\(name)"
        guard let data = try disk.contents(path) else {
            if try manifestNames().isEmpty {
                throw RecoveryRefusal(
                    "checkpoint manifest \(path) is missing, as is any other: \(folder) holds no checkpoint",
                    remedy:
                        "Name the folder that the job used before (--checkpoint-dir), or bring its files here. To start over, "
                        + "take another --namespace; what 'weir up' keeps, 'weir reset' clears.")
            }
            throw RecoveryRefusal(
                "checkpoint manifest \(path) is missing",
                remedy: "Start from another checkpoint (weir checkpoints list), or restore the file.")
        }
        return try CheckpointManifest.decode([UInt8](data), path: path)
    }

    /// The names of all published manifests, oldest epoch first.
    public func manifestNames() throws -> [String] {
        try disk.list(folder).filter { $0.hasPrefix("chk-") && $0.hasSuffix(Self.manifestSuffix) }
    }

    /// Size and checksum of every file of a manifest; the first problem is thrown.
    public func verify(_ manifest: CheckpointManifest) throws {
        for file in Set(manifest.files) {
            try checkSize(file, disk.size("\(folder)/\(file.path)"))
            let digest = try digest(file.path)
            guard digest.hash == file.hash else {
                throw RunFile.damage(file.path, "has checksum \(digest.hash), the manifest says \(file.hash)")
            }
        }
    }

    // MARK: Deleting

    func remove(_ file: CheckpointFile) { disk.remove("\(folder)/\(file.path)") }

    /// What an attempt may delete: what it found when it started, and what it has made itself.
    ///
    /// A decision proves that the attempt owned the island then, not that it still does: it may be stopped between its
    /// decision and its cleaning up, and wake up when a later attempt has decided epochs of its own.
    struct Reach: Sendable {
        fileprivate let found: Set<String>
        fileprivate let attempt: AttemptID

        fileprivate func includes(_ name: String) -> Bool {
            #if WEIR_PLANTED
                if PlantedMistake.boundlessCleanup.isOn { return true }
            #endif
            // Epochs stand in names as well: as digits, which may be those of an attempt.
            return found.contains(name) || name.contains("-\(attempt).") || name.contains("-\(attempt)~")
        }
    }

    /// Asked once, after the attempt has fenced those before it and before it writes.
    func reach(of attempt: AttemptID) throws -> Reach {
        Reach(found: Set(try disk.list(folder)).union(try disk.list(files)), attempt: attempt)
    }

    /// Deletes all checkpoints within reach but `kept`, what attempts before have left half written, and every file no
    /// kept manifest names. After a decision and before the next barrier (rule 10): nothing is being written then.
    func retain(_ kept: [CheckpointManifest], within reach: Reach) throws {
        let keptNames = Set(kept.compactMap(\.id).map(Self.manifestName))
        for name in try disk.list(folder) where reach.includes(name) && !keptNames.contains(name) {
            guard name.hasPrefix("chk-"), name.hasSuffix(Self.manifestSuffix) || name.hasSuffix(Self.temporarySuffix) else {
                continue
            }
            disk.remove("\(folder)/\(name)")
        }
        try faults?.reached(.cleanupManifests)
        let keptFiles = Set(kept.flatMap(\.files).map(\.path))
        for name in try disk.list(files) where reach.includes(name) && !keptFiles.contains("files/\(name)") {
            disk.remove("\(files)/\(name)")
        }
    }
}
