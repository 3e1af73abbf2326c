import NIOCore
import NIOHTTP1

/// HTTP/1.0 has no host field: a request of that version without one is for the address that it came to.
final class AddressAsHost: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data), head.version == .http1_0, !head.headers.contains(name: "host"),
            let address = context.localAddress, let name = address.ipAddress, let port = address.port
        else { return context.fireChannelRead(data) }
        head.headers.add(name: "host", value: name.contains(":") ? "[\(name.prefix { $0 != "%" })]:\(port)" : "\(name):\(port)")
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }
}
