import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// What one connection may do to the server, judged before any handler sees it.
///
/// - Bytes that are no HTTP are answered in the server's way, and the connection is closed.
/// - An answer with `Connection: close` is the last one: what came behind its request is not read. A client that is still
///   sending the request gets the answer all the same: what it sends is thrown away until it has ended, or for as long as a
///   request may take.
/// - A client that waits to be told to send its body (`Expect: 100-continue`) is told so.
/// - A request that does not come to its end in time is answered with 408, and the connection is closed.
/// - A body may go on beyond the limit only as long as it takes to answer it; a client that keeps sending is cut off.
///   (Handlers stop reading at the limit; what they leave is read and thrown away before the next request, which without
///   this bound might never end.)
///
/// Confined to the channel's event loop.
package final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
    package typealias InboundIn = HTTPRequestPart
    package typealias InboundOut = HTTPRequestPart
    package typealias OutboundIn = HTTPResponsePart
    package typealias OutboundOut = HTTPResponsePart

    private let limits: ConnectionLimits
    private let answer: @Sendable (ConnectionRefusal) -> ErrorAnswer?
    /// Requests whose answer is not written yet.
    private var unanswered = 0
    /// Whether the first of their answers has begun.
    private var isAnswering = false
    private var isLastAnswer = false
    /// Whether a request has begun and not ended.
    private var isReading = false
    private var bodyBytes = 0
    private var isCut = false
    /// Whether the last answer is sent and the end of its request awaited.
    private var isLingering = false
    private var readDeadline: Scheduled<Void>?

    /// - Parameter answer: how the server says a refusal; nil: the connection is closed without a word.
    package init(_ limits: ConnectionLimits, answer: @escaping @Sendable (ConnectionRefusal) -> ErrorAnswer?) {
        self.limits = limits
        self.answer = answer
    }

    package func handlerAdded(context: ChannelHandlerContext) {
        // Only in front of the codec is the version known.
        let operations = context.pipeline.syncOperations
        guard let codec = try? operations.context(handlerType: HTTP1ToHTTPServerCodec.self) else { return }
        try? operations.addHandler(AddressAsHost(), position: .before(codec.handler))
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard !isCut else { return throwAway(part, context) }
        switch part {
        case .head(let head):
            unanswered += 1
            isReading = true
            bodyBytes = 0
            expectEnd(context)
            if waits(head) {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
        case .body(let buffer):
            guard counts(buffer) else { return cut(context) }
        case .end:
            isReading = false
            readDeadline?.cancel()
        }
        context.fireChannelRead(data)
    }

    /// What comes behind the last answer.
    private func throwAway(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head: break
        case .body(let buffer): if !counts(buffer) { cut(context) }
        case .end:
            isReading = false
            if isLingering { cut(context) }
        }
    }

    /// False beyond what is read of a body.
    private func counts(_ buffer: ByteBuffer) -> Bool {
        bodyBytes += buffer.readableBytes
        return bodyBytes <= limits.bodyBytesMax + limits.overrunBytesMax
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        context.fireChannelReadComplete()
        // Nobody else asks for more.
        if isLingering { context.read() }
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        context.fireUserInboundEventTriggered(event)
        if isLingering, case ChannelEvent.inputClosed = event { cut(context) }
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isCut else {
            // The request was refused meanwhile.
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            isAnswering = true
            isLastAnswer = head.headerFields[.connection] == "close"
        case .body: break
        case .end:
            isAnswering = false
            unanswered -= 1
            if isLastAnswer { return end(context, data, promise) }
        }
        context.write(data, promise: promise)
    }

    private func end(_ context: ChannelHandlerContext, _ data: NIOAny, _ promise: EventLoopPromise<Void>?) {
        isCut = true
        let written = promise ?? context.eventLoop.makePromise()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in
            let (handler, context) = bound.value
            handler.linger(context)
        }
        context.writeAndFlush(data, promise: written)
    }

    /// Closed under a client that sends, the connection would take the answer with it.
    private func linger(_ context: ChannelHandlerContext) {
        guard isReading, context.channel.isActive else { return cut(context) }
        isLingering = true
        context.close(mode: .output, promise: nil)
        context.read()
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError || error is HTTP1TypeConversionError, !isCut else {
            context.fireErrorCaught(error)
            if isLingering { cut(context) }
            return
        }
        // An answer in the middle of another one, or in the place of an earlier request's, would be worse than none.
        guard unanswered == (isReading ? 1 : 0), !isAnswering else { return cut(context) }
        refuse(context, (error as? HTTPParserError) == .headerOverflow ? .headersTooLarge : .unreadable, error)
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        readDeadline?.cancel()
    }

    private func refuse(_ context: ChannelHandlerContext, _ refusal: ConnectionRefusal, _ error: any Error) {
        isCut = true
        readDeadline?.cancel()
        // Whoever reads the body must not take what came of it for all of it, as at a connection's end.
        if isReading { context.fireErrorCaught(error) }
        guard let answer = answer(refusal) else { return cut(context) }
        var head = HTTPResponse(status: refusal.status, headerFields: answer.headers)
        head.headerFields[.contentLength] = String(answer.body.readableBytes)
        head.headerFields[.connection] = "close"
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(answer.body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in bound.value.close(promise: nil) }
    }

    /// Not behind an earlier request, whose answer it would be taken for; nor is a body asked for that is refused unread.
    private func waits(_ head: HTTPRequest) -> Bool {
        guard unanswered == 1, head.headerFields[.expect]?.lowercased() == "100-continue" else { return false }
        return !BodyRule.isTooLarge(head, max: limits.bodyBytesMax)
    }

    private func expectEnd(_ context: ChannelHandlerContext) {
        readDeadline?.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        readDeadline = context.eventLoop.scheduleTask(in: .milliseconds(limits.readMillisMax)) {
            let (handler, context) = bound.value
            handler.giveUp(context)
        }
    }

    /// Behind an answer, or in the place of an earlier request's, there is nothing to say.
    private func giveUp(_ context: ChannelHandlerContext) {
        guard !isCut, unanswered == 1, !isAnswering else { return cut(context) }
        refuse(context, .incomplete, ConnectionRefusal.incomplete)
    }

    private func cut(_ context: ChannelHandlerContext) {
        isCut = true
        readDeadline?.cancel()
        context.close(promise: nil)
    }
}
