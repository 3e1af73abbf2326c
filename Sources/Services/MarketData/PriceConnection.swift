import NIOCore
import NIOWebSocket
import Trading

/// One client's WebSocket: the shell around `WebSocketSession` (the protocol) and `PriceSubscriber` (what to tell).
/// Confined to its event loop, as its shard is.
final class PriceConnection: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = ByteBuffer

    /// Its place in the shard; the shard's.
    var slot: Int?

    private let shard: PriceShard
    private var session: WebSocketSession
    private var subscriber: PriceSubscriber
    private var context: ChannelHandlerContext?
    /// Since when the client has not taken what it was sent.
    private var stalledAtMillis: Int64?
    /// What was sent goes out until then.
    private var endsAtMillis: Int64?

    init(_ shard: PriceShard) {
        self.shard = shard
        session = WebSocketSession(shard.limits.session, nowMillis: LoopTime.nowMillis())
        subscriber = PriceSubscriber(shard.board.table, symbolsMax: shard.limits.symbolsMax)
    }

    // MARK: From the shard

    func pricesChanged(_ symbols: SymbolSet) {
        let conflated = subscriber.changed(symbols)
        if conflated > 0 { shard.metrics.conflated.increment(by: conflated) }
        sendPending()
    }

    func passTime(_ nowMillis: Int64) {
        if let endsAtMillis, nowMillis >= endsAtMillis {
            context?.close(promise: nil)
            return
        }
        if let stalledAtMillis, nowMillis - stalledAtMillis >= shard.limits.stalledMillisMax {
            shard.metrics.droppedSlow.increment()
            // A close frame would wait behind what is not being read.
            context?.close(promise: nil)
            return
        }
        perform(session.passTime(nowMillis: nowMillis))
    }

    // MARK: From the channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        guard context.channel.isActive else { return }
        shard.add(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        perform(session.received(unwrapInboundIn(data), nowMillis: LoopTime.nowMillis()))
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        stalledAtMillis = context.channel.isWritable ? nil : LoopTime.nowMillis()
        sendPending()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            perform(session.close(.goingAway, nowMillis: LoopTime.nowMillis()))
        case ChannelEvent.inputClosed:
            perform(session.inputEnded())
        default:
            context.fireUserInboundEventTriggered(event)
        }
        context.flush()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? NIOWebSocketError else { return context.close(promise: nil) }
        perform(session.failed(error, nowMillis: LoopTime.nowMillis()))
        // Nothing more can be decoded, the client's close frame neither: it is told by the end of our half.
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
            bound.value.close(mode: .output, promise: nil)
        }
    }

    // MARK: To the client

    private func perform(_ actions: [WebSocketSession.Action]) {
        guard let context else { return }
        for action in actions {
            switch action {
            case .deliver(let text): answer(text, context)
            case .send(let frame): context.write(wrapOutboundOut(frame), promise: nil)
            case .end: end(context)
            }
        }
        if !actions.isEmpty { context.flush() }
    }

    private func answer(_ text: ByteBuffer, _ context: ChannelHandlerContext) {
        shard.metrics.received.increment()
        do throws(SubscriptionRefusal) {
            guard let message = ClientMessage(text) else { throw .malformed }
            let table = shard.board.table
            try subscriber.apply(message, table)
            var symbols: [Symbol] = []
            subscriber.subscribed.forEach { symbols.append(table.symbols[$0]) }
            context.write(wrapOutboundOut(ServerMessage.subscribed(symbols)), promise: nil)
            sendPending()
        } catch {
            shard.metrics.refused.increment()
            context.write(wrapOutboundOut(ServerMessage.error(error)), promise: nil)
        }
    }

    /// Sends the latest price of everything pending, if the client can take it; else it stays pending.
    private func sendPending() {
        guard let context, session.isOpen, subscriber.hasPending, context.channel.isWritable else { return }
        let frames = shard.frames(of: subscriber.takePending())
        guard frames.count > 0 else { return }
        context.writeAndFlush(wrapOutboundOut(frames.bytes), promise: nil)
        shard.metrics.sent.increment(by: frames.count)
    }

    /// Closes when everything has gone out; at once when the client does not read.
    private func end(_ context: ChannelHandlerContext) {
        guard endsAtMillis == nil else { return }
        endsAtMillis = LoopTime.nowMillis() + shard.limits.session.closeMillisMax
        guard context.channel.isWritable else { return context.close(promise: nil) }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in bound.value.close(promise: nil) }
    }

    private func leave() {
        context = nil
        shard.remove(self)
    }
}
