import Hummingbird
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Services
import TestKit
import Testing
import Trading
import TradingStores

/// Prices through the gateway's tunnel.
@Suite(.timeLimit(.minutes(5))) struct TunnelTests {
    /// A gateway that does nothing but tunnel to `port`.
    private func withGateway(
        to port: Int, credential: InternalCredential? = nil, change: (inout WebSocketTunnel.Options) -> Void = { _ in },
        _ body: (_ port: Int, _ tunnel: WebSocketTunnel, _ stop: () async -> Void) async throws -> Void
    ) async throws {
        var options = WebSocketTunnel.Options(host: "127.0.0.1", port: port)
        change(&options)
        let tunnel = WebSocketTunnel(options, credential: credential)
        let router = ServiceRouter()
        router.on(Route(.get, "/v1/prices")) { request, _ in
            if let problem = tunnel.refusal(of: request) { throw problem }
            return "latest"
        }
        let host = HTTPHost(HTTPHost.Options(name: "gateway"), router, server: tunnel.server(HTTPLimits()))
        var quiet = Logger(label: "test")
        quiet.logLevel = .critical
        let group = ServiceGroup(services: [host], logger: quiet)
        let running = Task { try await group.run() }
        let result: Result<Void, any Error>
        do {
            try await body(try await host.port(), tunnel) { await group.triggerGracefulShutdown() }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        await group.triggerGracefulShutdown()
        try await running.value
        try result.get()
    }

    @Test func pricesPassThroughWithTheGatewaysCredential() async throws {
        let symbols = RunningService.symbols(2)
        let credential = InternalCredential.random()
        try await RunningService.with(symbols: symbols, credential: credential) { running async throws in
            try await withGateway(to: running.port, credential: credential) { port, tunnel, _ async throws in
                try await RawClient.open(port, headers: "origin: http://127.0.0.1\r\n") { client async throws in
                    try await client.subscribe([symbols[0].text])
                    #expect(try await client.message() == #"{"type":"subscribed","symbols":["\#(symbols[0])"]}"#)
                    try await running.tell(symbols[0], 1)
                    #expect(try await client.message() == priceMessage(symbols[0], 1))
                    try await client.send(first: 0x89, [4, 2])
                    #expect(try await client.frame() == RawClient.Frame(opcode: 10, payload: [4, 2]))
                    #expect(tunnel.tunnels == 1)
                    try await client.send(first: 0x88, [3, 232])
                    #expect(try await client.frame() == RawClient.Frame(opcode: 8, payload: [3, 232]))
                    #expect(try await client.frame() == nil)
                }
                try await eventually("both ends are gone") { tunnel.tunnels == 0 && running.service.connections == 0 }
            }
        }
    }

    @Test func aFaultIsJudgedByTheServiceBehind() async throws {
        try await RunningService.with(symbols: RunningService.symbols(1)) { running async throws in
            try await withGateway(to: running.port) { port, _, _ async throws in
                for (bytes, code) in [
                    (RawClient.frame(first: 0x82, [1]), 1003),
                    (RawClient.frame(first: 0x89, Array(repeating: 0, count: 126)), 1002),
                ] as [([UInt8], UInt16)] {
                    try await RawClient.open(port) { client async throws in
                        try await client.send(bytes)
                        #expect(try await client.closeCode() == code)
                    }
                }
            }
        }
    }

    @Test func whoIsRefusedIsToldWhy() async throws {
        try await RunningService.with(symbols: RunningService.symbols(1), credential: .random()) { running async throws in
            // The service refuses this gateway, for want of its credential.
            try await withGateway(to: running.port) { port, _, _ async throws in
                for (headers, status) in [("", 503), ("origin: https://evil.example\r\n", 403)] {
                    try await RawClient.connect(port) { client async throws in
                        let head = try await client.handshake(headers: headers).lowercased()
                        #expect(head.hasPrefix("http/1.1 \(status) "), "\(head)")
                        #expect(head.contains("application/problem+json"))
                    }
                }
                try await RawClient.connect(port) { client async throws in
                    #expect(try await client.handshake(version: "8").hasPrefix("HTTP/1.1 400 "))
                }
                try await RawClient.connect(port) { client async throws in
                    #expect(try await client.request("GET /v1/prices HTTP/1.1\r\nhost: a\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
                }
            }
        }
        // Nobody listens on port 1.
        try await withGateway(to: 1) { port, _, _ async throws in
            try await RawClient.connect(port) { client async throws in
                #expect(try await client.handshake().hasPrefix("HTTP/1.1 503 "))
            }
        }
    }

    @Test func aTunnelBeyondTheLimitIsRefused() async throws {
        try await RunningService.with(symbols: RunningService.symbols(1)) { running async throws in
            try await withGateway(to: running.port, change: { $0.tunnelsMax = 1 }) { port, _, _ async throws in
                try await RawClient.open(port) { _ async throws in
                    try await RawClient.connect(port) { client async throws in
                        #expect(try await client.handshake().hasPrefix("HTTP/1.1 503 "))
                    }
                }
            }
        }
    }

    /// The service takes the connection and says nothing.
    @Test func aTunnelThatIsBeingOpenedCounts() async throws {
        let silent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let silentPort = try #require(silent.localAddress?.port)
        try await withGateway(
            to: silentPort,
            change: {
                $0.tunnelsMax = 1
                $0.connectMillisMax = 300_000
            },
            { port, tunnel, _ async throws in
                try await RawClient.connect(port) { first async throws in
                    let request =
                        "GET /v1/prices HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
                        + "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
                    try await first.send(Array(request.utf8))
                    try await eventually("it is counted") { tunnel.tunnels == 1 }
                    try await RawClient.connect(port) { second async throws in
                        #expect(try await second.handshake().hasPrefix("HTTP/1.1 503 "))
                    }
                    #expect(tunnel.tunnels == 1)
                }
            })
        try await silent.close()
    }

    /// Who is not let through leaves no place taken.
    @Test func aTunnelThatIsNotOpenedCountsNoMore() async throws {
        // Nobody listens on port 1.
        try await withGateway(to: 1) { port, tunnel, _ async throws in
            for _ in 0..<3 {
                try await RawClient.connect(port) { client async throws in
                    #expect(try await client.handshake().hasPrefix("HTTP/1.1 503 "))
                }
                #expect(tunnel.tunnels == 0)
            }
            // The service is not asked for what is no handshake, nor called unavailable.
            for key in ["", "short"] {
                try await RawClient.connect(port) { client async throws in
                    #expect(try await client.handshake(key: key).hasPrefix("HTTP/1.1 400 "))
                }
            }
        }
    }

    /// The gateway goes first, in the middle of a stream: the client is told 1001 between two whole frames.
    @Test func aStoppingGatewayTellsItsClients() async throws {
        let symbols = RunningService.symbols(8)
        try await RunningService.with(symbols: symbols) { running async throws in
            try await withGateway(to: running.port) { port, tunnel, stop async throws in
                try await RawClient.open(port) { client async throws in
                    try await client.subscribe(symbols.map(\.text))
                    let feed = Task {
                        var seq: Int64 = 0
                        while !Task.isCancelled {
                            seq += 1
                            try await running.prices.update(symbols.map { RunningService.tick($0, seq) })
                        }
                    }
                    for _ in 0..<100 { _ = try await client.message() }
                    await stop()
                    #expect(try await client.closeCode() == 1001)
                    feed.cancel()
                }
                try await eventually("the service has noticed") { running.service.connections == 0 }
                #expect(tunnel.tunnels == 0)
            }
        }
    }

    @Test func aStoppingServiceIsHeardThroughTheGateway() async throws {
        try await RunningService.with(symbols: RunningService.symbols(1)) { running async throws in
            try await withGateway(to: running.port) { port, _, _ async throws in
                try await RawClient.open(port) { client async throws in
                    await running.stop()
                    #expect(try await client.closeCode() == 1001)
                }
            }
        }
    }

    /// A client that does not read holds up the tunnel, the tunnel the service, and the service conflates.
    @Test func aSlowClientIsFeltByTheService() async throws {
        let symbols = RunningService.symbols(8)
        var limits = TestLimits.fast
        limits.socketSendBytes = 4_096
        limits.waitingBytes = (low: 1_024, high: 4_096)
        limits.stalledMillisMax = 1_000
        try await RunningService.with(symbols: symbols, limits: limits) { running async throws in
            try await withGateway(to: running.port, change: { $0.socketBytes = 4_096 }) { port, tunnel, _ async throws in
                try await RawClient.open(port, receiveBytes: 4_096) { client async throws in
                    try await client.subscribe(symbols.map(\.text))
                    var seq: Int64 = 0
                    try await eventually("the service cuts it off") {
                        seq += 1
                        try await running.prices.update(symbols.map { RunningService.tick($0, seq) })
                        return seq > 1 && running.service.connections == 0
                    }
                }
            }
        }
    }

    @Test func framesAreToldApartHoweverTheyAreCut() {
        let frames: [[UInt8]] = [
            [0x81, 3, 1, 2, 3], [0x89, 0], [0x82, 126, 0, 200] + Array(repeating: 9, count: 200),
            [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0] + Array(repeating: 7, count: 65_536), [0x81, 0x82, 1, 2, 3, 4, 5, 6],
        ]
        let stream = frames.flatMap(\.self)
        var ends: Set<Int> = [0]
        for frame in frames { ends.insert((ends.max() ?? 0) + frame.count) }
        for size in [1, 2, 3, 7, 100, 70_000] {
            var boundary = FrameBoundary()
            var position = 0
            while position < stream.count {
                let chunk = stream[position..<min(position + size, stream.count)]
                #expect(boundary.advance(chunk, stopping: false) == chunk.count)
                position += chunk.count
                #expect(boundary.isReached == ends.contains(position))
            }
        }
        // Stopping: nothing at a boundary, else up to the next one.
        for position in stride(from: 0, through: 220, by: 1) {
            var boundary = FrameBoundary()
            _ = boundary.advance(stream[..<position], stopping: false)
            let rest = boundary.advance(stream[position...], stopping: true)
            #expect(ends.contains(position + rest) && (rest == 0) == ends.contains(position), "\(position)")
        }
    }
}
