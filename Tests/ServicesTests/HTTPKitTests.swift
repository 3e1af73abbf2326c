import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import Services
import StoreKit
import Synchronization
import TestKit
import TestServers
import Testing

/// A server with a route for each thing that can go wrong.
private func withServer(
    _ limits: HTTPLimits = HTTPLimits(), dependencies: [Dependency] = [],
    _ body: @escaping (_ url: String, _ port: Int) async throws -> Void
) async throws {
    let router = ServiceRouter()
    router.on(Route(.get, "/v1/things/{id}")) { _, context in
        try JSONAnswer(["id": context.parameters.get("id") ?? "", "request": context.requestID])
    }
    router.on(Route(.post, "/v1/things")) { request, _ in
        try JSONAnswer(["bytes": try await request.jsonBody(limits).count], status: .created)
    }
    router.on(Route(.get, "/v1/fails")) { _, _ -> Response in throw Leak() }
    router.on(Route(.get, "/v1/store")) { _, _ -> Response in throw StoreError.unavailable("host db-7.internal refused") }
    router.on(Route(.get, "/v1/slow")) { _, _ in
        try await Task.sleep(for: .seconds(60))
        return Response(status: .ok)
    }
    router.on(Route(.get, "/v1/query")) { request, _ in
        let query = try QueryParameters(request, ["a", "b"])
        return try JSONAnswer(["a": query["a"], "b": query["b"]])
    }
    Health(dependencies, metrics: { "weir_up 1\n" }).add(to: router)
    var options = HTTPHost.Options(name: "test")
    options.accessLevel = .debug
    options.limits = limits
    let host = HTTPHost(options, router)
    try await withRunning([host]) { try await body(try await host.url(), try await host.port()) }
}

private struct Leak: Error, CustomStringConvertible { let description = "password hunter2 of /etc/secret" }

@Suite struct HTTPKitTests {
    @Test func everyRefusalIsAProblem() async throws {
        try await withServer { url, _ in
            #expect(try await call(.GET, "\(url)/nothing").problem() == "not-found")
            #expect(try await call(.GET, "\(url)/v1/things").problem() == "method-not-allowed")
            let denied = try await call(.DELETE, "\(url)/v1/things/7")
            #expect(denied.status == 405)
            #expect(denied.headers.first(name: "allow") == "GET, HEAD")
            let json = [("content-type", "application/json; charset=utf-8")]
            #expect(try await call(.POST, "\(url)/v1/things", json, body: "{}").status == 201)
            #expect(try await call(.POST, "\(url)/v1/things", body: "{}").problem() == "unsupported-media-type")
            let packed = try await call(.POST, "\(url)/v1/things", json + [("content-encoding", "gzip")], body: "{}")
            #expect(try packed.status == 415 && packed.problem() == "unsupported-media-type")
            let plain = try await call(.POST, "\(url)/v1/things", json + [("content-encoding", "identity")], body: "{}")
            #expect(plain.status == 201)
            let large = try await call(.POST, "\(url)/v1/things", json, body: String(repeating: "x", count: 65_537))
            #expect(large.status == 413)
            #expect(try large.problem() == "content-too-large")
            #expect(try await call(.GET, "\(url)/v1/store").problem() == "unavailable")
            #expect(try await call(.GET, "\(url)/v1/store").headers.first(name: "retry-after") == "1")
        }
    }

    @Test func headIsAnsweredAsGetWithoutTheBody() async throws {
        try await withServer { url, port in
            let got = try await call(.GET, "\(url)/healthz")
            let head = try await call(.HEAD, "\(url)/healthz")
            #expect(head.status == 200 && head.text.isEmpty)
            #expect(head.headers.first(name: "content-type") == got.headers.first(name: "content-type"))
            #expect(head.headers.first(name: "content-length") == "\(got.text.utf8.count)")
            // Neither has a refusal a body, which would be read as the next answer.
            for (path, status) in [("/nothing", 404), ("/v1/things", 405), ("/v1/fails", 500)] {
                let connection = try RawConnection(port: port)
                await connection.write("HEAD \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                let answer = await connection.read()
                #expect(answer.hasPrefix("HTTP/1.1 \(status)") && answer.hasSuffix("\r\n\r\n"), "\(path): \(answer)")
            }
        }
    }

    @Test func whatFailedInsideStaysInside() async throws {
        try await withServer { url, _ in
            let answer = try await call(.GET, "\(url)/v1/fails")
            #expect(answer.status == 500)
            #expect(try answer.problem() == "internal-error")
            #expect(!answer.text.contains("hunter2") && !answer.text.contains("/etc"))
            let store = try await call(.GET, "\(url)/v1/store")
            #expect(!store.text.contains("db-7"))
            #expect(answer.headers.first(name: "server") == nil)
        }
    }

    @Test func aPathHasOneSpelling() async throws {
        try await withServer { _, port in
            for path in [
                "/v1//things/7", "//v1/things/7", "/v1/things/7/", "/v1/./things/7", "/v1/x/../things/7", "/v1/%2e%2e/things/7",
                "/v1/things/%37", "/v1/things\\7", "/v1/things/7%00", "/v1/things/7;x", "http://other//v1/things/7", "*",
            ] {
                let connection = try RawConnection(port: port)
                await connection.write("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                let answer = await connection.read()
                #expect(answer.hasPrefix("HTTP/1.1 400") || answer.hasPrefix("HTTP/1.1 404"), "\(path): \(answer)")
                #expect(answer.contains("application/problem+json"), "\(path): \(answer)")
            }
        }
    }

    @Test(arguments: [
        (
            "two lengths",
            "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\n{}GE"
        ),
        (
            "a length and chunks",
            "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        ),
        (
            "chunks and a length",
            "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"
        ),
        (
            "an encoding after chunks",
            "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"
        ),
        (
            "a negative length",
            "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: -1\r\n\r\n"
        ),
        ("a blank before the colon", "GET /v1/things/7 HTTP/1.1\r\nHost : a\r\n\r\n"),
        ("a folded header", "GET /v1/things/7 HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n"),
        ("two hosts", "GET /v1/things/7 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        ("no HTTP at all", "\u{16}\u{3}\u{1}\u{2}\r\n\r\n"),
        ("a percent sign that encodes nothing", "GET /v1/query?a=%zz HTTP/1.1\r\nHost: a\r\n\r\n"),
        ("another version", "GET /v1/things/7 HTTP/9.9\r\nHost: a\r\n\r\n"),
    ])
    func whatCouldBeReadInTwoWaysIsNotRead(_ what: String, _ bytes: String) async throws {
        try await withServer { _, port in
            let connection = try RawConnection(port: port)
            // Behind it a request that must never be answered as one of its own.
            await connection.write(bytes + "GET /v1/query?a=smuggled HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            let answer = await connection.read()  // to its end: the connection is closed
            #expect(answer.hasPrefix("HTTP/1.1 400"), "\(what): \(answer)")
            #expect(answer.contains("application/problem+json"), "\(what): \(answer)")
            #expect(!answer.contains("smuggled"), "\(what): \(answer)")
        }
    }

    @Test func aRequestNamesItsHost() async throws {
        try await withServer { _, port in
            for fields in [
                "", "Host:\r\n", "Host: a\r\nHost: a\r\n", "Host: a b\r\n", "Host: a/b\r\n", "Host: ada@a\r\n",
                "Host: :80\r\n", "Host: a:b\r\n", "Host: [::1\r\n", "Host: [a]\r\n", "Host: ::1\r\n", "Host: a%zz\r\n",
            ] {
                let connection = try RawConnection(port: port)
                await connection.write("GET /v1/things/7 HTTP/1.1\r\n\(fields)\r\n")
                let answer = await connection.read()  // to its end: the connection is closed
                #expect(answer.hasPrefix("HTTP/1.1 400 ") && answer.contains("malformed-request"), "\(fields): \(answer)")
            }
            for fields in [
                "Host: a\r\n", "Host: A-1.example:8080\r\n", "Host: 127.0.0.1:\r\n", "Host: [::1]\r\n",
                "Host: [::ffff:1.2.3.4]:80\r\n", "Host: a_b%20c\r\n",
            ] {
                let connection = try RawConnection(port: port)
                await connection.write("GET /v1/things/7 HTTP/1.1\r\n\(fields)\r\n")
                let answer = await connection.read(until: "}")
                #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(fields): \(answer)")
            }
            // Which had no host field yet.
            let old = try RawConnection(port: port)
            await old.write("GET /v1/things/7 HTTP/1.0\r\n\r\n")
            let answer = await old.read(until: "}")
            #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(answer)")
        }
    }

    /// Its first chunk is a whole document, and the client is told that the request is refused.
    @Test func aBodyThatCannotBeReadToItsEndIsNotTakenForWhole() async throws {
        let outcomes = Mutex<[String]>([])
        let router = ServiceRouter()
        router.on(Route(.post, "/v1/things")) { request, _ -> Response in
            do {
                let bytes = try await request.jsonBody(HTTPLimits())
                outcomes.withLock { $0.append("read \(bytes.count) bytes") }
                return Response(status: .ok)
            } catch {
                outcomes.withLock { $0.append("no body") }
                throw error
            }
        }
        let host = HTTPHost(HTTPHost.Options(name: "test"), router)
        try await withRunning([host]) {
            let connection = try RawConnection(port: try await host.port())
            let head = "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            await connection.write(head + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\nno length\r\n")
            let answer = await connection.read()
            #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
            try await eventually("the handler ends") { outcomes.withLock { !$0.isEmpty } }
            #expect(outcomes.withLock { $0 } == ["no body"])
        }
    }

    @Test func headersBeyondTheLimitAreRefused() async throws {
        try await withServer { _, port in
            let many = (0..<70).map { "X-\($0): y\r\n" }.joined()
            for fields in ["X-Long: \(String(repeating: "y", count: 20_000))\r\n", many] {
                let connection = try RawConnection(port: port)
                await connection.write("GET /v1/things/7 HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")
                let answer = await connection.read(until: "}")
                #expect(answer.hasPrefix("HTTP/1.1 431"), "\(answer)")
                #expect(answer.contains("headers-too-large"))
            }
        }
    }

    @Test func aClientThatWaitsToSendItsBodyIsToldTo() async throws {
        try await withServer { _, port in
            let head =
                "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nConnection: close\r\n"
                + "Expect: 100-continue\r\n"
            let connection = try RawConnection(port: port)
            await connection.write(head + "Content-Length: 2\r\n\r\n")
            let interim = await connection.read(until: "\r\n\r\n")
            #expect(interim.hasPrefix("HTTP/1.1 100 "), "\(interim)")
            await connection.write("{}")
            let answer = await connection.read()
            #expect(answer.hasPrefix("HTTP/1.1 201 "), "\(answer)")
            // Not to send what will not be taken.
            let large = try RawConnection(port: port)
            await large.write(head + "Content-Length: 65537\r\n\r\n")
            let refusal = await large.read(until: "\r\n\r\n")
            #expect(refusal.hasPrefix("HTTP/1.1 413 "), "\(refusal)")
        }
    }

    @Test(arguments: ["65537", "1000000000000", "10000000000000000000"])
    func aBodyAnnouncedBeyondTheLimitIsRefusedBeforeItComes(_ length: String) async throws {
        try await withServer { _, port in
            let connection = try RawConnection(port: port)
            let head = "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            await connection.write(head + "Content-Length: \(length)\r\n\r\n")
            let answer = await connection.read()  // to its end: the connection is closed
            #expect(answer.hasPrefix("HTTP/1.1 413 ") && answer.contains("content-too-large"), "\(answer)")
        }
    }

    /// Closed under a client that sends, the connection would take the answer with it.
    @Test func aClientThatSendsARefusedBodyIsNotCutOff() async throws {
        try await withServer { _, port in
            let connection = try RawConnection(port: port)
            let head = "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            await connection.write(head + "Content-Length: 1000000\r\n\r\n")
            let refusal = await connection.read(until: "\r\n\r\n")
            #expect(refusal.hasPrefix("HTTP/1.1 413 "), "\(refusal)")
            #expect(await connection.write(String(repeating: " ", count: 999_999)), "the connection was closed too soon")
        }
    }

    @Test func aBodyWithoutEndIsCutOff() async throws {
        try await withServer { _, port in
            let connection = try RawConnection(port: port)
            await connection.write(
                "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = "4000\r\n\(String(repeating: "x", count: 0x4000))\r\n"
            var sent = 0
            while sent < 4096, await connection.write(chunk) { sent += 1 }
            #expect(sent < 4096, "64 MiB were taken from a client that was refused")
        }
    }

    @Test func aRequestWhoseBodyStopsShortIsRefused() async throws {
        var limits = HTTPLimits()
        #expect(limits.readMillisMax < limits.requestMillisMax)
        limits.readMillisMax = 300
        try await withServer(limits) { _, port in
            let connection = try RawConnection(port: port)
            await connection.write(
                "POST /v1/things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n1")
            let answer = await connection.read()  // to its end: the connection is closed
            #expect(answer.hasPrefix("HTTP/1.1 408 ") && answer.contains("request-timeout"), "\(answer)")
        }
    }

    @Test func aRequestThatTakesTooLongIsGivenUp() async throws {
        var limits = HTTPLimits()
        limits.requestMillisMax = 100
        try await withServer(limits) { url, _ in
            let answer = try await call(.GET, "\(url)/v1/slow")
            #expect(answer.status == 503)
            #expect(try answer.problem() == "timed-out")
        }
    }

    @Test func requestIDsAreTakenOverOnlyWhenWellFormed() async throws {
        try await withServer { url, _ in
            let taken = try await call(.GET, "\(url)/v1/things/7", [("x-request-id", "client-0001")])
            #expect(taken.headers.first(name: "x-request-id") == "client-0001")
            #expect(try taken.json()["request"] as? String == "client-0001")
            for bad in ["short", "has blank 1", "quote\"quote", String(repeating: "a", count: 65)] {
                let made = try await call(.GET, "\(url)/v1/things/7", [("x-request-id", bad)])
                let id = try #require(made.headers.first(name: "x-request-id"))
                #expect(id != bad && id.count == 32)
            }
        }
    }

    @Test func queriesAreReadStrictly() async throws {
        try await withServer { url, _ in
            let good = try await call(.GET, "\(url)/v1/query?a=x+y%2B&b=")
            #expect(try good.json()["a"] as? String == "x y+")
            #expect(try good.json()["b"] is NSNull)
            for bad in ["c=1", "a=1&a=2", "%61=1&a=1"] {
                #expect(try await call(.GET, "\(url)/v1/query?\(bad)").problem() == "malformed-request", "\(bad)")
            }
        }
    }

    @Test func readinessNamesWhatIsDown() async throws {
        let broken = Dependency("prices") { throw StoreError.unavailable("secret detail") }
        try await withServer(dependencies: [Dependency("portfolios") {}, broken]) { url, _ in
            #expect(try await call(.GET, "\(url)/healthz").status == 200)
            let answer = try await call(.GET, "\(url)/readyz")
            #expect(answer.status == 503)
            let entries = try #require(try answer.json()["dependencies"] as? [[String: Any]])
            #expect(entries.map { $0["name"] as? String } == ["portfolios", "prices"])
            #expect(entries.map { $0["ready"] as? Bool } == [true, false])
            #expect(!answer.text.contains("secret"))
            #expect(try await call(.GET, "\(url)/metrics").text == "weir_up 1\n")
        }
    }

    @Test func aBusyPortIsRefusedWithTheWayOut() async throws {
        try await withServer { _, port in
            var options = HTTPHost.Options(name: "second")
            (options.port, options.portFlag) = (port, "--the-port")
            let host = HTTPHost(options, ServiceRouter())
            let running = Task { try await host.run() }
            do {
                _ = try await host.port()
                Issue.record("two servers on port \(port)")
            } catch {
                #expect("\(error)".contains("--the-port") && "\(error)".contains("\(port)"), "\(error)")
            }
            await #expect(throws: HTTPHostError.self) { try await running.value }
        }
    }

    @Test func connectionsBeyondTheLimitWaitForTheirTurn() async throws {
        var limits = HTTPLimits()
        limits.connectionsMax = 2
        try await withServer(limits) { _, port in
            let request = "GET /v1/things/7 HTTP/1.1\r\nHost: a\r\n\r\n"
            var held = try (0..<2).map { _ in try RawConnection(port: port) }
            for connection in held {
                await connection.write(request)
                let answer = await connection.read(until: "}")
                #expect(answer.contains("200 OK"))
            }
            let third = try RawConnection(port: port)
            await third.write(request)
            held.removeAll()
            let answer = await third.read(until: "}")
            #expect(answer.contains("200 OK"))
        }
    }
}
