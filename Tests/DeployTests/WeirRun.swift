import Foundation
import TestKit

/// The repository.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// The `weir` executable, run to its end.
struct WeirRun {
    let status: Int32
    let output: String
    let errors: String

    /// On a data folder that nothing is in, and that is gone with the process.
    init(_ arguments: [String], environment: [String: String] = [:]) throws {
        let folder = TemporaryFolder()
        try self.init(arguments, data: folder.path + "/data", environment: environment)
    }

    /// - Parameter data: its data folder; nil for commands without settings.
    init(_ arguments: [String], data: String?, environment: [String: String] = [:]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try BuiltExecutable.path("weir"))
        process.arguments = arguments + (data.map { ["--set", "data=\($0)"] } ?? [])
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"], uniquingKeysWith: { $1 }
        ).merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        // What it says of errors fits into a pipe's buffer: it may be read after the other.
        self.output = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        self.errors = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        status = process.terminationStatus
    }
}
