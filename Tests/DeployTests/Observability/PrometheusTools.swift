import AsyncHTTPClient
import Foundation
import TestKit
import Testing

/// Prometheus or promtool is not there. Never a skip: the message says what to do.
struct MissingPrometheus: Error, CustomStringConvertible {
    let variable: String
    var description: String {
        "\(variable) is not set: run `make test`, or `scripts/servers install prometheus` and "
            + "`set -a; eval \"$(scripts/servers env)\"; set +a` before `swift test`"
    }

    static func path(_ variable: String) throws -> String {
        guard let path = ProcessInfo.processInfo.environment[variable], !path.isEmpty else {
            throw MissingPrometheus(variable: variable)
        }
        return path
    }
}

let observability = repository.appendingPathComponent("deploy/observability")

/// promtool, run to its end in deploy/observability.
struct Promtool {
    let status: Int32
    /// Both standard output and errors.
    let output: String

    init(_ arguments: [String], input: String = "") throws {
        let folder = TemporaryFolder()
        try folder.write("input", input)
        try folder.write("output", "")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try MissingPrometheus.path("WEIR_TEST_PROMTOOL"))
        process.arguments = arguments
        process.currentDirectoryURL = observability
        process.standardInput = FileHandle(forReadingAtPath: folder.path + "/input")
        process.standardOutput = FileHandle(forWritingAtPath: folder.path + "/output")
        process.standardError = FileHandle(forWritingAtPath: folder.path + "/output")
        try process.run()
        process.waitUntilExit()
        status = process.terminationStatus
        output = try String(contentsOfFile: folder.path + "/output", encoding: .utf8)
    }
}

/// A Prometheus server of the test's own, asked over its HTTP API.
final class PrometheusServer {
    private let process = Process()
    private let folder = TemporaryFolder()
    private var url = ""

    struct Unexpected: Error { let text: String }

    /// Returns once it is ready.
    init(configuration: String) async throws {
        try folder.write("prometheus.yml", configuration)
        try folder.write("log", "")
        process.executableURL = URL(fileURLWithPath: try MissingPrometheus.path("WEIR_TEST_PROMETHEUS"))
        process.arguments = [
            "--config.file=\(folder.path)/prometheus.yml", "--storage.tsdb.path=\(folder.path)/data",
            "--web.listen-address=127.0.0.1:0",
        ]
        process.currentDirectoryURL = URL(fileURLWithPath: folder.path)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: folder.path + "/log")
        process.standardError = FileHandle(forWritingAtPath: folder.path + "/log")
        try process.run()
        do {
            for _ in 0..<300 {
                // It says which of the free ports it has taken.
                if let port = log.firstMatch(of: #/msg="Listening on" address=127\.0\.0\.1:([0-9]+)/#)?.1, port != "0" {
                    url = "http://127.0.0.1:\(port)"
                    if (try? await get("/-/ready"))?.status == 200 { return }
                }
                guard process.isRunning else { break }
                try await Task.sleep(for: .milliseconds(100))
            }
            throw Unexpected(text: "Prometheus is not ready: \(log.suffix(2000))")
        } catch {
            stop()
            throw error
        }
    }

    func stop() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    var log: String { (try? String(contentsOfFile: folder.path + "/log", encoding: .utf8)) ?? "" }

    private func get(_ path: String, _ query: [URLQueryItem] = []) async throws -> (status: UInt, body: Data) {
        var parts = URLComponents(string: url + path)
        if !query.isEmpty { parts?.queryItems = query }
        // A plus is a space in a query, for Prometheus.
        let encoded = parts?.percentEncodedQuery?.replacingOccurrences(of: "+", with: "%2B")
        parts?.percentEncodedQuery = encoded
        let request = HTTPClientRequest(url: try #require(parts?.string))
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
        return (response.status.code, Data(try await response.body.collect(upTo: 32 << 20).readableBytesView))
    }

    private struct Answer<Content: Decodable>: Decodable { let data: Content }

    /// The `data` of an answer of the API, decoded.
    func api<Value: Decodable>(_ path: String, _ query: [URLQueryItem] = [], as type: Value.Type) async throws -> Value {
        let (status, body) = try await get("/api/v1/" + path, query)
        guard status == 200 else { throw Unexpected(text: "\(path) \(query): \(String(decoding: body, as: UTF8.self))") }
        return try JSONDecoder().decode(Answer<Value>.self, from: body).data
    }

    struct Sample {
        let labels: [String: String]
        let value: Double
    }

    /// The answer to an instant query.
    func query(_ expression: String) async throws -> [Sample] {
        struct Vector: Decodable {
            struct Element: Decodable {
                let metric: [String: String]
                let value: Value
            }
            /// `[time, "value"]`.
            struct Value: Decodable {
                let number: Double
                init(from decoder: any Decoder) throws {
                    var list = try decoder.unkeyedContainer()
                    _ = try list.decode(Double.self)
                    number = Double(try list.decode(String.self)) ?? .nan
                }
            }
            let result: [Element]
        }
        return try await api("query", [URLQueryItem(name: "query", value: expression)], as: Vector.self).result
            .map { Sample(labels: $0.metric, value: $0.value.number) }
    }

    /// The answer once it is what is waited for; at most a minute.
    @discardableResult
    func query(_ expression: String, until holds: ([Sample]) -> Bool) async throws -> [Sample] {
        var last: [Sample] = []
        for _ in 0..<300 {
            last = try await query(expression)
            if holds(last) { return last }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw Unexpected(text: "\(expression) stays \(last)")
    }
}
