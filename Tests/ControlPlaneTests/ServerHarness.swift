import AsyncHTTPClient
import Foundation
import NIOCore
import TestKit
import Testing

/// A server, the jobs it starts and the commands that talk to it, as processes of the fixture executable in a folder of the
/// test's own. Whatever still runs at the end is killed.
final class ServerHarness: @unchecked Sendable {  // one test's, used by its task alone
    let folder = TemporaryFolder()
    private var server: Process?
    private(set) var url = ""
    private(set) var serverPID: Int32 = 0

    struct Result {
        let code: Int32
        let output: String
        let errors: String
    }

    var registryFolder: String { folder.path + "/server" }

    /// Returns once it serves.
    func startServer(_ arguments: [String] = [], environment: [String: String] = [:]) async throws {
        let output = folder.path + "/server-\(UUID().uuidString).out"
        let process = try spawn(
            ["server", "--dir", registryFolder] + (arguments.contains("--port") ? [] : ["--port", "0"]) + arguments, output,
            environment: environment)
        server = process
        serverPID = process.processIdentifier
        url = ""
        try await eventually("the server says where it is") {
            let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
            guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("weir server on ") }) else { return false }
            self.url = String(line.dropFirst("weir server on ".count))
            return true
        }
    }

    func stopServer(_ signal: Int32 = SIGTERM) async throws {
        guard let server else { return }
        kill(server.processIdentifier, signal)
        try await eventually("the server ends") { !server.isRunning }
        self.server = nil
    }

    /// Runs a command to its end, two minutes at most.
    @discardableResult func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> Result {
        let output = folder.path + "/command-\(UUID().uuidString).out"
        let process = try spawn(arguments, output, environment: ["WEIR_SERVER_URL": url].merging(environment) { $1 })
        try await eventually("'\(arguments.joined(separator: " "))' ends") { !process.isRunning }
        return Result(
            code: process.terminationStatus, output: (try? String(contentsOfFile: output, encoding: .utf8)) ?? "",
            errors: (try? String(contentsOfFile: output + ".err", encoding: .utf8)) ?? "")
    }

    /// Runs a command that goes on by itself; its output is in a file.
    func start(_ arguments: [String]) throws -> (process: Process, output: String) {
        let output = folder.path + "/command-\(UUID().uuidString).out"
        return (try spawn(arguments, output, environment: ["WEIR_SERVER_URL": url]), output)
    }

    /// Runs a command as somebody at a terminal does.
    func start(_ arguments: [String], on terminal: PseudoTerminal) throws -> Process {
        let process = try prepare(arguments, environment: ["WEIR_SERVER_URL": url])
        process.standardInput = terminal.inside
        process.standardOutput = terminal.inside
        process.standardError = terminal.inside
        try process.run()
        return process
    }

    private func prepare(_ arguments: [String], environment: [String: String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try BuiltExecutable.path("control-fixture"))
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.environment = environment.merging(["PATH": "/usr/bin:/bin"]) { given, _ in given }
        return process
    }

    private func spawn(_ arguments: [String], _ output: String, environment: [String: String]) throws -> Process {
        let process = try prepare(arguments, environment: environment)
        for path in [output, output + ".err"] { try Data().write(to: URL(fileURLWithPath: path)) }
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: output + ".err")
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// Runs a Python script beside the tests, two minutes at most; `output` has its errors too.
    func script(_ name: String, _ python: String, _ arguments: [String]) async throws -> Result {
        let output = folder.path + "/script-\(UUID().uuidString).out"
        try Data().write(to: URL(fileURLWithPath: output))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments =
            ["-B", URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(name).path] + arguments
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: output)
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let watchdog = Task {
            try await Task.sleep(for: .seconds(300))
            process.terminate()
        }
        while process.isRunning { try await Task.sleep(for: .milliseconds(50)) }
        watchdog.cancel()
        return Result(
            code: process.terminationStatus, output: (try? String(contentsOfFile: output, encoding: .utf8)) ?? "", errors: "")
    }

    // MARK: HTTP

    struct HTTPAnswer {
        let status: Int
        let headers: [String: String]
        let body: Any
        var object: [String: Any] { body as? [String: Any] ?? [:] }
        var errors: [String] { object["errors"] as? [String] ?? [] }
    }

    func http(
        _ method: String, _ path: String, body: String? = nil, headers: [String: String] = [:], base: String? = nil
    ) async throws -> HTTPAnswer {
        var request = HTTPClientRequest(url: (base ?? url) + path)
        request.method = .init(rawValue: method)
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(20))
        let data = Data(try await response.body.collect(upTo: 32 << 20).readableBytesView)
        let status = Int(response.status.code)
        let document = try? JSONSerialization.jsonObject(with: data, options: [.fragmentsAllowed])
        let fields = Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }, uniquingKeysWith: { $1 })
        return HTTPAnswer(status: status, headers: fields, body: document ?? String(decoding: data, as: UTF8.self))
    }

    /// A job in `/jobs/overview`.
    func job(_ name: String) async throws -> [String: Any]? {
        let jobs = try await http("GET", "/jobs/overview").object["jobs"] as? [[String: Any]]
        return jobs?.first { $0["name"] as? String == name }
    }

    func own(_ name: String) async throws -> [String: Any] { try await job(name)?["weir"] as? [String: Any] ?? [:] }

    func pid(_ name: String) async throws -> Int32? { (try await own(name)["pid"] as? Int).map(Int32.init) }

    /// Waits for what comes sooner or later.
    func eventually(_ what: String, seconds: Int = 120, _ holds: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < deadline {
            if try await holds() { return }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw Never(what: what, log: serverLog)
    }

    func waitUntil(_ name: String, is state: String) async throws {
        try await eventually("'\(name)' is \(state)") { try await self.job(name)?["state"] as? String == state }
    }

    /// Of every server of the test.
    var serverLog: String {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasPrefix("server-") && $0.hasSuffix(".err") }.sorted()
            .map { (try? String(contentsOfFile: "\(folder.path)/\($0)", encoding: .utf8)) ?? "" }.joined()
    }

    struct Never: Error, CustomStringConvertible {
        let what: String
        let log: String
        var description: String { "did not happen: \(what)\n\(log.suffix(4000))" }
    }

    deinit {
        if let server, server.isRunning { kill(server.processIdentifier, SIGKILL) }
        // The jobs outlive their server, and these tests.
        let jobs = registryFolder + "/jobs"
        for id in (try? FileManager.default.contentsOfDirectory(atPath: jobs)) ?? [] {
            guard let data = FileManager.default.contents(atPath: "\(jobs)/\(id)/control.json"),
                let file = try? JSONSerialization.jsonObject(with: data) as? [String: Any], file["end"] == nil,
                let process = file["process"] as? [String: Any], let pid = process["pid"] as? Int
            else { continue }
            kill(Int32(pid), SIGKILL)
        }
    }
}
