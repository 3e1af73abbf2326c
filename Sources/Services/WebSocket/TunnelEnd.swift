import NIOCore

/// One end of a tunnel: what it reads, its partner writes. It reads on only while the partner can be written to, so
/// that at most one buffer waits on either side. Confined to the event loop that both ends share.
final class TunnelEnd: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Side { case client, service }

    private let closeMillisMax: Int64
    private var side = Side.client
    /// Nil once either end is gone, so that they do not hold each other.
    private var partner: TunnelEnd?
    private var context: ChannelHandlerContext?
    private var waitsToRead = false
    /// Towards the client: where a close frame of our own may be put.
    private var frames = FrameBoundary()
    private var isClosing = false
    private var hasSaidClose = false
    private var isExpiring = false

    init(closeMillisMax: Int64) { self.closeMillisMax = closeMillisMax }

    static func join(client: TunnelEnd, service: TunnelEnd) {
        (client.side, service.side) = (.client, .service)
        (client.partner, service.partner) = (service, client)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    // MARK: From this end

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let partner, partner.context != nil else { return context.close(promise: nil) }
        partner.take(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) { partner?.context?.flush() }

    func read(context: ChannelHandlerContext) {
        if let other = partner?.context, !other.channel.isWritable {
            waitsToRead = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable, let partner, partner.waitsToRead else { return }
        partner.waitsToRead = false
        partner.context?.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case ChannelEvent.inputClosed:
            partner?.context?.close(mode: .output, promise: nil)
            expire(context)
        case is ChannelShouldQuiesceEvent:
            beginClosing(context)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func leave() {
        context = nil
        let other = partner
        partner = nil
        other?.partner = nil
        other?.finish()
    }

    /// Ends when what was written has gone out; nothing more will come.
    private func finish() {
        guard let context else { return }
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in bound.value.close(promise: nil) }
        expire(context)
    }

    /// However long the other side takes to end, or to read.
    private func expire(_ context: ChannelHandlerContext) {
        guard !isExpiring else { return }
        isExpiring = true
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .milliseconds(closeMillisMax)) { bound.value.close(promise: nil) }
    }

    // MARK: To this end

    private func take(_ bytes: ByteBuffer) {
        guard let context else { return }
        guard side == .client else { return context.write(wrapOutboundOut(bytes), promise: nil) }
        guard !hasSaidClose else { return }
        var bytes = bytes
        let count = frames.advance(bytes.readableBytesView, stopping: isClosing)
        if let whole = bytes.readSlice(length: count), count > 0 { context.write(wrapOutboundOut(whole), promise: nil) }
        if isClosing { sayClose(context) }
    }

    // MARK: Shutdown

    /// The client is told 1001 as soon as a frame has ended; its answer goes to the service, which then closes.
    private func beginClosing(_ context: ChannelHandlerContext) {
        guard side == .client, !isClosing else { return }
        isClosing = true
        sayClose(context)
        expire(context)
    }

    private func sayClose(_ context: ChannelHandlerContext) {
        guard frames.isReached, !hasSaidClose else { return }
        hasSaidClose = true
        context.writeAndFlush(wrapOutboundOut(ServerFrame.close(.goingAway)), promise: nil)
    }
}
