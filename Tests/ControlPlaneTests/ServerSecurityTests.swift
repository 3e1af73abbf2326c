import Foundation
import StreamRuntime
import TestServers
import Testing

/// A server with a token, asked by those who have none.
@Suite struct ServerSecurityTests {
    private static let token = "the-token-of-this-server"
    private static let job = JobID(namespace: "default", jobName: "counting").rawValue

    /// What docs/control-plane.md lists, under both prefixes, and what is nowhere.
    private static let routes: [(method: String, path: String)] = [
        "GET /overview", "GET /config", "GET /jobs", "GET /jobs/overview", "GET /jobs/metrics", "GET /taskmanagers",
        "GET /jobmanager/config", "POST /jobs", "GET /jobs/J", "DELETE /jobs/J", "PATCH /jobs/J?mode=cancel",
        "GET /jobs/J/status",
        "GET /jobs/J/plan", "GET /jobs/J/config", "GET /jobs/J/exceptions", "GET /jobs/J/metrics", "GET /jobs/J/accumulators",
        "GET /jobs/J/execution-result", "GET /jobs/J/checkpoints", "GET /jobs/J/checkpoints/config",
        "GET /jobs/J/checkpoints/details/1", "GET /jobs/J/checkpoints/details/1/subtasks/V", "GET /jobs/J/vertices/V",
        "GET /jobs/J/vertices/V/backpressure", "GET /jobs/J/vertices/V/watermarks", "GET /jobs/J/vertices/V/metrics",
        "GET /jobs/J/vertices/V/subtasks/metrics", "GET /jobs/J/vertices/V/subtasks/0",
        "GET /jobs/J/vertices/V/subtasks/0/metrics", "GET /jobs/J/vertices/V/subtasks/0/attempts/0",
        "GET /jobs/J/vertices/V/jm-operator-metrics", "GET /jobs/J/resource-requirements", "PUT /jobs/J/resource-requirements",
        "GET /jobs/J/vertices/V/subtasktimes", "GET /jobs/J/vertices/V/taskmanagers", "POST /jobs/J/savepoints",
        "GET /jobs/J/savepoints/R", "POST /jobs/J/stop", "POST /jobs/J/checkpoints", "GET /jobs/J/checkpoints/R",
        "GET /jobs/J/log-levels", "PATCH /jobs/J/log-levels", "PATCH /jobs/J/rescaling?parallelism=2", "GET /jobs/J/rescaling/R",
        "GET /jobs/J/logs", "GET /nowhere", "PUT /jobs", "POST /",
        "GET /jobmanager/metrics", "GET /taskmanagers/metrics", "GET /taskmanagers/T", "GET /taskmanagers/T/metrics",
        "GET /taskmanagers/T/logs", "GET /taskmanagers/T/logs/F", "GET /taskmanagers/T/log", "GET /datasets", "GET /jars",
        "POST /jars/upload", "POST /savepoint-disposal", "DELETE /cluster", "GET /jobs/J/jobmanager/config",
        "GET /index.html/../overview", "GET /healthz/../overview", "GET //overview", "GET /%6fverview",
    ].flatMap { text in
        let parts = text.split(separator: " ")
        let path = parts[1].replacing("/J", with: "/\(job)")
        return ["", "/v1"].map { (String(parts[0]), $0 + path) }
    }

    private func ask(_ port: Int, _ head: String, body: String = "") async throws -> String {
        let connection = try RawConnection(port: port)
        await connection.write("\(head)\r\nConnection: close\r\n\r\n\(body)")
        return await connection.read()
    }

    private func withServer(_ body: (ServerHarness, Int) async throws -> Void) async throws {
        let harness = ServerHarness()
        try await harness.startServer(environment: ["WEIR_SERVER_TOKEN": Self.token])
        try await body(harness, try #require(URLComponents(string: harness.url)?.port))
        try await harness.stopServer()
        for name in try FileManager.default.contentsOfDirectory(atPath: harness.folder.path) where name.hasPrefix("server-") {
            let log = try String(contentsOfFile: "\(harness.folder.path)/\(name)", encoding: .utf8)
            #expect(!log.contains(Self.token) && !log.contains("Canary"), "\(name): \(log)")
        }
    }

    @Test func withoutTheTokenNothingIsTold() async throws {
        try await withServer { _, port in
            let wrong = [
                "", "Authorization: Bearer\r\n", "Authorization: \(Self.token)\r\n", "Authorization: Basic \(Self.token)\r\n",
                "Authorization: Bearer \(Self.token.dropLast())\r\n", "Authorization: Bearer \(Self.token)Canary\r\n",
                "Cookie: token=\(Self.token)\r\n", "X-Forwarded-For: 127.0.0.1\r\nOrigin: http://localhost\r\n",
            ]
            for (method, path) in Self.routes {
                for fields in wrong {
                    let answer = try await ask(port, "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)X-A: b")
                    #expect(answer.hasPrefix("HTTP/1.1 401 "), "\(method) \(path) \(fields): \(answer)")
                    #expect(answer.contains(#"{"errors":["#) && !answer.contains(Self.token), "\(answer)")
                }
            }
        }
    }

    /// Which would be read as the next answer.
    @Test func aRefusalOfHeadHasNoBody() async throws {
        try await withServer { _, port in
            for (path, token, status) in [
                ("/overview", "", 401), ("/nowhere", Self.token, 404), ("/jobs/x/stop", Self.token, 405),
                ("/jobs/x", Self.token, 400),
            ] {
                let answer = try await ask(port, "HEAD \(path) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(token)")
                #expect(answer.hasPrefix("HTTP/1.1 \(status) ") && answer.hasSuffix("\r\n\r\n"), "\(path): \(answer)")
            }
        }
    }

    @Test func withItARequestIsJudgedByWhatItSays() async throws {
        try await withServer { _, port in
            let token = "Authorization: Bearer \(Self.token)"
            for (method, path) in Self.routes {
                let answer = try await ask(port, "\(method) \(path) HTTP/1.1\r\nHost: a\r\n\(token)")
                let status = answer.dropFirst(9).prefix(3)
                #expect(["200", "400", "404", "405", "501"].contains(status), "\(method) \(path): \(answer)")
                #expect(!answer.contains(Self.token) && !answer.contains(".swift"), "\(answer)")
            }
            for body in ["{", "[]", "null", #"{"name":1}"#, #"{"name":"../x"}"#, String(repeating: "[", count: 20_000), "Canary"]
            {
                let answer = try await ask(
                    port, "POST /jobs HTTP/1.1\r\nHost: a\r\n\(token)\r\nContent-Length: \(body.utf8.count)", body: body)
                #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(#"{"errors":["#), "\(body.prefix(20)): \(answer)")
            }
            let large = String(repeating: " ", count: (1 << 20) + 1)
            let refused = try await ask(
                port, "POST /jobs HTTP/1.1\r\nHost: a\r\n\(token)\r\nContent-Length: \(large.utf8.count)", body: large)
            #expect(refused.hasPrefix("HTTP/1.1 413 "), "\(refused)")
            let folded = try await ask(port, "GET /overview?a=%0d%0aX-Injected:%20yes HTTP/1.1\r\nHost: a\r\n\(token)")
            #expect(!folded.lowercased().contains("\nx-injected"), "\(folded)")
        }
    }

    @Test func aBodyAnnouncedBeyondTheLimitIsRefusedBeforeItComes() async throws {
        try await withServer { _, port in
            let head = "POST /jobs HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Self.token)\r\n"
            let connection = try RawConnection(port: port)
            await connection.write(head + "Content-Length: 1000000000000\r\n\r\n")
            let answer = await connection.read()  // to its end: the connection is closed
            #expect(answer.hasPrefix("HTTP/1.1 413 ") && answer.contains(#"{"errors":["#), "\(answer)")
        }
    }

    @Test func aJobsProcessRefusesABodyBeyondItsLimitBeforeItComes() async throws {
        let harness = ServerHarness()
        let path = harness.folder.path + "/control.json"
        async let outside = harness.run(
            ["run", "counting", "--for", "100s", "--metrics-port", "0", "--set", "control.file=\(path)"],
            environment: ["WEIR_CONTROL_TOKEN": Self.token])
        var port = 0
        var pid: Int32 = 0
        try await harness.eventually("it says where it is") {
            guard let data = FileManager.default.contents(atPath: path),
                let file = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
            else { return false }
            port = file["port"] as? Int ?? 0
            pid = ((file["process"] as? [String: Any])?["pid"] as? Int).map(Int32.init) ?? 0
            return port > 0 && pid > 0
        }
        let head = "POST /control/jobs/\(Self.job)/stop HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(Self.token)\r\n"
        let connection = try RawConnection(port: port)
        await connection.write(head + "Content-Length: 1000000000000\r\n\r\n")
        let answer = await connection.read()  // to its end: the connection is closed
        #expect(answer.hasPrefix("HTTP/1.1 413 ") && answer.contains(#"{"error":""#), "\(answer)")
        kill(pid, SIGTERM)
        #expect(try await outside.code == 0)
    }

    @Test func aRequestThatDoesNotNameItsHostIsRefused() async throws {
        try await withServer { _, port in
            for (path, fields) in [
                ("/overview", ""), ("/healthz", "Host:\r\n"), ("/", "Host: a\r\nHost: b\r\n"), ("/", "Host: a b\r\n"),
            ] {
                let connection = try RawConnection(port: port)
                await connection.write("GET \(path) HTTP/1.1\r\n\(fields)Authorization: Bearer \(Self.token)\r\n\r\n")
                let answer = await connection.read()  // to its end: the connection is closed
                #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains(#"{"errors":["#), "\(fields): \(answer)")
            }
        }
    }

    /// What could be read in two ways ends the connection.
    @Test func whatIsNoPlainHTTPIsCutOff() async throws {
        try await withServer { _, port in
            let token = "Authorization: Bearer \(Self.token)"
            for fields in [
                "Content-Length: 2\r\nContent-Length: 4", "Content-Length: 4\r\nTransfer-Encoding: chunked",
                "Transfer-Encoding: xchunked",
                "Transfer-Encoding : chunked", "A: b\r\n c", "A: b\u{0}c", "Content-Length: -1",
                "X: \(String(repeating: "y", count: 20_000))",
                (0..<70).map { "X-\($0): y" }.joined(separator: "\r\n"),
            ] {
                let connection = try RawConnection(port: port)
                await connection.write(
                    "POST /jobs HTTP/1.1\r\nHost: a\r\n\(token)\r\n\(fields)\r\n\r\n{}GET /overview HTTP/1.1\r\nHost: a\r\n\(token)\r\n\r\n"
                )
                let answer = await connection.read()
                #expect(
                    ["400", "431"].contains { answer.hasPrefix("HTTP/1.1 \($0) ") } && answer.contains(#"{"errors":["#),
                    "\(fields.prefix(60)): \(answer)")
                #expect(!answer.contains("weir-version") && answer.components(separatedBy: "HTTP/1.1 ").count <= 2, "\(answer)")
            }
        }
    }

    @Test func withoutATokenOtherNamesAndOriginsAreRefused() async throws {
        let harness = ServerHarness()
        try await harness.startServer()
        let port = try #require(URLComponents(string: harness.url)?.port)
        for (method, host, origin, status) in [
            ("GET", "evil.example", "", "403"), ("GET", "127.0.0.1.evil.example", "", "403"),
            ("POST", "localhost", "http://evil.example", "403"),
            ("POST", "localhost", "null", "403"), ("GET", "localhost:\(port)", "", "200"),
        ] {
            let fields = origin.isEmpty ? "" : "\r\nOrigin: \(origin)"
            let answer = try await ask(port, "\(method) /jobs HTTP/1.1\r\nHost: \(host)\(fields)")
            #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(host) \(origin): \(answer)")
        }
        try await harness.stopServer()
    }
}
