import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Decides which first requests become WebSockets, and what runs on them.
package protocol WebSocketAcceptor: Sendable {
    /// What a request opens; nil: the router answers it, and says why it opens nothing. Called on the channel's event
    /// loop, as is everything in the opening.
    func accept(_ request: HTTPRequestHead, on channel: any Channel) -> EventLoopFuture<WebSocketOpening?>
}

/// A WebSocket about to begin.
package struct WebSocketOpening: Sendable {
    /// Takes over the channel, which carries the bytes of frames from here on. Called after the 101 answer is sent and
    /// before any further byte is read; never if the client leaves before.
    let begin: @Sendable (any Channel) throws -> Void
}

extension HTTPServerBuilder {
    /// HTTP/1.1, and WebSockets on connections whose first request `acceptor` takes.
    static func http1(
        configuration: HTTP1Channel.Configuration, webSockets acceptor: any WebSocketAcceptor
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { UpgradableHTTP1Channel(responder: $0, configuration: configuration, acceptor: acceptor) }
    }
}

/// A connection that begins as HTTP/1.1 and may become a WebSocket with its first request: browsers open one of its
/// own for it. Everything else goes to `responder` as on a `HTTP1Channel`.
struct UpgradableHTTP1Channel: HTTPChannelHandler {
    typealias HTTP = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    struct Value: ServerChildChannelValue {
        let channel: any Channel
        let outcome: EventLoopFuture<Outcome>
    }

    enum Outcome: Sendable {
        case http(HTTP)
        case webSocket
    }

    let responder: Responder
    let configuration: HTTP1Channel.Configuration
    let acceptor: any WebSocketAcceptor

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            let operations = channel.pipeline.syncOperations
            let encoder = HTTPResponseEncoder()
            let decoder = ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: decoderLimits))
            let first = FirstRequest(
                acceptor, http: (encoder, decoder), on: channel.eventLoop,
                serveHTTP: { .http(try serveHTTP(on: $0, logger)) })
            try operations.addHandlers(encoder, decoder, first)
            return Value(channel: channel, outcome: first.outcome)
        }
    }

    func handle(value: Value, logger: Logger) async {
        do {
            switch try await value.outcome.get() {
            case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
            case .webSocket: try await value.channel.closeFuture.get()
            }
        } catch {
            // The connection ended before its first request did.
            logger.trace("connection without a request", metadata: ["error": "\(error)"])
            value.channel.close(promise: nil)
        }
    }

    private var decoderLimits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = configuration.httpDecoder.maxHeaderFieldSize
        limits.maxHeaderListSize = configuration.httpDecoder.maxHeaderListSize
        limits.maxHeaderFieldCount = configuration.httpDecoder.maxHeaderFieldCount
        return limits
    }

    /// The rest of the pipeline that `HTTP1Channel` builds.
    private func serveHTTP(on channel: any Channel, _ logger: Logger) throws -> HTTP {
        let operations = channel.pipeline.syncOperations
        try operations.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        try operations.addHandlers(configuration.additionalChannelHandlers())
        try operations.addHandler(
            HTTPConnectionStateHandler(idleTimeout: configuration.idleTimeout.map { Duration($0) }, logger: logger))
        return try HTTP(
            wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }
}
