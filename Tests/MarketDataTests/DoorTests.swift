import Services
import TestKit
import Testing
import Trading
import TradingStores

/// Who is let in, and what everybody else is answered.
@Suite(.timeLimit(.minutes(5))) struct DoorTests {
    @Test func onlyPagesOfThisServerAndThoseNamedMayConnect() async throws {
        var options = MarketDataService.Options()
        options.origins = ["https://trading.example"]
        try await RunningService.with(symbols: RunningService.symbols(1), options: options) { running async throws in
            for (origin, status) in [
                ("http://127.0.0.1", 101), ("HTTPS://Trading.Example", 101), ("https://evil.example", 403), ("null", 403),
                ("http://127.0.0.1.evil.example", 403), ("http://127.0.0.1:1", 403), ("https://trading.example:444", 403),
            ] {
                try await RawClient.connect(running.port) { client async throws in
                    let head = try await client.handshake(headers: "origin: \(origin)\r\n")
                    #expect(head.hasPrefix("HTTP/1.1 \(status) "), "\(origin): \(head)")
                }
            }
            try await RawClient.connect(running.port) { client async throws in
                let head = try await client.handshake(headers: "origin: http://127.0.0.1\r\norigin: https://evil.example\r\n")
                #expect(head.hasPrefix("HTTP/1.1 403 "), "\(head)")
            }
        }
    }

    @Test func aConnectionBeyondTheLimitIsAskedToComeLater() async throws {
        var limits = TestLimits.fast
        limits.connectionsMax = 2
        try await RunningService.with(symbols: RunningService.symbols(1), limits: limits) { running async throws in
            try await RawClient.open(running.port) { _ async throws in
                try await RawClient.open(running.port) { _ async throws in
                    try await eventually("both are counted") { running.service.connections == 2 }
                    try await RawClient.connect(running.port) { client async throws in
                        let head = try await client.handshake().lowercased()
                        #expect(head.hasPrefix("http/1.1 503 "))
                        #expect(head.contains("retry-after: 5"))
                        #expect(head.contains("application/problem+json"))
                    }
                }
            }
            try await eventually("both have gone") { running.service.connections == 0 }
            try await RawClient.open(running.port) { _ in }
        }
    }

    @Test func withoutTheCredentialNothingIsServed() async throws {
        let credential = InternalCredential.random()
        try await RunningService.with(symbols: RunningService.symbols(1), credential: credential) { running async throws in
            for (given, status) in [
                ("", 401), ("x-weir-internal: guess\r\n", 401), ("x-weir-internal: \(credential.text)\r\n", 101),
            ] {
                try await RawClient.connect(running.port) { client async throws in
                    #expect(try await client.handshake(headers: given).hasPrefix("HTTP/1.1 \(status) "))
                }
            }
            try await RawClient.connect(running.port) { client async throws in
                #expect(try await client.request("GET /v1/prices HTTP/1.1\r\nhost: a\r\n\r\n").hasPrefix("HTTP/1.1 401 "))
            }
        }
    }

    @Test func aHandshakeThatIsWrongIsAnsweredWithAProblem() async throws {
        try await RunningService.with(symbols: RunningService.symbols(1)) { running async throws in
            for (version, key, path, status) in [
                ("12", "dGhlIHNhbXBsZSBub25jZQ==", "/v1/prices", 400), ("13", "a\r\nsec-websocket-key: b", "/v1/prices", 400),
                ("13", "", "/v1/prices", 400), ("13", "short", "/v1/prices", 400), ("13", "AAAA", "/v1/prices", 400),
                ("13", "dGhlIHNhbXBsZSBub25jZQ==", "/v1/elsewhere", 404), ("13", "dGhlIHNhbXBsZSBub25jZQ==", "/v1//prices", 400),
            ] {
                try await RawClient.connect(running.port) { client async throws in
                    let head = try await client.handshake(path: path, version: version, key: key)
                    #expect(head.hasPrefix("HTTP/1.1 \(status) "), "\(head)")
                    #expect(head.lowercased().contains("application/problem+json"))
                }
            }
        }
    }

    @Test func latestPricesAreServedToPlainRequestsOnAConnectionThatIsKept() async throws {
        let symbols = RunningService.symbols(3)
        try await RunningService.with(symbols: symbols) { running async throws in
            try await running.tell(symbols[0], 3)
            try await running.tell(symbols[2], 4, units: 5_000)
            func entry(_ symbol: Symbol, _ price: String, _ seq: Int) -> String {
                #"{"price":"\#(price)","seq":\#(seq),"symbol":"\#(symbol)","ts":"2023-11-14T22:13:20.000Z"}"#
            }
            let (first, third) = (entry(symbols[0], "189.25", 3), entry(symbols[2], "0.50", 4))
            try await RawClient.connect(running.port) { client async throws in
                for (query, status, body) in [
                    ("", 200, #"{"prices":[\#(first),\#(third)]}"#),
                    ("?symbols=\(symbols[2]),\(symbols[1])", 200, #"{"prices":[\#(third)]}"#),
                    ("?symbols=NOSUCH", 400, nil), ("?symbol=\(symbols[0])", 400, nil), ("?symbols=,", 400, nil),
                ] {
                    let head = try await client.request("GET /v1/prices\(query) HTTP/1.1\r\nhost: a\r\n\r\n").lowercased()
                    #expect(head.hasPrefix("http/1.1 \(status) "), "\(query): \(head)")
                    let length = try #require(head.firstMatch(of: #/content-length: (\d+)/#).flatMap { Int($0.1) })
                    let text = try await client.body(length)
                    if let body { #expect(text == body + "\n") }
                }
                // A connection that has served requests does not become a WebSocket any more.
                #expect(try await client.handshake().hasPrefix("HTTP/1.1 400 "))
            }
        }
    }

    @Test func whatIsNoHTTPIsCutOff() async throws {
        try await RunningService.with(symbols: RunningService.symbols(1)) { running async throws in
            for text in ["\u{0}\u{1}\u{2}\r\n\r\n", "GET /v1/prices HTTP/9.9\r\n\r\n", "GET / HTTP/1.1\r\nno colon\r\n\r\n"] {
                try await RawClient.connect(running.port) { client async throws in
                    let head = try await client.request(text)
                    #expect(head.isEmpty || head.hasPrefix("HTTP/1.1 400 "), "\(head)")
                    #expect(head.isEmpty || head.contains("application/problem+json"), "\(head)")
                    #expect(try await client.body(1).isEmpty == head.isEmpty)
                }
            }
            try await RawClient.connect(running.port) { client async throws in
                let head = try await client.request(
                    "GET /v1/prices HTTP/1.1\r\nx: \(String(repeating: "a", count: 40_000))\r\n\r\n")
                #expect(head.isEmpty || head.hasPrefix("HTTP/1.1 431 "), "\(head)")
            }
        }
    }
}
