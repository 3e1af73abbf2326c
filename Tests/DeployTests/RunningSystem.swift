import Foundation
import TestKit

/// A `weir` process that runs until it is stopped, on free ports and data of its own.
final class RunningSystem {
    let folder: String
    private let process = Process()
    var pid: Int32 { process.processIdentifier }

    /// `weir up`.
    convenience init(_ arguments: [String]) throws {
        try self.init(command: ["up", "--gateway-port", "0", "--metrics-port", "0", "--for", "120s"] + arguments)
    }

    /// Any command that stays.
    init(command: [String]) throws {
        folder = NSTemporaryDirectory() + "weir-up-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        process.executableURL = URL(fileURLWithPath: try BuiltExecutable.path("weir"))
        process.arguments = command
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        // To files, so that no pipe can fill up.
        for name in ["output", "errors"] { _ = FileManager.default.createFile(atPath: "\(folder)/\(name)", contents: nil) }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: folder + "/output")
        process.standardError = FileHandle(forWritingAtPath: folder + "/errors")
        try process.run()
    }

    /// Kills it, and the jobs of a server, which would live on: what they have written is not looked at any more.
    func stop() {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        process.waitUntilExit()
        let jobs = folder + "/data/server/jobs"
        for id in (try? FileManager.default.contentsOfDirectory(atPath: jobs)) ?? [] {
            guard let data = FileManager.default.contents(atPath: "\(jobs)/\(id)/control.json"),
                let file = try? JSONSerialization.jsonObject(with: data) as? [String: Any], file["end"] == nil,
                let process = file["process"] as? [String: Any], let pid = process["pid"] as? Int
            else { continue }
            kill(pid_t(pid), SIGKILL)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// The gateway once it listens, and a token for it.
    func gateway() async throws -> GatewayClient {
        let url = try await said(#/gateway +(http://\S+)/#)
        return GatewayClient(url: url, token: try await said(#/TOKEN=(\S+)\n/#))
    }

    /// Where its metrics are, once they are served.
    func metrics() async throws -> String { try await said(#/(http://127\.0\.0\.1:[0-9]+/metrics)/#, in: "errors") }

    /// What it prints, once it does; at most a minute.
    func said(_ pattern: Regex<(Substring, Substring)>, in file: String = "output") async throws -> String {
        for _ in 0..<600 {
            if let found = try String(contentsOfFile: "\(folder)/\(file)", encoding: .utf8).firstMatch(of: pattern) {
                return String(found.1)
            }
            guard process.isRunning else { break }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw NotUp(log: String(try String(contentsOfFile: folder + "/errors", encoding: .utf8).suffix(2_000)))
    }

    struct NotUp: Error { let log: String }
}
