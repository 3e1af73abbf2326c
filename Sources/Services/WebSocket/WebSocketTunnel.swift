import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// Hands WebSockets on to the service behind: the gateway's part of `WS /v1/prices`. The gateway checks the request,
/// opens a WebSocket of its own with the client's key, and then passes bytes both ways; it never looks into frames.
///
/// Both connections live on one event loop; neither side is read faster than the other takes it. Callable from any
/// thread.
package final class WebSocketTunnel: WebSocketAcceptor {
    package struct Options: Sendable {
        /// Where the service is.
        package var host: String
        package var port: Int
        /// The path that is handed on, here and there.
        package var path = APIRoutes.prices.path
        /// Pages of other origins that may open one; see `OriginPolicy`.
        package var origins: [String] = []
        /// Those that the service has not answered yet count too.
        package var tunnelsMax = 20_000
        /// What the system may keep of prices on their way, on either side, in bytes. More would keep a client that reads slowly
        /// from being felt by the service, which sends it less.
        package var socketBytes: Int32 = 64 << 10
        /// For connecting, and for the answer to the handshake.
        package var connectMillisMax: Int64 = 2_000
        /// How long a client may take to answer the close frame of a shutdown.
        package var closeMillisMax: Int64 = 3_000

        package init(host: String, port: Int) {
            self.host = host
            self.port = port
        }
    }

    private let options: Options
    private let origins: OriginPolicy
    private let credential: InternalCredential?
    private let open = Atomic(0)
    private let logger = Logger(label: "weir.tunnel")

    /// - Parameter credential: shown to the service.
    package init(_ options: Options, credential: InternalCredential?) {
        self.options = options
        origins = OriginPolicy(allowed: options.origins)
        self.credential = credential
    }

    /// Tunnels that are open or being opened.
    package var tunnels: Int { open.load(ordering: .relaxed) }

    /// Sets up connections so that the tunnel's path is served; to be given to the gateway's `HTTPHost`.
    package func server(_ limits: HTTPLimits) -> HTTPServerBuilder {
        .http1(configuration: HTTPHost.http1(limits), webSockets: self)
    }

    /// Why a request that asks for a WebSocket has not become one; for the router, which is given those. Nil: it asks for
    /// none, or where there is none: then it is a request like any other.
    package func refusal(of request: Request) -> Problem? {
        let handshake = WebSocketHandshake(request)
        guard handshake.isUpgrade, handshake.path == options.path else { return nil }
        if let refusal = refusal(handshake) { return refusal }
        return handshake.isWellFormed ? .unavailable("market-data") : .handshakeRefused
    }

    private func refusal(_ handshake: WebSocketHandshake) -> Problem? {
        guard origins.admits(origins: handshake.origins, hosts: handshake.hosts) else { return .originRefused }
        return tunnels >= options.tunnelsMax ? .tooManyConnections : nil
    }

    package func accept(_ request: HTTPRequestHead, on channel: any Channel) -> EventLoopFuture<WebSocketOpening?> {
        let handshake = WebSocketHandshake(request)
        guard handshake.path == options.path, refusal(handshake) == nil, handshake.isWellFormed,
            let key = handshake.values("sec-websocket-key").first, takePlace()
        else { return channel.eventLoop.makeSucceededFuture(nil) }
        return connect(key: key, on: channel.eventLoop).map { [self] service in
            // Whoever leaves first takes the other along, also before the tunnel is built.
            channel.closeFuture.whenComplete { [self] _ in
                service.close(promise: nil)
                givePlaceBack()
            }
            return WebSocketOpening { [self] in try build($0, service) }
        }.flatMapErrorThrowing { [self] error in
            givePlaceBack()
            logger.warning("the service did not open a WebSocket", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Returns whether there was one. Taken before the service is asked, so that those who come together are not all let in.
    private func takePlace() -> Bool {
        if open.add(1, ordering: .relaxed).newValue <= options.tunnelsMax { return true }
        givePlaceBack()
        return false
    }

    private func givePlaceBack() { open.subtract(1, ordering: .relaxed) }

    /// A connection to the service on which frames may be sent; reading has not begun.
    private func connect(key: String, on loop: any EventLoop) -> EventLoopFuture<any Channel> {
        let answer = loop.makePromise(of: (any Channel).self)
        let handler = ServiceHandshake(request(key), answer, withinMillis: options.connectMillisMax)
        let bound = NIOLoopBound(handler, eventLoop: loop)
        ClientBootstrap(group: loop)
            .connectTimeout(.milliseconds(options.connectMillisMax))
            .channelOption(.allowRemoteHalfClosure, value: true)
            // Before connecting: it decides how much the service is told it may send.
            .channelOption(.socketOption(.so_rcvbuf), value: .init(options.socketBytes))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let operations = channel.pipeline.syncOperations
                    let encoder = HTTPRequestEncoder()
                    let decoder = ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes))
                    try operations.addHandlers(encoder, decoder, bound.value)
                    bound.value.http = [decoder, encoder]
                }
            }
            .connect(host: options.host, port: options.port)
            .whenFailure { answer.fail($0) }
        return answer.futureResult
    }

    private func request(_ key: String) -> HTTPRequestHead {
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: options.path)
        let host = options.host.contains(":") && !options.host.hasPrefix("[") ? "[\(options.host)]" : options.host
        head.headers = [
            "host": "\(host):\(options.port)", "connection": "Upgrade", "upgrade": "websocket",
            "sec-websocket-version": "13", "sec-websocket-key": key,
        ]
        if let credential { head.headers.add(name: "x-weir-internal", value: credential.text) }
        return head
    }

    private func build(_ client: any Channel, _ service: any Channel) throws {
        let toClient = TunnelEnd(closeMillisMax: options.closeMillisMax)
        let toService = TunnelEnd(closeMillisMax: options.closeMillisMax)
        TunnelEnd.join(client: toClient, service: toService)
        try client.syncOptions?.setOption(.socketOption(.so_sndbuf), value: .init(options.socketBytes))
        try client.pipeline.syncOperations.addHandler(toClient)
        try service.pipeline.syncOperations.addHandler(toService)
        try service.syncOptions?.setOption(.autoRead, value: true)
        service.read()
    }
}

/// Asks the service for a WebSocket and, once it has said 101, leaves the channel to bytes. Confined to its event loop.
private final class ServiceHandshake: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    struct Refused: Error { let status: HTTPResponseStatus }
    struct TooSlow: Error {}

    /// To be taken out when the answer has come.
    var http: [any RemovableChannelHandler] = []
    private let request: HTTPRequestHead
    private let millisMax: Int64
    private var answer: EventLoopPromise<any Channel>?
    private var deadline: Scheduled<Void>?

    init(_ request: HTTPRequestHead, _ answer: EventLoopPromise<any Channel>, withinMillis millisMax: Int64) {
        self.request = request
        self.answer = answer
        self.millisMax = millisMax
    }

    func channelActive(context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        deadline = context.eventLoop.scheduleTask(in: .milliseconds(millisMax)) {
            let (handler, context) = bound.value
            handler.fail(context, TooSlow())
        }
        context.write(wrapOutboundOut(.head(request)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard answer != nil else { return }
        switch unwrapInboundIn(data) {
        case .head(let head) where head.status != .switchingProtocols: fail(context, Refused(status: head.status))
        case .head, .body: return
        case .end: succeed(context)
        }
    }

    private func succeed(_ context: ChannelHandlerContext) {
        deadline?.cancel()
        let promise = answer
        answer = nil
        let channel = context.channel
        do {
            // What comes next waits in the kernel until the tunnel is built.
            try channel.syncOptions?.setOption(.autoRead, value: false)
            let operations = context.pipeline.syncOperations
            for handler in http { operations.removeHandler(handler, promise: nil) }
            operations.removeHandler(self, promise: nil)
            promise?.succeed(channel)
        } catch {
            promise?.fail(error)
            channel.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(context, ChannelError.eof)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(context, error) }

    private func fail(_ context: ChannelHandlerContext, _ error: any Error) {
        deadline?.cancel()
        answer?.fail(error)
        answer = nil
        context.close(promise: nil)
    }
}
