import Foundation
import TestKit
import Testing

/// Starts the fixture executable as a user would, in a folder of the test's own.
struct Fixture {
    let folder: TemporaryFolder

    struct Result {
        let code: Int32
        let output: String
        let errors: String
    }

    /// A started process; its output goes to files, so that no pipe can fill up.
    final class Running {
        let process: Process
        let outputPath: String
        let errorPath: String

        init(_ process: Process, _ outputPath: String, _ errorPath: String) {
            self.process = process
            self.outputPath = outputPath
            self.errorPath = errorPath
        }

        var errors: String { (try? String(contentsOfFile: errorPath, encoding: .utf8)) ?? "" }
        func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

        /// Waits two minutes at most, then kills.
        func result() async throws -> Result {
            for _ in 0..<12_000 where process.isRunning { try await Task.sleep(for: .milliseconds(10)) }
            if process.isRunning {
                Issue.record("the process did not end within two minutes: \(errors)")
                send(SIGKILL)
            }
            process.waitUntilExit()
            let output = (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? ""
            return Result(code: process.terminationStatus, output: output, errors: errors)
        }
    }

    /// - Parameter device: where standard output goes instead; nothing is read from there.
    func start(_ arguments: [String], environment: [String: String] = [:], device: String? = nil) throws -> Running {
        let name = UUID().uuidString
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try BuiltExecutable.path("weirkit-fixture"))
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.environment = environment.merging(["PATH": "/usr/bin:/bin"]) { given, _ in given }
        let outputPath = try folder.write("\(name).out", ""), errorPath = try folder.write("\(name).err", "")
        process.standardOutput = FileHandle(forWritingAtPath: device ?? outputPath)
        process.standardError = FileHandle(forWritingAtPath: errorPath)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return Running(process, outputPath, errorPath)
    }

    func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> Result {
        try await start(arguments, environment: environment).result()
    }

    /// Starts a job, and stops it in order once `isEnough` holds: how far it comes does not depend on how fast it is.
    func run(
        _ arguments: [String], environment: [String: String] = [:], until isEnough: () throws -> Bool
    ) async throws -> Result {
        let running = try start(arguments, environment: environment)
        // With its first line it listens for signals.
        try await eventually("the job comes far enough: \(arguments)") {
            try !running.process.isRunning || (!running.errors.isEmpty && isEnough())
        }
        if running.process.isRunning { running.send(SIGTERM) }
        return try await running.result()
    }
}
