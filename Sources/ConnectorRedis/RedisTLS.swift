import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import StoreKit

/// TLS for hiredis, which has none in the versions that distributions ship. hiredis talks to one end of a socket pair; what
/// it says there goes on to the server encrypted, and back, by NIO on an event loop.
///
/// The server must show a certificate for the name it is called by, made by an authority that is trusted.
enum RedisTLS {
    /// The end for hiredis, which closes it. Blocks until the handshake is done, or the time to connect is over; not to be
    /// called on an event loop.
    /// - Parameter trustFile: certificates (PEM) of the authorities that are trusted; nil: the system's.
    static func connect(_ address: RedisConnection.Address, trustFile: String?) throws(StoreError) -> Int32 {
        let context = try context(trustFile)
        do {
            let server = try server(address, context)
            do {
                return try tunnel(to: server)
            } catch {
                server.close(promise: nil)
                throw error
            }
        } catch {
            throw .unavailable("redis \(address.host):\(address.port): no TLS connection: \(error)")
        }
    }

    private static func context(_ trustFile: String?) throws(StoreError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        if let trustFile { configuration.trustRoots = .file(trustFile) }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .invalid("redis: the certificates of '\(trustFile ?? "the system")' cannot be used: \(error)")
        }
    }

    /// A connection whose handshake is done.
    private static func server(_ address: RedisConnection.Address, _ context: NIOSSLContext) throws -> any Channel {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let limit = TimeAmount.milliseconds(Int64(address.connectTimeoutMillis))
        let handshake = loop.makePromise(of: Void.self)
        // Names in certificates that are addresses are compared with the connection's.
        let isAddress = (try? SocketAddress(ipAddress: address.host, port: 0)) != nil
        let connecting = ClientBootstrap(group: loop).connectTimeout(limit).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let operations = channel.pipeline.syncOperations
                try operations.addHandler(NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : address.host))
                try operations.addHandler(RelayEnd(handshake: handshake))
            }
        }.connect(host: address.host, port: Int(address.port))
        let deadline = loop.scheduleTask(in: limit) { handshake.fail(ChannelError.connectTimeout(limit)) }
        connecting.whenFailure { handshake.fail($0) }
        defer { deadline.cancel() }
        do {
            try handshake.futureResult.wait()
            return try connecting.wait()
        } catch {
            connecting.whenSuccess { $0.close(promise: nil) }
            throw error
        }
    }

    private static func tunnel(to server: any Channel) throws -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
            throw IOError(errnoCode: errno, reason: "socketpair")
        }
        do {
            _ = try ClientBootstrap(group: server.eventLoop).channelInitializer { local in
                local.eventLoop.makeCompletedFuture {
                    let near = RelayEnd(handshake: nil)
                    try RelayEnd.join(near, server.pipeline.syncOperations.handler(type: RelayEnd.self))
                    try local.pipeline.syncOperations.addHandler(near)
                }
            }.withConnectedSocket(ends[1]).wait()
            return ends[0]
        } catch {
            close(ends[0])
            throw error
        }
    }
}

/// One end of the tunnel: what it reads its partner writes, no faster than that is taken. Confined to the event loop that both
/// ends share.
private final class RelayEnd: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// At the server's end: kept when TLS is established.
    private let handshake: EventLoopPromise<Void>?
    private var partner: RelayEnd?
    private var context: ChannelHandlerContext?
    private var waitsToRead = false

    init(handshake: EventLoopPromise<Void>?) { self.handshake = handshake }

    static func join(_ one: RelayEnd, _ other: RelayEnd) {
        (one.partner, other.partner) = (other, one)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { leave() }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { handshake?.succeed() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Before the tunnel is built a server of Redis has nothing to say.
        guard let other = partner?.context else { return context.close(promise: nil) }
        other.write(wrapOutboundOut(unwrapInboundIn(data)), promise: nil)
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

    func channelInactive(context: ChannelHandlerContext) {
        leave()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        handshake?.fail(error)
        context.close(promise: nil)
    }

    /// Takes the other end along, when what was written to it has gone out.
    private func leave() {
        handshake?.fail(ChannelError.eof)
        context = nil
        let other = partner?.context
        partner?.partner = nil
        partner = nil
        guard let other else { return }
        let bound = NIOLoopBound(other, eventLoop: other.eventLoop)
        other.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in bound.value.close(promise: nil) }
    }
}
