import NIOCore
import NIOWebSocket

/// Frames as a server sends them: whole, unmasked. The same bytes for every client, so that a message to ten
/// thousand of them is encoded once; NIO's encoder works per connection.
enum ServerFrame {
    /// A text message; `json` is UTF-8.
    static func text(_ json: [UInt8]) -> ByteBuffer {
        make(.text, ByteBuffer(bytes: json))
    }

    static func ping() -> ByteBuffer { make(.ping, ByteBuffer()) }

    /// The answer to a ping with the same payload, at most 125 bytes.
    static func pong(_ payload: ByteBuffer) -> ByteBuffer { make(.pong, payload) }

    /// Tells why the connection ends. The reason is cut to the 123 bytes there are.
    static func close(_ reason: CloseReason) -> ByteBuffer {
        var payload = ByteBuffer()
        if let code = reason.code {
            payload.writeInteger(code)
            payload.writeBytes(reason.text.utf8.prefix(123))
        }
        return make(.connectionClose, payload)
    }

    private static func make(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) -> ByteBuffer {
        var frame = ByteBuffer()
        frame.reserveCapacity(payload.readableBytes + 10)
        frame.writeInteger(0x80 | UInt8(webSocketOpcode: opcode))
        switch payload.readableBytes {
        case 0...125:
            frame.writeInteger(UInt8(payload.readableBytes))
        case 126...0xFFFF:
            frame.writeInteger(UInt8(126))
            frame.writeInteger(UInt16(payload.readableBytes))
        default:
            frame.writeInteger(UInt8(127))
            frame.writeInteger(UInt64(payload.readableBytes))
        }
        frame.writeImmutableBuffer(payload)
        return frame
    }
}

/// Why this server closes a WebSocket: a code of RFC 6455, or of our own from 4000 on.
package struct CloseReason: Hashable, Sendable {
    /// Nil: a close frame without a code, as the answer to one.
    package let code: UInt16?
    /// ASCII.
    package let text: String

    package init(_ code: UInt16?, _ text: String) {
        self.code = code
        self.text = text
    }

    /// The client's own code, returned to it.
    package static func echo(_ code: UInt16?) -> CloseReason { CloseReason(code, "") }

    package static let goingAway = CloseReason(1001, "the server is shutting down")
    package static func protocolError(_ text: String) -> CloseReason { CloseReason(1002, text) }
    package static let binary = CloseReason(1003, "only text messages are understood")
    package static let notUTF8 = CloseReason(1007, "text must be UTF-8")
    package static let tooManyMessages = CloseReason(1008, "too many messages a second")
    package static let tooManyFragments = CloseReason(1008, "too many fragments")
    package static func tooLarge(max: Int) -> CloseReason { CloseReason(1009, "a message may have \(max) bytes") }
    package static let noPong = CloseReason(4000, "no answer to a ping")
}
