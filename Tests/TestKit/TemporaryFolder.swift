import Foundation

/// A folder of a test's own, removed with it.
package final class TemporaryFolder: Sendable {
    package let path: String

    /// - Parameter inMemory: in memory, where there is room: for tests that are not about the disk and sync many files.
    package init(inMemory: Bool = false) {
        let root = inMemory ? Self.memory : nil
        path = (root ?? FileManager.default.temporaryDirectory.standardizedFileURL.path) + "/weir-test-" + UUID().uuidString
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            fatalError("no folder for a test: \(error)")
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file; returns its path.
    @discardableResult
    package func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        return file
    }

    private static let memory: String? = {
        let root = "/dev/shm"
        let free = try? FileManager.default.attributesOfFileSystem(forPath: root)[.systemFreeSize] as? Int
        guard let free, free > 2 << 30, FileManager.default.isWritableFile(atPath: root) else { return nil }
        return root
    }()
}
