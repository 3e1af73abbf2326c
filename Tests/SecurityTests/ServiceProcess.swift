import Foundation
import TestKit
import Testing

/// `weir service NAME`, on a free port.
final class ServiceProcess: Sendable {
    let port: Int
    private let process: Process

    /// Returns when it listens.
    init(_ door: Door, _ settings: [String], log: String) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try BuiltExecutable.path("weir"))
        process.arguments =
            ["service", door.rawValue, "--port", "0", "--log-format", "json", "--log-level", "trace"]
            + settings.flatMap { ["--set", $0] }
        // Not on the command line, which everybody on the machine can read.
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["WEIR_TOKENS_SECRET": SecuredSystem.tokenSecret, "WEIR_SERVICES_CREDENTIAL": SecuredSystem.credential],
            uniquingKeysWith: { $1 })
        _ = FileManager.default.createFile(atPath: log, contents: nil)
        let output = try #require(FileHandle(forWritingAtPath: log))
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        self.process = process
        do {
            port = try await Self.port(process, log)
        } catch {
            kill(process.processIdentifier, SIGKILL)
            throw error
        }
    }

    private static func port(_ process: Process, _ log: String) async throws -> Int {
        for _ in 0..<3_000 {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            if let match = text.firstMatch(of: #/listens on http://127\.0\.0\.1:(\d+)/#), let port = Int(match.1) { return port }
            try #require(process.isRunning, "weir ended by itself: \(text.suffix(2_000))")
            try await Task.sleep(for: .milliseconds(20))
        }
        throw NotUp(log: log)
    }

    private struct NotUp: Error { let log: String }

    func stop() {
        process.terminate()
        for _ in 0..<1_000 where process.isRunning { usleep(10_000) }
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
    }
}
