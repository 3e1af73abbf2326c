import NIOCore
import NIOPosix
import Testing

/// A client that writes and reads bytes itself, so that it can also say what no library would. Used by one task.
/// Reading waits; every test has a time limit.
struct RawClient {
    /// One frame from the server.
    struct Frame: Hashable {
        let opcode: UInt8
        let payload: [UInt8]

        var text: String { String(decoding: payload, as: UTF8.self) }
        /// Of a close frame.
        var closeCode: UInt16? {
            opcode == 8 && payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : nil
        }
    }

    private var iterator: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var unread = ByteBuffer()

    /// Runs `body` on a connection to a port of this machine.
    static func connect(
        _ port: Int, receiveBytes: Int32? = nil, _ body: (inout RawClient) async throws -> Void
    ) async throws {
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
        if let receiveBytes {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBytes))
        }
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: port) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        try await channel.executeThenClose { inbound, outbound in
            var client = RawClient(iterator: inbound.makeAsyncIterator(), outbound: outbound)
            try await body(&client)
        }
    }

    /// The same with the handshake done.
    static func open(
        _ port: Int, receiveBytes: Int32? = nil, headers: String = "", _ body: (inout RawClient) async throws -> Void
    ) async throws {
        try await connect(port, receiveBytes: receiveBytes) { client async throws in
            let head = try await client.handshake(headers: headers)
            try #require(head.hasPrefix("HTTP/1.1 101 "), "\(head)")
            try await body(&client)
        }
    }

    // MARK: HTTP

    /// Asks for a WebSocket; returns the answer's head.
    mutating func handshake(
        path: String = "/v1/prices", version: String = "13", key: String = "dGhlIHNhbXBsZSBub25jZQ==", headers: String = ""
    ) async throws -> String {
        try await request(
            "GET \(path) HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
                + "sec-websocket-version: \(version)\r\nsec-websocket-key: \(key)\r\n\(headers)\r\n")
    }

    mutating func request(_ text: String) async throws -> String {
        try await send(Array(text.utf8))
        return try await head()
    }

    /// What comes up to the first empty line.
    mutating func head() async throws -> String {
        while true {
            let bytes = Array(unread.readableBytesView)
            if let end = bytes.indices.first(where: { bytes[$0...].starts(with: Array("\r\n\r\n".utf8)) }) {
                unread.moveReaderIndex(forwardBy: end + 4)
                return String(decoding: bytes[..<end], as: UTF8.self)
            }
            guard try await readMore() else { return String(decoding: bytes, as: UTF8.self) }
        }
    }

    mutating func body(_ count: Int) async throws -> String {
        while unread.readableBytes < count { guard try await readMore() else { break } }
        return unread.readString(length: min(count, unread.readableBytes)) ?? ""
    }

    // MARK: Frames

    func send(_ bytes: [UInt8]) async throws { try await outbound.write(ByteBuffer(bytes: bytes)) }

    /// `first`: final bit, reserved bits and opcode.
    func send(first: UInt8, _ payload: [UInt8] = [], masked: Bool = true) async throws {
        try await send(RawClient.frame(first: first, payload, masked: masked))
    }

    static func frame(first: UInt8, _ payload: [UInt8], masked: Bool = true) -> [UInt8] {
        var bytes = [first]
        let mask: UInt8 = masked ? 0x80 : 0
        if payload.count < 126 {
            bytes.append(mask | UInt8(payload.count))
        } else {
            bytes += [mask | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        }
        guard masked else { return bytes + payload }
        let key: [UInt8] = [0x12, 0x34, 0x56, 0x78]
        return bytes + key + payload.enumerated().map { $1 ^ key[$0 & 3] }
    }

    func say(_ text: String) async throws { try await send(first: 0x81, Array(text.utf8)) }

    func subscribe(_ symbols: [String]) async throws {
        let names = symbols.map { "\"\($0)\"" }.joined(separator: ",")
        try await say(#"{"type":"subscribe","symbols":[\#(names)]}"#)
    }

    /// The next frame; nil at the end of the connection.
    mutating func frame() async throws -> Frame? {
        while true {
            if let frame = RawClient.take(&unread) { return frame }
            guard try await readMore() else { return nil }
        }
    }

    /// The next text message.
    mutating func message() async throws -> String {
        let frame = try #require(try await frame())
        try #require(frame.opcode == 1, "opcode \(frame.opcode), code \(frame.closeCode.map(String.init) ?? "none")")
        return frame.text
    }

    /// The code of the close frame, whatever comes before it; then answers it and sees the connection end.
    mutating func closeCode() async throws -> UInt16? {
        while let frame = try await frame() {
            guard frame.opcode == 8 else { continue }
            // The server may have closed its side for good already.
            try? await send(first: 0x88, Array(frame.payload.prefix(2)))
            while try await self.frame() != nil {}
            return frame.closeCode
        }
        return nil
    }

    private mutating func readMore() async throws -> Bool {
        do {
            guard var more = try await iterator.next() else { return false }
            unread.discardReadBytes()
            unread.writeBuffer(&more)
            return true
        } catch is IOError {
            return false  // reset: the end as well
        }
    }

    private static func take(_ buffer: inout ByteBuffer) -> Frame? {
        let start = buffer.readerIndex
        guard let first: UInt8 = buffer.readInteger(), let second: UInt8 = buffer.readInteger(),
            let length: Int = second < 126 ? Int(second) : buffer.readInteger(as: UInt16.self).map(Int.init),
            let payload = buffer.readBytes(length: length)
        else {
            buffer.moveReaderIndex(to: start)
            return nil
        }
        return Frame(opcode: first & 15, payload: payload)
    }
}
