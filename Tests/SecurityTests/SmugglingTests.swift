import Foundation
import TestServers
import Testing

/// Bytes that two programs on the way could take apart differently.
extension SecurityTests {
    @Suite struct Smuggling {
        /// A request's head up to its fields, and what makes it doubtful.
        private struct Attack {
            let what: String
            let bytes: String

            init(_ what: String, _ bytes: String) {
                self.what = what
                self.bytes = bytes
            }

            /// Fields of a request with a body, and the body.
            static func post(_ what: String, _ fields: String, _ body: String = "") -> Attack {
                Attack(what, "POST /v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\n\(fields)\r\n\r\n\(body)")
            }

            static func get(_ what: String, _ fields: String) -> Attack {
                Attack(what, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\(fields)\r\n\r\n")
            }
        }

        private static let attacks: [Attack] = lengths + encodings + chunks + lines + starts

        private static let lengths: [Attack] = [
            .post("two lengths", "Content-Length: 2\r\nContent-Length: 4", "{}GE"),
            .post("one length twice in a field", "Content-Length: 4, 4", "{}GE"),
            .post("a length with a sign", "Content-Length: +4", "{}GE"),
            .post("a length below zero", "Content-Length: -1"), .post("a length in hex", "Content-Length: 0x4", "{}GE"),
            .post("a length and more", "Content-Length: 4x", "{}GE"), .post("no length", "Content-Length: "),
            .post("a length beyond numbers", "Content-Length: 99999999999999999999999"),
            .post("a length with a blank inside", "Content-Length: 4 2", "{}GE"),
        ]

        private static let encodings: [Attack] = [
            .post("a length and chunks", "Content-Length: 4\r\nTransfer-Encoding: chunked", "0\r\n\r\n"),
            .post("chunks and a length", "Transfer-Encoding: chunked\r\nContent-Length: 4", "0\r\n\r\n"),
            .post("an encoding after chunks", "Transfer-Encoding: chunked, identity", "0\r\n\r\n"),
            .post("an unknown encoding", "Transfer-Encoding: xchunked", "0\r\n\r\n"),
            .post("an encoding with a parameter", "Transfer-Encoding: chunked;a=b", "0\r\n\r\n"),
            .post("two encodings", "Transfer-Encoding: identity\r\nTransfer-Encoding: xchunked", "0\r\n\r\n"),
            .post("a vertical tab before the encoding", "Transfer-Encoding:\u{0B}chunked", "0\r\n\r\n"),
            .post("an encoding that is quoted", "Transfer-Encoding: \"chunked\"", "0\r\n\r\n"),
            .post("a blank in the name", "Transfer-Encoding : chunked", "0\r\n\r\n"),
            .post("a blank before the name", "A: b\r\n Transfer-Encoding: chunked", "0\r\n\r\n"),
        ]

        private static let chunks: [Attack] = [
            "0x2\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n0\r\n\r\n", "+2\r\n{}\r\n0\r\n\r\n", " 2\r\n{}\r\n0\r\n\r\n",
            "2 \r\n{}\r\n0\r\n\r\n",
            "FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n", "2\r\n{}GE\r\n0\r\n\r\n", "2\n{}\r\n0\r\n\r\n", "2;a\n{}\r\n0\r\n\r\n",
            "2\r{}\r\n0\r\n\r\n",
            "\r\n2\r\n{}\r\n0\r\n\r\n", "G\r\n{}\r\n0\r\n\r\n", "2;a=\"\n\"\r\n{}\r\n0\r\n\r\n",
        ].map { .post("a chunk \($0.debugDescription)", "Transfer-Encoding: chunked", $0) }

        private static let lines: [Attack] = [
            .get("a folded field", "A: b\r\n c"), .get("a folded field by a tab", "A: b\r\n\tc"),
            .get("a field without a colon", "no colon"),
            .get("a field without a name", ": b"), .get("a NUL in a value", "A: b\u{0}c"), .get("a NUL in a name", "A\u{0}: b"),
            .get("a CR in a value", "A: b\rc"), .get("a CR before a name", "\rA: b"), .get("a blank in a name", "A B: c"),
            .get("an LF alone", "A: b\nTransfer-Encoding: chunked"), .get("high bytes in a name", "Ä: b"),
        ]

        private static let starts: [Attack] = [
            Attack("a tab", "GET\t/healthz\tHTTP/1.1\r\nHost: a\r\n\r\n"),
            Attack("a blank in the target", "GET /healthz ?a HTTP/1.1\r\nHost: a\r\n\r\n"),
            Attack("another version", "GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n"),
            Attack("a later version", "GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n"),
            Attack("no version that is one", "GET /healthz HTTP/1.1x\r\nHost: a\r\n\r\n"),
            Attack("no HTTP", "GET /healthz FTP/1.1\r\nHost: a\r\n\r\n"),
            Attack("no method", " /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
            Attack("a method in small letters", "get /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
            Attack("the beginning of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            Attack("TLS", "\u{16}\u{3}\u{1}\u{0}\u{5}\u{1}\r\n\r\n"),
            Attack("a line end in the target", "GET /health\rz HTTP/1.1\r\nHost: a\r\n\r\n"),
            Attack("NULs", "\u{0}\u{0}\u{0}\u{0}\r\n\r\n"),
        ]

        /// What comes behind in the same bytes is never taken for a request: answers would be counted, and `SecuredSystem` looks for its
        /// name in every log.
        private static let smuggled =
            "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: smuggled-request\r\nConnection: close\r\n\r\n"

        @Test(arguments: Door.allCases)
        func whatCouldBeReadInTwoWaysIsNotRead(_ door: Door) async throws {
            let system = try SecuredSystem.running()
            for attack in Self.attacks {
                let what = "\(attack.what) at \(door.rawValue)"
                let answer = try await system.answer(Array((attack.bytes + Self.smuggled).utf8), at: door, what)
                #expect(answer.status == 400 && answer.problem == "malformed-request", "\(what): \(answer)")
                #expect(answer.headers["connection"] == "close", "\(what): \(answer)")
                #expect(answer.text.matches(of: #/HTTP/1\.1 \d/#).count == 1, "\(what): more than one answer: \(answer.text)")
            }
        }

        /// It is refused, and what comes behind it is not read: another program on the way may see two clients there.
        @Test(arguments: Door.allCases)
        func aRequestThatDoesNotNameOneHostIsRefused(_ door: Door) async throws {
            for fields in ["Host: a\r\nHost: other\r\n", "", "Host:\r\n", "Host: a/other\r\n"] {
                let connection = try RawConnection(port: try SecuredSystem.running().port(door))
                await connection.write("GET /healthz HTTP/1.1\r\n\(fields)\r\n\(Self.last)")
                let statuses = await connection.read().matches(of: #/HTTP/1\.1 (\d+)/#).map { String($0.1) }
                #expect(statuses == ["400"], "\(fields)")
            }
        }

        /// Requests behind each other are answered one by one; a trailer is no field, and proves nothing.
        @Test(arguments: Door.allCases)
        func whatCanBeReadInOneWayIs(_ door: Door) async throws {
            let system = try SecuredSystem.running()
            let chunked =
                "POST /v1/accounts HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\n"
                + "Authorization: \(system.bearer("ada").value)\r\nx-weir-internal: \(SecuredSystem.credential)\r\nx-weir-user: ada\r\n\r\n"
            let last = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            let connection = try RawConnection(port: try system.port(door))
            await connection.write(chunked + "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + last)
            let text = await connection.read()
            let statuses = text.matches(of: #/HTTP/1\.1 (\d+)/#).map { String($0.1) }
            #expect(statuses == [door == .gateway || door == .portfolio ? "401" : "404", "200", "200"], "\(text)")
        }

        /// Also when the request is answered before the body is there.
        @Test(arguments: Door.allCases)
        func aBodyThatNobodyWantsIsNoRequest(_ door: Door) async throws {
            let system = try SecuredSystem.running()
            let body = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: smuggled-request\r\n\r\n"
            let connection = try RawConnection(port: try system.port(door))
            await connection.write(
                "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body.prefix(5))")
            await connection.write("\(body.dropFirst(5))\(Self.last)")
            let text = await connection.read()
            #expect(text.matches(of: #/HTTP\/1\.1 200/#).count == 2, "\(text)")
        }

        private static let last = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    }

    @Suite struct WebSockets {
        private static let key = "dGhlIHNhbXBsZSBub25jZQ=="

        private func upgrade(_ target: String, _ more: Fields, body: [UInt8]? = nil) -> [UInt8] {
            var head = "GET \(target) HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            head += "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: \(Self.key)\r\n"
            for (name, value) in more { head += "\(name): \(value)\r\n" }
            if let body { head += "Content-Length: \(body.count)\r\n" }
            return Array((head + "\r\n").utf8) + (body ?? [])
        }

        @Test(arguments: [Door.gateway, .marketData])
        func pagesOfOthersOpenNone(_ door: Door) async throws {
            let system = try SecuredSystem.running()
            let origins = [
                "https://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:1",
                "http://evil.example@127.0.0.1",
                "file://", "http://127.0.0.1/", "HTTP://LOCALHOST", "",
            ]
            for origin in origins {
                let bytes = upgrade("/v1/prices", [("Origin", origin)] + system.proof(at: door))
                let answer = try await system.answer(bytes, at: door, "origin '\(origin)' at \(door.rawValue)")
                #expect(answer.status == 403 && answer.problem == "origin-refused", "\(origin): \(answer)")
            }
            let two = upgrade(
                "/v1/prices", [("Origin", "http://127.0.0.1"), ("Origin", "https://evil.example")] + system.proof(at: door))
            #expect(try await system.answer(two, at: door, "two origins").status == 403)
        }

        /// Nowhere but at `/v1/prices`; elsewhere the request is one like any other, and wants its token.
        @Test(arguments: DescribedRoute.all.filter { $0.path != "/v1/prices" && $0.method == "GET" })
        func noOtherRouteBecomesOne(_ route: DescribedRoute) async throws {
            let system = try SecuredSystem.running()
            let request = try route.example.request(system)
            let answer = try await system.answer(upgrade(request.target, []), at: .gateway, "upgrade of \(route.name)")
            #expect(answer.status == (route.isOpen ? 200 : 401), "\(answer)")
        }

        @Test(arguments: [Door.gateway, .marketData])
        func aHandshakeIsTakenInItsOneForm(_ door: Door) async throws {
            let system = try SecuredSystem.running()
            let proof = system.proof(at: door)
            for (what, bytes) in [
                ("a body", upgrade("/v1/prices", proof, body: [1, 2])),
                ("two keys", upgrade("/v1/prices", [("Sec-WebSocket-Key", Self.key)] + proof)),
                ("two versions", upgrade("/v1/prices", [("Sec-WebSocket-Version", "8")] + proof)),
                ("another path", upgrade("/v1//prices", proof)),
                ("chunks", upgrade("/v1/prices", [("Transfer-Encoding", "chunked")] + proof) + Array("0\r\n\r\n".utf8)),
            ] {
                let answer = try await system.answer(bytes, at: door, "\(what) at \(door.rawValue)")
                #expect(answer.status == 400, "\(what): \(answer)")
            }
            guard door == .marketData else { return }
            let answer = try await system.answer(upgrade("/v1/prices", []), at: door, "no credential")
            #expect(answer.status == 401 && answer.problem == "not-through-gateway", "\(answer)")
        }
    }
}
