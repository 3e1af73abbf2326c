import NIOCore
import NIOPosix
import Synchronization

/// Listens on a free port of 127.0.0.1 and opens a connection to a server for each that it takes; what passes is the
/// owner's. Any task.
final class TCPRelay: Sendable {
    /// Hands on what one side sends to the other. When one returns or throws, the connection ends.
    typealias Pump =
        @Sendable (NIOAsyncChannelInboundStream<ByteBuffer>, NIOAsyncChannelOutboundWriter<ByteBuffer>) async throws -> Void

    let port: Int
    private let server: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>
    private let running = Mutex<Task<Void, Never>?>(nil)
    private let upstreamPort: Int
    private let pumps: @Sendable (_ port: Int) -> (toServer: Pump, toClient: Pump)?

    /// Runs until `stop`. `pumps` makes those of a new connection, nil to refuse it; `port` is the relay's.
    init(to upstreamPort: Int, pumps: @escaping @Sendable (_ port: Int) -> (toServer: Pump, toClient: Pump)?) async throws {
        self.upstreamPort = upstreamPort
        self.pumps = pumps
        server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .bind(host: "127.0.0.1", port: 0) { Self.wrap($0) }
        port = server.channel.localAddress?.port ?? 0
        running.withLock { $0 = Task { await self.serve() } }
    }

    func stop() async {
        let task = running.withLock { $0 }
        task?.cancel()
        await task?.value
    }

    private static func wrap(_ channel: any Channel) -> EventLoopFuture<NIOAsyncChannel<ByteBuffer, ByteBuffer>> {
        channel.eventLoop.makeCompletedFuture { try NIOAsyncChannel(wrappingChannelSynchronously: channel) }
    }

    private func serve() async {
        try? await server.executeThenClose { clients in
            try await withThrowingDiscardingTaskGroup { group in
                for try await client in clients { group.addTask { try? await self.relay(client) } }
            }
        }
    }

    private func relay(_ client: NIOAsyncChannel<ByteBuffer, ByteBuffer>) async throws {
        try await client.executeThenClose { fromClient, toClient in
            guard let pumps = pumps(port) else { return }
            let upstream = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(host: "127.0.0.1", port: upstreamPort) { Self.wrap($0) }
            try await upstream.executeThenClose { fromServer, toServer in
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { try? await pumps.toServer(fromClient, toServer) }
                    group.addTask { try? await pumps.toClient(fromServer, toClient) }
                    await group.next()
                    group.cancelAll()
                }
            }
        }
    }
}
