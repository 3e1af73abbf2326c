import Foundation

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

    var checkpoints: String { "\(path)/checkpoints" }
    var work: String { "\(path)/work" }
}
