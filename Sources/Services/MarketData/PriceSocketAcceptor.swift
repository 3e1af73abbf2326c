import NIOCore
import NIOHTTP1
import NIOPosix
import NIOWebSocket

/// Makes price connections of requests for `WS /v1/prices`.
struct PriceSocketAcceptor: WebSocketAcceptor {
    let fanOut: PriceFanOut
    let origins: OriginPolicy
    /// Nil: open to everybody.
    let credential: InternalCredential?

    /// Why a request is not taken; nil when it may be.
    func refusal(_ handshake: WebSocketHandshake) -> Problem? {
        if let credential, !credential.matches(handshake.values("x-weir-internal").first) {
            return .notThroughGateway
        }
        guard origins.admits(origins: handshake.origins, hosts: handshake.hosts) else { return .originRefused }
        return fanOut.isFull ? .tooManyConnections : nil
    }

    func accept(_ request: HTTPRequestHead, on channel: any Channel) -> EventLoopFuture<WebSocketOpening?> {
        let handshake = WebSocketHandshake(request)
        guard handshake.path == APIRoutes.prices.path, handshake.isWellFormed else {
            return channel.eventLoop.makeSucceededFuture(nil)
        }
        guard refusal(handshake) == nil else {
            fanOut.metrics.refusedConnections.increment()
            return channel.eventLoop.makeSucceededFuture(nil)
        }
        return channel.eventLoop.makeSucceededFuture(WebSocketOpening { try begin(on: $0) })
    }

    private func begin(on channel: any Channel) throws {
        let limits = fanOut.limits
        let options = channel.syncOptions
        // The kernel's buffer is part of what a slow client costs, and of how old the prices are that it reads.
        try options?.setOption(.socketOption(.so_sndbuf), value: .init(limits.socketSendBytes))
        try options?.setOption(
            .writeBufferWaterMark, value: .init(low: limits.waitingBytes.low, high: limits.waitingBytes.high))
        // Frames from clients are small; NIO's default would set aside 2 KiB and more for each of them.
        try options?.setOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 256, initial: 256, maximum: 4_096))
        let operations = channel.pipeline.syncOperations
        try operations.addHandler(
            ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: limits.session.messageBytesMax)))
        try operations.addHandler(PriceConnection(fanOut.shard(on: channel.eventLoop)))
    }
}
