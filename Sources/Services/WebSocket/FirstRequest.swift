import HTTPServing
import NIOCore
import NIOHTTP1
import NIOWebSocket

/// The first request of a connection, and what becomes of the connection: HTTP, or a WebSocket. Leaves the pipeline
/// when that is decided.
///
/// NIO has a handler for this, but when an upgrade is refused it swallows the request's head, so that nothing can
/// answer it; here the router does, and says why. The handshake itself is NIO's.
///
/// Confined to the channel's event loop.
final class FirstRequest: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    typealias Outcome = UpgradableHTTP1Channel.Outcome

    private enum State {
        case waiting
        /// The acceptor is being asked; what arrives is kept.
        case asking([HTTPServerRequestPart])
        /// A WebSocket is going to begin when the request has ended.
        case accepted(WebSocketOpening, HTTPHeaders)
        /// Everything is somebody else's.
        case passing
    }

    private static let firstRequestMillisMax: Int64 = 10_000

    private let acceptor: any WebSocketAcceptor
    private let http: (encoder: HTTPResponseEncoder, decoder: ByteToMessageHandler<HTTPRequestDecoder>)
    private let serveHTTP: (any Channel) throws -> Outcome
    private let promise: EventLoopPromise<Outcome>
    private var state = State.waiting
    private var isDecided = false
    private var deadline: Scheduled<Void>?

    init(
        _ acceptor: any WebSocketAcceptor,
        http: (encoder: HTTPResponseEncoder, decoder: ByteToMessageHandler<HTTPRequestDecoder>), on loop: any EventLoop,
        serveHTTP: @escaping (any Channel) throws -> Outcome
    ) {
        self.acceptor = acceptor
        self.http = http
        self.serveHTTP = serveHTTP
        promise = loop.makePromise()
    }

    /// What the connection has become; fails if it ends before that.
    var outcome: EventLoopFuture<Outcome> { promise.futureResult }

    func handlerAdded(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: .milliseconds(Self.firstRequestMillisMax)) {
            bound.value.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { decided(.failure(ChannelError.eof)) }

    func channelInactive(context: ChannelHandlerContext) {
        decided(.failure(ChannelError.eof))
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .passing:
            // After a handshake these are bytes, which the decoder had read too far.
            context.fireChannelRead(data)
        case .waiting:
            guard case .head(let head) = unwrapInboundIn(data) else { return context.close(promise: nil) }
            state = .asking([.head(head)])
            ask(head, context)
        case .asking(let parts):
            state = .asking(parts + [unwrapInboundIn(data)])
        case .accepted(let opening, let headers):
            switch unwrapInboundIn(data) {
            case .end: begin(opening, headers, context)
            // A handshake has no body; nobody is left who could be told.
            default: context.close(promise: nil)
            }
        }
    }

    /// Until the connection is somebody's there is nothing to wait for when the server stops.
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed where !isPassing, is ChannelShouldQuiesceEvent where !isPassing:
            context.close(promise: nil)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isPassing else { return context.fireErrorCaught(error) }
        guard let error = error as? HTTPParserError else { return context.close(promise: nil) }
        state = .passing
        refuse(Problem(error == .headerOverflow ? .headersTooLarge : .unreadable), context)
    }

    /// What `RequestGuard` says on a connection that is HTTP already.
    private func refuse(_ problem: Problem, _ context: ChannelHandlerContext) {
        guard let body = try? problem.json() else { return context.close(promise: nil) }
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: problem.status.code),
            headers: [
                "connection": "close", "content-type": "application/problem+json", "content-length": "\(body.count)",
                "cache-control": "no-store", "x-content-type-options": "nosniff",
            ])
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil) }
    }

    private var isPassing: Bool { if case .passing = state { true } else { false } }

    /// Counts once.
    private func decided(_ result: Result<Outcome, any Error>) {
        guard !isDecided else { return }
        isDecided = true
        deadline?.cancel()
        promise.completeWith(result)
    }

    // MARK: Deciding

    private func ask(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let hasBody = head.headers.contains(name: "content-length") || head.headers.contains(name: "transfer-encoding")
        let handshake = WebSocketHandshake(head)
        guard handshake.isUpgrade, !hasBody, HostRule.refusal(hosts: handshake.hosts) == nil else { return becomeHTTP(context) }
        // Nothing is read, and so nothing piles up, while the acceptor takes its time.
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        let opening = NIOLoopBoundBox<WebSocketOpening?>(nil, eventLoop: context.eventLoop)
        let acceptor = acceptor
        let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, head in
                acceptor.accept(head, on: channel).map { accepted in
                    opening.value = accepted
                    return accepted == nil ? nil : HTTPHeaders()
                }
            },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() })
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        upgrader.buildUpgradeResponse(channel: context.channel, upgradeRequest: head, initialResponseHeaders: [:])
            .whenComplete { result in
                let (handler, context) = bound.value
                handler.answered(try? result.get(), opening.value, context)
            }
    }

    private func answered(_ headers: HTTPHeaders?, _ opening: WebSocketOpening?, _ context: ChannelHandlerContext) {
        guard case .asking(let parts) = state, context.channel.isActive else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        guard let headers, let opening else { return becomeHTTP(context) }
        switch parts.count {
        case 1: state = .accepted(opening, headers)
        case 2: if case .end = parts[1] { begin(opening, headers, context) } else { becomeHTTP(context) }
        default: becomeHTTP(context)
        }
    }

    private func becomeHTTP(_ context: ChannelHandlerContext) {
        guard case .asking(let parts) = state else { return }
        do {
            let outcome = try serveHTTP(context.channel)
            state = .passing
            decided(.success(outcome))
            for part in parts { context.fireChannelRead(wrapInboundOut(closingAfterUpgrade(part))) }
            context.fireChannelReadComplete()
            context.pipeline.syncOperations.removeHandler(self, promise: nil)
        } catch {
            decided(.failure(error))
            context.close(promise: nil)
        }
    }

    /// Behind a request that asked for an upgrade the decoder reads no further one.
    private func closingAfterUpgrade(_ part: HTTPServerRequestPart) -> HTTPServerRequestPart {
        guard case .head(var head) = part, head.headers.contains(name: "upgrade") else { return part }
        head.headers.replaceOrAdd(name: "connection", value: "close")
        return .head(head)
    }

    private func begin(_ opening: WebSocketOpening, _ headers: HTTPHeaders, _ context: ChannelHandlerContext) {
        let head = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        let operations = context.pipeline.syncOperations
        operations.removeHandler(http.encoder, promise: nil)
        do {
            try opening.begin(context.channel)
            state = .passing
            decided(.success(.webSocket))
            // What the decoder had read too far comes through here on its way out.
            let bound = NIOLoopBound((self, operations), eventLoop: context.eventLoop)
            operations.removeHandler(http.decoder).whenComplete { _ in
                let (handler, operations) = bound.value
                operations.removeHandler(handler, promise: nil)
            }
        } catch {
            decided(.failure(error))
            context.close(promise: nil)
        }
    }
}
