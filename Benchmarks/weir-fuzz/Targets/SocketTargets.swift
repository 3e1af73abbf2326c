import NIOCore
import NIOEmbedded
import NIOWebSocket
import Services
import Trading

// What clients of the price feed send.
extension FuzzTarget {
    static func sockets() -> [FuzzTarget] { [subscription, webSocket] }

    private static let table = SymbolTable(["ACME", "AAPL", "B.A"].compactMap { Symbol($0) })

    private static let subscription = FuzzTarget(
        "subscription",
        texts: [#"{"type":"subscribe","symbols":["ACME","AAPL"]}"#, #"{"type":"unsubscribe","symbols":["ACME"]}"#],
        words: ["[", "{", "null", "\"B.A\",", "\"symbols\":[]", "\\ud800", "\\u0000", "1e999", "-0", ","]
    ) { text in
        guard let message = ClientMessage(ByteBuffer(string: text)) else { throw SubscriptionRefusal.malformed }
        var subscriber = PriceSubscriber(table, symbolsMax: 2)
        try subscriber.apply(message, table)
        if subscriber.subscribed.count > 2 { throw Broken("more symbols than a connection may have") }
        _ = subscriber.changed(table.all)
        _ = subscriber.takePending()
    }

    /// Bytes of a connection after the handshake: NIO's decoder, then the session, as the service puts them together.
    private static let webSocket = FuzzTarget(
        "web-socket",
        examples: [
            frame(0x81, #"{"type":"subscribe","symbols":["ACME"]}"#), frame(0x01, "half a ") + frame(0x80, "message"),
            frame(0x89, "ping") + frame(0x8A, "pong"), frame(0x88, "\u{3}\u{E8}bye"), frame(0x82, "binary"),
        ], words: ["\u{3}\u{E8}"]
    ) { bytes in
        var boundary = FrameBoundary()
        if boundary.advance(bytes, stopping: false) != bytes.count { throw Broken("bytes of frames were not taken") }
        var session = WebSocketSession(.init(), nowMillis: 0)
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        try channel.pipeline.syncOperations.addHandler(
            ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: WebSocketSession.Limits().messageBytesMax)))
        var failure: NIOWebSocketError?
        do { try channel.writeInbound(ByteBuffer(bytes: bytes)) } catch let error as NIOWebSocketError { failure = error }
        var now: Int64 = 0
        while let frame = try channel.readInbound(as: WebSocketFrame.self) {
            now += 100
            _ = session.received(frame, nowMillis: now)
            _ = session.passTime(nowMillis: now)
        }
        if let failure { _ = session.failed(failure, nowMillis: now) }
        _ = session.inputEnded()
        if session.isOpen { throw Broken("a session is open whose connection has ended") }
    }

    /// Masked with zeros.
    private static func frame(_ head: UInt8, _ text: String) -> [UInt8] {
        [head, 0x80 | UInt8(text.utf8.count), 0, 0, 0, 0] + Array(text.utf8)
    }
}
