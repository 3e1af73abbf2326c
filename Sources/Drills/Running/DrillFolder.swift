import Foundation
import WeirKit

/// Everything a drill's process keeps: its data, its checkpoints, what it said. A drill never touches any other folder.
struct DrillFolder {
    let path: String

    /// Makes it. Throws `CommandFailure` when there is something in it already.
    init(_ path: String) throws {
        let absolute = URL(fileURLWithPath: path).standardizedFileURL.path
        if let content = try? FileManager.default.contentsOfDirectory(atPath: absolute), !content.isEmpty {
            throw CommandFailure("\(absolute) is not empty: a drill begins in a folder of its own; give another with --dir")
        }
        do {
            try FileManager.default.createDirectory(atPath: absolute, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure("\(absolute) cannot be made: \(ErrorText.of(error)); give another with --dir")
        }
        self.path = absolute
    }

    var data: String { path + "/data" }
    var checkpoints: String { path + "/checkpoints" }
    var processLog: String { path + "/process.txt" }
    var brokerLog: String { path + "/broker.txt" }

    func remove() { try? FileManager.default.removeItem(atPath: path) }
}
