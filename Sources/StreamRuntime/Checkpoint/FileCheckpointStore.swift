import Foundation

/// Checkpoints of one job in a folder on a file system.
///
/// Invariants (who keeps them):
/// S1. A manifest under its final name is whole: it is written to a temporary name, fsynced, renamed, and
///     its folder fsynced (`publish`).
/// S2. Every file a published manifest names was fsynced, with its folder, before (`write`, `adopt`).
/// S3. No name is written twice: attempt and epoch are part of every name (`CheckpointID`, `O_EXCL`).
/// S4. Deleting begins with the manifest, so that no manifest names a missing file (`delete`).
///
/// Layout: `<root>/<job id>/chk-<epoch>-<attempt>.manifest`, state files beside it under `files/`.
public struct FileCheckpointStore: CheckpointFiles {
    public let folder: String

    public init(root: String, job: JobID) throws {
        try self.init(folder: "\(root)/\(job)")
    }

    /// Opens an existing or new job folder.
    public init(folder: String) throws {
        self.folder = folder
        for path in [folder, "\(folder)/files"] { try Self.makeFolder(path) }
    }

    static func makeFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw FileError("create the folder", path, code: errno)
        }
    }

    private static func syncFolder(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open the folder", path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileError("fsync the folder", path) }
    }

    // MARK: Files

    private func flat(_ name: String) -> String { "files/" + name.replacingOccurrences(of: "/", with: "_") }

    public func write(_ name: String, _ body: (inout CheckpointFileWriter) throws -> Void) throws -> CheckpointFile {
        let path = flat(name)
        var writer = try CheckpointFileWriter(creating: "\(folder)/\(path)")
        try body(&writer)
        let (bytes, hash) = try writer.finish()
        try Self.syncFolder("\(folder)/files")
        return CheckpointFile(path: path, bytes: bytes, hash: hash)
    }

    public func adopt(_ name: String, localPath: String) throws -> CheckpointFile {
        let path = flat(name)
        let target = "\(folder)/\(path)"
        if link(localPath, target) != 0 {
            do {
                try FileManager.default.copyItem(atPath: localPath, toPath: target)
            } catch {
                throw FileError("copy \(localPath) to", target, code: errno)
            }
        }
        let digest = try Self.digest(target, sync: true)
        try Self.syncFolder("\(folder)/files")
        return CheckpointFile(path: path, bytes: digest.bytes, hash: digest.hash)
    }

    public func localPath(of file: CheckpointFile) throws -> String {
        let path = "\(folder)/\(file.path)"
        var info = stat()
        guard stat(path, &info) == 0 else { throw RunFile.damage(file.path, "is missing (looked in \(folder))") }
        guard Int(info.st_size) == file.bytes else {
            throw RunFile.damage(file.path, "has \(info.st_size) bytes, the manifest says \(file.bytes)")
        }
        return path
    }

    private static func digest(_ path: String, sync: Bool) throws -> (bytes: Int, hash: String) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open", path) }
        defer { close(descriptor) }
        var digest = XXH64Stream()
        var total = 0
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FileError("read", path) }
            if count == 0 { break }
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            total += count
        }
        if sync { guard fsync(descriptor) == 0 else { throw FileError("fsync", path) } }
        return (total, hexDigits(digest.finish()))
    }

    // MARK: Manifests

    static func manifestName(_ id: CheckpointID) -> String {
        let epoch = String(id.epoch.rawValue)
        return "chk-\(String(repeating: "0", count: 20 - epoch.utf8.count))\(epoch)-\(id.attempt).manifest"
    }

    /// Makes the checkpoint durable (S1); returns the manifest's hash.
    public func publish(_ manifest: CheckpointManifest, id: CheckpointID) throws -> String {
        let (bytes, hash) = try manifest.encoded()
        let final = "\(folder)/\(Self.manifestName(id))"
        let temporary = final + ".tmp"
        unlink(temporary)  // nobody else uses this attempt's names
        var writer = try CheckpointFileWriter(creating: temporary)
        try writer.write(bytes)
        _ = try writer.finish()
        guard rename(temporary, final) == 0 else { throw FileError("rename \(temporary) to", final) }
        try Self.syncFolder(folder)
        return hash
    }

    public func manifest(_ id: CheckpointID) throws -> (manifest: CheckpointManifest, hash: String) {
        try manifest(named: Self.manifestName(id))
    }

    public func manifest(named name: String) throws -> (manifest: CheckpointManifest, hash: String) {
        let path = "\(folder)/\(name)"
        guard let data = FileManager.default.contents(atPath: path) else {
            throw RecoveryRefusal(
                "checkpoint manifest \(path) is missing",
                remedy: "Start from another checkpoint (weir checkpoints list), or restore the file.")
        }
        return try CheckpointManifest.decode([UInt8](data), path: path)
    }

    /// The names of all published manifests, oldest epoch first.
    public func manifestNames() throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: folder)
                .filter { $0.hasPrefix("chk-") && $0.hasSuffix(".manifest") }.sorted()
        } catch {
            throw FileError("list", folder, code: errno)
        }
    }

    /// Size and checksum of every file of a manifest; the first problem is thrown.
    public func verify(_ manifest: CheckpointManifest) throws {
        for file in Set(manifest.files) {
            let digest = try Self.digest(localPath(of: file), sync: false)
            guard digest.hash == file.hash else {
                throw RunFile.damage(file.path, "has checksum \(digest.hash), the manifest says \(file.hash)")
            }
        }
    }

    // MARK: Deleting

    /// Deletes all checkpoints but `kept`, and every file no kept manifest names. Only for the fencing
    /// owner of the job, after a decision and before the next barrier (rule 4.10): nothing is being written then.
    public func retain(_ kept: [CheckpointManifest]) throws {
        let keptNames = Set(kept.compactMap(\.id).map(Self.manifestName))
        for name in try manifestNames() where !keptNames.contains(name) {
            unlink("\(folder)/\(name)")
        }
        let keptFiles = Set(kept.flatMap(\.files).map(\.path))
        let present = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/files")) ?? []
        for name in present where !keptFiles.contains("files/\(name)") {
            unlink("\(folder)/files/\(name)")
        }
    }
}
