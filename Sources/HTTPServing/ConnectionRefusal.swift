import HTTPTypes
import NIOCore

/// What a connection may send.
package struct ConnectionLimits: Sendable {
    /// Of a body. Whoever asks whether to send a longer one is not told to.
    package var bodyBytesMax: Int
    /// Beyond that, what a client that has its answer may still be sending.
    package var overrunBytesMax: Int
    /// From a request's head to its last byte; then it is refused.
    package var readMillisMax: Int64

    package init(bodyBytesMax: Int, overrunBytesMax: Int = 1 << 20, readMillisMax: Int64 = 10_000) {
        self.bodyBytesMax = bodyBytesMax
        self.overrunBytesMax = overrunBytesMax
        self.readMillisMax = readMillisMax
    }
}

/// Why a request is refused whatever handlers think of it; its connection is closed.
package enum ConnectionRefusal: Error {
    case unreadable
    case headersTooLarge
    /// The rest of it did not come.
    case incomplete

    package var status: HTTPResponse.Status {
        switch self {
        case .unreadable: .badRequest
        case .headersTooLarge: .requestHeaderFieldsTooLarge
        case .incomplete: .requestTimeout
        }
    }

    /// What clients are told.
    package var text: String {
        switch self {
        case .unreadable: "What was sent is not HTTP as this server reads it."
        case .headersTooLarge: "The header fields are too large: send fewer and shorter ones."
        case .incomplete: "The body did not come to its end in time: send all that is announced, and sooner."
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
