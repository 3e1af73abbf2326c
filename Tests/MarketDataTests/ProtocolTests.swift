import Services
import TestKit
import Testing
import Trading

/// RFC 6455 as a client sees it, well- and ill-behaved.
@Suite(.timeLimit(.minutes(5))) struct ProtocolTests {
    @Test func theHandshakeIsTheOneOfTheRFC() async throws {
        try await RunningService.with(symbols: RunningService.symbols(1)) { running async throws in
            try await RawClient.connect(running.port) { client async throws in
                let head = try await client.handshake().lowercased()
                #expect(head.hasPrefix("http/1.1 101 "))
                #expect(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="))
            }
        }
    }

    @Test func aPingIsAnsweredWithItsPayload() async throws {
        try await RunningService.with(symbols: RunningService.symbols(1)) { running async throws in
            try await RawClient.open(running.port) { client async throws in
                for payload in [[], Array("hello".utf8), Array(repeating: 7, count: 125)] {
                    try await client.send(first: 0x89, payload)
                    #expect(try await client.frame() == RawClient.Frame(opcode: 10, payload: payload))
                }
                // An unasked pong is no fault.
                try await client.send(first: 0x8A, [1])
                try await client.send(first: 0x89, [2])
                #expect(try await client.frame() == RawClient.Frame(opcode: 10, payload: [2]))
            }
        }
    }

    @Test func aMessageMayComeInFragmentsWithPingsBetween() async throws {
        let symbols = RunningService.symbols(1)
        try await RunningService.with(symbols: symbols) { running async throws in
            try await RawClient.open(running.port) { client async throws in
                let text = Array(#"{"type":"subscribe","symbols":["\#(symbols[0])"]}"#.utf8)
                try await client.send(first: 0x01, Array(text[..<10]))
                try await client.send(first: 0x89, [9])
                try await client.send(first: 0x00, Array(text[10..<20]))
                try await client.send(first: 0x80, Array(text[20...]))
                #expect(try await client.frame()?.opcode == 10)
                #expect(try await client.message() == #"{"type":"subscribed","symbols":["\#(symbols[0])"]}"#)
            }
        }
    }

    @Test func framesMayArriveByteByByteOrAllAtOnce() async throws {
        let symbols = RunningService.symbols(1)
        try await RunningService.with(symbols: symbols) { running async throws in
            try await RawClient.open(running.port) { client async throws in
                let ping = RawClient.frame(first: 0x89, [1, 2, 3])
                for byte in ping { try await client.send([byte]) }
                #expect(try await client.frame() == RawClient.Frame(opcode: 10, payload: [1, 2, 3]))
                try await client.send(ping + ping + ping)
                for _ in 0..<3 { #expect(try await client.frame()?.payload == [1, 2, 3]) }
            }
        }
    }

    /// What breaks the protocol, as raw bytes, and the code it is answered with.
    static let faults: [(name: String, bytes: [UInt8], code: UInt16)] = [
        ("unmasked", RawClient.frame(first: 0x81, Array("{}".utf8), masked: false), 1002),
        ("first reserved bit", RawClient.frame(first: 0xC1, []), 1002),
        ("second reserved bit", RawClient.frame(first: 0xA1, []), 1002),
        ("third reserved bit", RawClient.frame(first: 0x91, []), 1002),
        ("reserved data opcode", RawClient.frame(first: 0x83, []), 1002),
        ("reserved control opcode", RawClient.frame(first: 0x8B, []), 1002),
        ("fragmented ping", RawClient.frame(first: 0x09, []), 1002),
        ("long ping", RawClient.frame(first: 0x89, Array(repeating: 0, count: 126)), 1002),
        ("continuation of nothing", RawClient.frame(first: 0x80, []), 1002),
        ("text within a message", RawClient.frame(first: 0x01, [65]) + RawClient.frame(first: 0x81, [65]), 1002),
        ("close of one byte", RawClient.frame(first: 0x88, [3]), 1002),
        ("close code never sent", RawClient.frame(first: 0x88, [3, 237]), 1002),
        ("close code not given out", RawClient.frame(first: 0x88, [7, 208]), 1002),
        ("close reason not UTF-8", RawClient.frame(first: 0x88, [3, 232, 0xFF]), 1007),
        ("binary", RawClient.frame(first: 0x82, [1]), 1003),
        ("text not UTF-8", RawClient.frame(first: 0x81, [0xC3, 0x28]), 1007),
        ("a surrogate in fragments", RawClient.frame(first: 0x01, [0xED, 0xA0]) + RawClient.frame(first: 0x80, [0x80]), 1007),
        ("too long", RawClient.frame(first: 0x81, Array(repeating: 32, count: 4_097)), 1009),
        ("too long in 64 bits", [0x81, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0], 1009),
        (
            "too long in fragments",
            RawClient.frame(first: 0x01, Array(repeating: 32, count: 4_000))
                + RawClient.frame(first: 0x80, Array(repeating: 32, count: 97)), 1009
        ),
        (
            "too many fragments",
            RawClient.frame(first: 0x01, []) + Array(repeating: [0, 0x80, 0, 0, 0, 0], count: 64).flatMap(\.self), 1008
        ),
        ("too many pings", Array(repeating: RawClient.frame(first: 0x89, []), count: 200).flatMap(\.self), 1008),
    ]

    @Test func aFaultIsAnsweredWithItsCodeAndTheConnectionEnds() async throws {
        var limits = TestLimits.fast
        limits.session.framesBurstMax = 100
        try await RunningService.with(symbols: RunningService.symbols(1), limits: limits) { running async throws in
            for fault in ProtocolTests.faults {
                try await RawClient.open(running.port) { client async throws in
                    try await client.send(fault.bytes)
                    #expect(try await client.closeCode() == fault.code, "\(fault.name)")
                }
            }
            try await eventually("every connection has ended") { running.service.connections == 0 }
        }
    }

    @Test func aCloseIsReturnedAndTheServerEndsTheConnection() async throws {
        try await RunningService.with(symbols: RunningService.symbols(1)) { running async throws in
            for payload: [UInt8] in [[3, 232], [3, 233] + Array("bye".utf8), [0x0F, 0xA0], []] {
                try await RawClient.open(running.port) { client async throws in
                    try await client.send(first: 0x88, payload)
                    let frame = try #require(try await client.frame())
                    #expect(frame.opcode == 8)
                    #expect(frame.payload == Array(payload.prefix(2)))
                    #expect(try await client.frame() == nil)
                }
            }
        }
    }

    @Test func aClientThatAnswersNoPingIsClosed() async throws {
        var limits = TestLimits.fast
        limits.session.pingAfterMillis = 500
        limits.session.pongMillisMax = 500
        try await RunningService.with(symbols: RunningService.symbols(1), limits: limits) { running async throws in
            try await RawClient.open(running.port) { client async throws in
                #expect(try await client.frame()?.opcode == 9)
                try await client.send(first: 0x8A)  // this one is answered, the next is not
                #expect(try await client.frame()?.opcode == 9)
                #expect(try await client.closeCode() == 4000)
            }
        }
    }

    @Test func aClientThatVanishesIsForgotten() async throws {
        try await RunningService.with(symbols: RunningService.symbols(1)) { running async throws in
            try await RawClient.open(running.port) { _ async throws in
                try await eventually("it is counted") { running.service.connections == 1 }
            }
            try await eventually("it is not counted any more") { running.service.connections == 0 }
        }
    }

    @Test func aStopTellsEveryClient() async throws {
        try await RunningService.with(symbols: RunningService.symbols(1)) { running async throws in
            try await RawClient.open(running.port) { client async throws in
                await running.stop()
                #expect(try await client.closeCode() == 1001)
            }
        }
    }

    /// It neither answers the close frame nor ends the connection: the server does.
    @Test func aStopDoesNotWaitForASilentClient() async throws {
        var limits = TestLimits.fast
        limits.session.closeMillisMax = 100
        try await RunningService.with(symbols: RunningService.symbols(1), limits: limits) { running async throws in
            try await RawClient.open(running.port) { client async throws in
                await running.stop()
                #expect(try await client.frame()?.closeCode == 1001)
                #expect(try await client.frame() == nil)
            }
        }
    }
}
