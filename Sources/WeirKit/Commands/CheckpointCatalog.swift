import Foundation
import StreamRuntime

/// The checkpoints below a folder: a checkpoint root, or one job's folder in it. Reading only.
struct CheckpointCatalog {
    /// One job's folder.
    struct JobFolder {
        let id: String
        let store: FileCheckpointStore
        /// Oldest epoch first.
        let manifestNames: [String]

        /// A running job deletes old checkpoints while they are being looked at.
        func stillHas(_ name: String) -> Bool {
            FileManager.default.fileExists(atPath: "\(store.folder)/\(name)")
        }
    }
    let jobs: [JobFolder]

    /// Throws `CommandFailure` when there is no such folder.
    init(_ path: String) throws {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            throw CommandFailure("there is no folder \(path); give the checkpoint root, or a job's folder in it")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        let isJobFolder = names.contains { $0.hasPrefix("chk-") } || names.contains("files")
        let folders = isJobFolder ? [path] : names.filter { JobID($0) != nil }.map { "\(path)/\($0)" }
        jobs = try folders.map { folder in
            let store = FileCheckpointStore(reading: folder)
            return JobFolder(
                id: URL(fileURLWithPath: folder).lastPathComponent, store: store,
                manifestNames: try store.manifestNames())
        }
    }

    /// The checkpoint a user names by its id, its epoch, or its manifest's name; `nil` text: the newest.
    func find(_ text: String?) throws -> (folder: JobFolder, manifestName: String) {
        let all = jobs.flatMap { folder in folder.manifestNames.map { (folder: folder, manifestName: $0) } }
        guard !all.isEmpty else { throw CommandFailure("there are no checkpoints here") }
        guard let text else {
            guard jobs.filter({ !$0.manifestNames.isEmpty }).count == 1, let newest = all.last else {
                throw UsageError(
                    "there are checkpoints of several jobs here: give one job's folder, or --checkpoint ID")
            }
            return newest
        }
        let matches = all.filter { Self.matches($0.manifestName, $0.folder.id, text) }
        guard let match = matches.first else {
            let newest = all.suffix(5).map { Self.shortName($0.manifestName) }.joined(separator: ", ")
            throw UsageError("there is no checkpoint '\(text)'; the newest epochs: \(newest)")
        }
        guard matches.count == 1 else {
            let names = matches.map(\.manifestName).joined(separator: ", ")
            throw UsageError("'\(text)' may mean several checkpoints: \(names); give the whole id")
        }
        return match
    }

    /// `--from-checkpoint`: a whole id, or an epoch of this job.
    static func find(_ text: String, of job: JobID, root: String) throws -> CheckpointID {
        if let id = CheckpointID(text) { return id }
        let found = try CheckpointCatalog("\(root)/\(job)").find(text)
        guard let id = try found.folder.store.manifest(named: found.manifestName).manifest.id else {
            throw CommandFailure("manifest \(found.manifestName) carries no valid id")
        }
        return id
    }

    private static func matches(_ manifestName: String, _ job: String, _ text: String) -> Bool {
        if let id = CheckpointID(text) {
            return id.job.rawValue == job && epoch(manifestName) == id.epoch.rawValue
                && manifestName.contains("-\(id.attempt).")
        }
        if let number = UInt64(text) { return epoch(manifestName) == number }
        return manifestName == text
    }

    /// `chk-00000000000000000012-….manifest` → 12.
    static func epoch(_ manifestName: String) -> UInt64? {
        manifestName.split(separator: "-").dropFirst().first.flatMap { UInt64($0) }
    }

    private static func shortName(_ manifestName: String) -> String { epoch(manifestName).map(String.init) ?? manifestName }
}
