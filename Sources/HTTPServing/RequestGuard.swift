import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// What one connection may do to the server, judged before any handler sees it.
///
/// - Bytes that are no HTTP are answered in the server's way, and the connection is closed.
/// - An answer with `Connection: close` is the last one: what came behind its request is not read.
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
        guard !isCut else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            unanswered += 1
            isReading = true
            bodyBytes = 0
            expectEnd(context)
            if waits(head) {
                context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
        case .body(let buffer):
            bodyBytes += buffer.readableBytes
            if bodyBytes > limits.bodyBytesMax + limits.overrunBytesMax { return cut(context) }
        case .end:
            isReading = false
            readDeadline?.cancel()
        }
        context.fireChannelRead(data)
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
        readDeadline?.cancel()
        let written = promise ?? context.eventLoop.makePromise()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        written.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
        context.writeAndFlush(data, promise: written)
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError || error is HTTP1TypeConversionError, !isCut else {
            return context.fireErrorCaught(error)
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
        return head.headerFields[.contentLength].flatMap(Int.init).map { $0 <= limits.bodyBytesMax } ?? true
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
