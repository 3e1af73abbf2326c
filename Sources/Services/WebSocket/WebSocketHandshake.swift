import Foundation
import HTTPTypes
import Hummingbird
import NIOHTTP1

/// What matters of a request that wants to become a WebSocket. The same values whether NIO's head is looked at (before
/// the upgrade) or the router's (to tell why there was none).
struct WebSocketHandshake: Sendable {
    let isUpgrade: Bool
    let path: Substring
    let origins: [String]
    let hosts: [String]
    private let fields: @Sendable (String) -> [String]

    /// Whether it is complete, and has no body.
    var isWellFormed: Bool {
        hasKey && values("sec-websocket-version") == ["13"] && values("content-length").isEmpty
            && values("transfer-encoding").isEmpty
    }

    /// Whether there is one key, and it is what RFC 6455 says: 16 bytes in base64.
    private var hasKey: Bool {
        let keys = values("sec-websocket-key")
        return keys.count == 1 && Data(base64Encoded: keys[0])?.count == 16
    }

    /// All values of a field; the name in lower case.
    func values(_ name: String) -> [String] { fields(name) }

    init(_ head: HTTPRequestHead) {
        let headers = head.headers
        fields = { headers[$0] }
        path = head.uri.prefix { $0 != "?" }
        hosts = headers["host"]
        origins = headers["origin"]
        isUpgrade = head.method == .GET && Self.names("websocket", in: headers["upgrade"])
    }

    init(_ request: Request) {
        let headers = request.headers
        fields = { name in HTTPField.Name(name).map { headers[values: $0] } ?? [] }
        path = (request.head.path ?? "").prefix { $0 != "?" }
        // The first host field became the authority.
        hosts = [request.head.authority].compactMap { $0 }
        origins = fields("origin")
        isUpgrade = request.method == .get && Self.names("websocket", in: fields("upgrade"))
    }

    private static func names(_ wanted: String, in values: [String]) -> Bool {
        values.contains { value in
            value.split(separator: ",").contains { $0.trimmingPrefix(" ").lowercased() == wanted }
        }
    }
}

extension Problem {
    static let originRefused = Problem(
        "origin-refused", "The page may not do this", .forbidden,
        "WebSockets are opened to pages of this server only, and of the origins it is configured with.")

    static let tooManyConnections = Problem(
        "too-many-connections", "There are too many connections", .serviceUnavailable,
        "All connections are taken; try again later, at growing intervals.", retryAfterSeconds: 5)

    /// Nothing speaks against the request, and yet it did not become a WebSocket.
    static let handshakeRefused = Problem.badRequest(
        "To become a WebSocket, a request must be the first on its connection and carry one Sec-WebSocket-Key (16 bytes "
            + "in base64) and Sec-WebSocket-Version: 13.")
}
