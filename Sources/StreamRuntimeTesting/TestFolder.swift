import Foundation
import StreamRuntime

/// A folder that is gone with its owner.
final class TestFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/weir-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    /// Another one with the same checkpoints.
    convenience init(copyOf other: TestFolder) throws {
        try self.init()
        guard FileManager.default.fileExists(atPath: other.checkpoints) else { return }
        try FileManager.default.copyItem(atPath: other.checkpoints, toPath: checkpoints)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The keyed state of an operator in the newest checkpoint of `job`.
    func state(of id: OperatorID, job: JobID, backends: [any StateBackend]) throws -> StateView {
        let store = try FileCheckpointStore(root: checkpoints, job: job)
        guard let newest = try store.manifestNames().last else {
            throw JobTestError("no checkpoint is decided yet: take one first")
        }
        return try StateView(
            try store.manifest(named: newest).manifest, operator: id, files: KeptFiles(store: store, folder: self),
            backends: backends)
    }

    var checkpoints: String { "\(path)/checkpoints" }
    var work: String { "\(path)/work" }
}

/// Checkpoint files, and the folder they are in for as long as somebody reads them.
private struct KeptFiles: CheckpointFiles {
    let store: FileCheckpointStore
    let folder: TestFolder

    func write(_ name: String, _ body: (inout CheckpointFileWriter) throws -> Void) throws -> CheckpointFile {
        try store.write(name, body)
    }
    func adopt(_ name: String, localPath: String) throws -> CheckpointFile { try store.adopt(name, localPath: localPath) }
    func contents(of file: CheckpointFile) throws -> Data { try store.contents(of: file) }
    func localPath(of file: CheckpointFile) throws -> String { try store.localPath(of: file) }
}
