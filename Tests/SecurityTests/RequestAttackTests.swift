import Foundation
import Testing

/// What a request can be like besides unproven: every route at every door that has it, by somebody who may ask.
extension SecurityTests {
    @Suite struct Requests {
        private func doors(_ route: DescribedRoute) throws -> [Door] {
            guard let service = try route.example.service else { return Door.allCases }
            return [.gateway, service]
        }

        /// The example of the route with the change, at every door.
        private func attack(
            _ route: DescribedRoute, _ what: String, _ change: (WireRequest) -> WireRequest,
            check: (WireAnswer, String) -> Void
        ) async throws {
            let system = try SecuredSystem.running()
            for door in try doors(route) {
                let request = change(try route.example.request(system).with(system.proof(at: door)))
                let said = "\(route.name) at \(door.rawValue), \(what)"
                check(try await system.answer(request, at: door, said), said)
            }
        }

        /// Other spellings of a path, and ways around it.
        private static func spellings(_ path: String) -> [(what: String, target: String)] {
            let letters = Array(path.utf8)
            let encodedLetter = "/%\(String(letters[1], radix: 16))\(String(decoding: letters[2...], as: UTF8.self))"
            return [
                ("a slash more in front", "/\(path)"), ("slashes doubled", path.replacing("/", with: "//")),
                ("a slash more behind", "\(path)/"), ("a step on the spot", "/.\(path)"), ("a step out and in", "/x/..\(path)"),
                ("a step out, encoded", "/x/%2e%2e\(path)"), ("half encoded", "/x/.%2E\(path)"),
                ("encoded twice", "/x/%252e%252e\(path)"), ("users and out", "/users/..\(path)"),
                ("encoded slashes", path.replacing("/", with: "%2f")), ("an encoded slash inside", "/x%2F..\(path)"),
                ("backslashes", path.replacing("/", with: "\\")), ("an encoded backslash", "/x%5c..\(path)"),
                ("an encoded NUL", "\(path)%00"), ("a NUL", "\(path)\u{0}"),
                ("an encoded line end", "\(path)%0d%0aX-Injected:%20yes"), ("a parameter of the path", "\(path);user=ada"),
                ("too long an encoding", "/x/%c0%ae%c0%ae\(path)"),
                ("no path", "*"), ("no slash", String(path.dropFirst())), ("an encoded letter", encodedLetter),
                ("a fragment", "\(path)#x"), ("high bytes", "\(path)é"),
                ("a very long one", path + String(repeating: "/a", count: 3_000)),
            ]
        }

        @Test(arguments: DescribedRoute.all)
        func aPathHasOneSpelling(_ route: DescribedRoute) async throws {
            let target = try route.example.request(try SecuredSystem.running()).target
            let path = String(target.prefix { $0 != "?" })
            let query = String(target.dropFirst(path.count))
            for (what, spelling) in Self.spellings(path) {
                try await attack(route, what, { $0.with(target: spelling + query) }) { answer, said in
                    #expect([400, 404].contains(answer.status), "\(said): \(answer)")
                }
            }
        }

        private static let queryTricks: [(what: String, query: String, isRefused: Bool)] = [
            ("a lone percent sign", "a=%", true), ("no hex digits", "a=%zz", true), ("no UTF-8", "q=%ff%fe", false),
            ("a line end", "symbol=AAPL%0d%0aX-Injected:%20yes%0d%0a%0d%0aCanary", false), ("a NUL", "symbol=%00Canary", false),
            ("quotes", "q=\"Canary\"", true), ("angle brackets", "q=<script>Canary</script>", true),
            ("a pipe", "q=a|b^`{}[]\\", true), ("high bytes", "q=é", true),
            ("encoded markup", "q=%3Cscript%3ECanary%3C%2Fscript%3E", false),
            ("SQL", "symbol=AAPL'%20OR%201=1--%20Canary", false), ("a search", "q=%22%20OR%20*:*%20Canary", false),
            ("a template", "q=$%7Bjndi:ldap://127.0.0.1:1/Canary%7D", false), ("twice", "symbol=AAPL&symbol=MSFT", false),
            ("nothing", "&&&==&=", false), ("a long one", "q=" + String(repeating: "Canary", count: 1_000), false),
        ]

        /// Never a fault of the server's, never an injected field; what every program on the way does not read the same is refused.
        @Test(arguments: DescribedRoute.all)
        func aQueryIsReadStrictly(_ route: DescribedRoute) async throws {
            for (what, query, isRefused) in Self.queryTricks {
                try await attack(route, what) { request in
                    let path = request.target.prefix { $0 != "?" }
                    return request.with(target: "\(path)?\(query)")
                } check: { answer, said in
                    #expect(answer.status < 500, "\(said): \(answer)")
                    #expect(!isRefused || answer.status == 400, "\(said): \(answer)")
                    // Said back as JSON only, which no browser takes for a page.
                    #expect(answer.headers["content-type"]?.hasPrefix("text/html") != true, "\(said)")
                    #expect(answer.headers["x-content-type-options"] == "nosniff", "\(said): \(answer)")
                }
            }
        }

        @Test(arguments: DescribedRoute.all)
        func otherMethodsAreRefused(_ route: DescribedRoute) async throws {
            let methods = DescribedRoute.all.filter { $0.path == route.path }.map(\.method)
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"]
            where !methods.contains(method) {
                try await attack(route, method) { request in
                    var changed = request.with([("X-Http-Method-Override", request.method), ("X-Echo", "Canary")])
                    changed.method = method
                    return changed
                } check: { answer, said in
                    #expect(answer.status == 405 && !answer.text.contains("Canary"), "\(said): \(answer)")
                    let allowed = methods + (methods.contains("GET") ? ["HEAD"] : [])
                    #expect(answer.headers["allow"] == allowed.sorted().joined(separator: ", "), "\(said): \(answer)")
                }
            }
        }

        @Test(arguments: DescribedRoute.all)
        func headerFieldsAreBounded(_ route: DescribedRoute) async throws {
            let attacks: [(String, Fields)] = [
                ("a long field", [("X-Long", String(repeating: "Canary", count: 4_000))]),
                ("long fields", (0..<10).map { (name: "X-Long-\($0)", value: String(repeating: "y", count: 2_000)) }),
                ("many fields", (0..<70).map { (name: "X-\($0)", value: "y") }),
                ("a long name", [(String(repeating: "X", count: 20_000), "y")]),
            ]
            for (what, headers) in attacks {
                try await attack(route, what, { $0.with(headers) }) { answer, said in
                    #expect(answer.status == 431 && answer.problem == "headers-too-large", "\(said): \(answer)")
                }
            }
        }

        @Test(arguments: DescribedRoute.all)
        func bodiesAreBounded(_ route: DescribedRoute) async throws {
            try await attack(route, "a large body", { $0.with(body: Array(repeating: 32, count: 65_537)) }) { answer, said in
                #expect(answer.status == 413 && answer.problem == "content-too-large", "\(said): \(answer)")
            }
        }

        /// Texts that are no order, as JSON or not at all.
        private static let texts: [(String, String)] = [
            ("", ""), ("", "{"), ("", "null"), ("", "[]"), ("", "\"Canary\""), ("", "{}{}"),
            ("", "\u{FEFF}" + DescribedRoute.order),
            ("deep", String(repeating: "[", count: 30_000)), ("deep", String(repeating: "{\"a\":", count: 10_000)),
            ("an unknown field", #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":1,"userId":"ada"}"#),
            ("a field twice", #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":1,"quantity":2}"#),
            ("a fraction", #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":1.5}"#),
            ("a huge number", #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":1e400}"#),
            ("no number", #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":NaN}"#),
            ("text for a number", #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":"1"}"#),
            ("beyond Int64", #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":9223372036854775808}"#),
            ("below zero", #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":-1}"#),
            ("too many", #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":9223372036854775807}"#),
            ("a price as a number", #"{"symbol":"AAPL","side":"BUY","type":"LIMIT","quantity":1,"limitPrice":189.25}"#),
            ("five places", #"{"symbol":"AAPL","side":"BUY","type":"LIMIT","quantity":1,"limitPrice":"1.00001"}"#),
            (
                "overflow",
                #"{"symbol":"AAPL","side":"BUY","type":"LIMIT","quantity":1000000000,"limitPrice":"922337203685477.5807"}"#
            ),
            ("a NUL", #"{"symbol":"AAPL\u0000","side":"BUY","type":"MARKET","quantity":1}"#),
            ("SQL", #"{"symbol":"' OR 1=1","side":"BUY","type":"MARKET","quantity":1}"#),
            ("a lone surrogate", #"{"symbol":"\ud800","side":"BUY","type":"MARKET","quantity":1}"#),
            ("another side", #"{"symbol":"AAPL","side":"buy","type":"MARKET","quantity":1}"#),
            ("a prototype", #"{"__proto__":{"symbol":"AAPL"},"side":"BUY","type":"MARKET","quantity":1}"#),
        ]
        private static let bytes: [(String, [UInt8])] = [
            ("no UTF-8", [0x7B, 0x22, 0xFF, 0xFE, 0x22, 0x7D]), ("NULs", [0, 0, 0, 0]),
        ]

        @Test func whatIsNoOrderIsRefusedWithAReason() async throws {
            let route = try #require(DescribedRoute.all.first { $0.name == "POST /v1/orders" })
            for (what, body) in Self.texts.map({ ($0.0, Array($0.1.utf8)) }) + Self.bytes {
                let shown = "\(what) \(String(decoding: body.prefix(60), as: UTF8.self))"
                try await attack(route, shown, { $0.with(body: body) }) { answer, said in
                    #expect([400, 422].contains(answer.status), "\(said): \(answer)")
                }
            }
            for type in ["text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data; boundary=a"]
            {
                let system = try SecuredSystem.running()
                for door in [Door.gateway, .order] {
                    let request = WireRequest(
                        method: "POST", target: "/v1/orders",
                        headers: [("Idempotency-Key", UUID().uuidString), ("Content-Type", type)] + system.proof(at: door),
                        body: Array(DescribedRoute.order.utf8))
                    #expect(try await system.answer(request, at: door, type).status == 415, "\(type)")
                }
            }
        }

        @Test(arguments: [
            "", "a b", "a\tb", "é", "a\u{7F}", String(repeating: "k", count: 129),
        ])
        func aKeyThatIsNoneIsRefused(_ key: String) async throws {
            let system = try SecuredSystem.running()
            for door in [Door.gateway, .order] {
                let request = WireRequest(
                    method: "POST", target: "/v1/orders",
                    headers: [("Idempotency-Key", key), ("Content-Type", "application/json")] + system.proof(at: door),
                    body: Array(DescribedRoute.order.utf8))
                #expect(try await system.answer(request, at: door, "key '\(key.prefix(20))'").status == 400)
            }
        }
    }
}
