import Foundation
import StreamRuntime

/// The files of one stored part, checked and laid out as a database folder again.
struct CheckpointPart {
    let part: StatePart
    let files: any CheckpointFiles

    enum Layout {
        /// Hard links (copies on another file system): the folder stays whole when the checkpoint is deleted.
        case owned
        /// Symbolic links: to be read and removed at once.
        case borrowed
    }

    /// Refuses a part with a missing, shortened or altered file, naming it. Reads every file once.
    func lay(out folder: String, _ layout: Layout) throws {
        try makeFolder(folder)
        var manifest: String?
        for file in part.files {
            let name = CheckpointNames.databaseName(of: file)
            let stored = try files.localPath(of: file)
            try check(file, at: stored)
            if CheckpointNames.isManifest(name) {
                manifest = name
                try copy(stored, "\(folder)/\(name)")
            } else if CheckpointNames.isSortedFile(name) {
                try place(stored, "\(folder)/\(name)", layout)
            } else {
                throw damage(file, "is not a file of a RocksDB part")
            }
        }
        guard let manifest else {
            throw RecoveryRefusal(
                "a checkpoint part of key groups \(part.keyGroups) names \(part.files.count) RocksDB files and no manifest",
                remedy: "Start from an older checkpoint (weir checkpoints list).")
        }
        do {
            try Data("\(manifest)\n".utf8).write(to: URL(fileURLWithPath: "\(folder)/CURRENT"))
        } catch {
            throw FileError("write", "\(folder)/CURRENT", error)
        }
    }

    private func place(_ stored: String, _ target: String, _ layout: Layout) throws {
        switch layout {
        case .owned:
            if link(stored, target) != 0 { try copy(stored, target) }
        case .borrowed:
            let absolute = URL(fileURLWithPath: stored).path
            guard symlink(absolute, target) == 0 else { throw FileError("link \(stored) as", target) }
        }
    }

    private func copy(_ stored: String, _ target: String) throws {
        do {
            try FileManager.default.copyItem(atPath: stored, toPath: target)
        } catch {
            throw FileError("copy \(stored) to", target, error)
        }
    }

    private func check(_ file: CheckpointFile, at path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError("open", path) }
        defer { close(descriptor) }
        var digest = XXH64Stream()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FileError("read", path) }
            if count == 0 { break }
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        let hash = hexDigits(digest.finish())
        guard hash == file.hash else { throw damage(file, "has checksum \(hash), the manifest says \(file.hash)") }
    }

    private func damage(_ file: CheckpointFile, _ what: String) -> RecoveryRefusal {
        RecoveryRefusal(
            "checkpoint file \(file.path) \(what)",
            remedy: "Start from an older checkpoint (weir checkpoints list), or restore the file.")
    }
}
