import Foundation
import StreamRuntime

/// What a store's files are called among the checkpoint files: the owner, then `~`, then the name RocksDB
/// knows the file by. The part after `~` is all that a restore needs.
///
///     state/<operator>-<subtask>-<attempt>~000012.sst            adopted once, shared by checkpoints
///     state/<operator>-<subtask>-<epoch>-<attempt>~MANIFEST-000005   one for every checkpoint
struct CheckpointNames: Sendable {
    let owner: String
    let epoch: Epoch
    let attempt: AttemptID

    func sortedFile(_ databaseName: String) -> String { "state/\(owner)-\(attempt)~\(databaseName)" }
    func manifest(_ databaseName: String) -> String { "state/\(owner)-\(epoch)-\(attempt)~\(databaseName)" }

    /// The name of a checkpoint file in the database it came from.
    static func databaseName(of file: CheckpointFile) -> String {
        String(file.path.split(separator: "~").last ?? "")
    }

    static func isSortedFile(_ databaseName: String) -> Bool { databaseName.hasSuffix(".sst") }
    static func isManifest(_ databaseName: String) -> Bool { databaseName.hasPrefix("MANIFEST-") }
}

/// The files of a captured database that matter: the sorted files and the manifest that `CURRENT` names.
struct CapturedFiles {
    let sortedFiles: [String]
    let manifest: String

    init(folder: String) throws {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw FileError("list", folder, error)
        }
        sortedFiles = names.filter(CheckpointNames.isSortedFile).sorted()
        let current = try String(decoding: localBytes("\(folder)/CURRENT"), as: UTF8.self)
        manifest = current.trimmingCharacters(in: .whitespacesAndNewlines)
        guard CheckpointNames.isManifest(manifest) else {
            throw RocksDBError("read", "\(folder)/CURRENT", "it names no manifest but '\(manifest)'")
        }
    }
}

func localBytes(_ path: String) throws -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else { throw FileError("read", path) }
    return [UInt8](data)
}

/// Removes a working folder; one that is not there is no error.
func removeFolder(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
}

func makeFolder(_ path: String) throws {
    do {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    } catch {
        throw FileError("create the folder", path, error)
    }
}
