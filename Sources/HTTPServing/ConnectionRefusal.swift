import HTTPTypes
import NIOCore

/// What a connection may send.
package struct ConnectionLimits: Sendable {
    /// Of a body. Whoever asks whether to send a longer one is not told to.
    package var bodyBytesMax: Int
    /// Beyond that, what a client that has its answer may still be sending.
    package var overrunBytesMax: Int
    /// From a request's head to its last byte.
    package var readMillisMax: Int64

    package init(bodyBytesMax: Int, overrunBytesMax: Int = 1 << 20, readMillisMax: Int64 = 20_000) {
        self.bodyBytesMax = bodyBytesMax
        self.overrunBytesMax = overrunBytesMax
        self.readMillisMax = readMillisMax
    }
}

/// Why a request is refused before a handler sees it; its connection is closed.
package enum ConnectionRefusal: Sendable {
    case unreadable
    case headersTooLarge

    package var status: HTTPResponse.Status {
        switch self {
        case .unreadable: .badRequest
        case .headersTooLarge: .requestHeaderFieldsTooLarge
        }
    }

    /// What clients are told.
    package var text: String {
        switch self {
        case .unreadable: "What was sent is not HTTP as this server reads it."
        case .headersTooLarge: "The header fields are too large: send fewer and shorter ones."
        }
    }
}

/// An error in a server's own form.
package struct ErrorAnswer: Sendable {
    package let headers: HTTPFields
    package let body: ByteBuffer

    package init(_ headers: HTTPFields, _ body: ByteBuffer) {
        self.headers = headers
        self.body = body
    }
}
