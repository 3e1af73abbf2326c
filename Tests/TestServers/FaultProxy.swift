import NIOCore
import Synchronization

/// A TCP proxy on a free port of 127.0.0.1 in front of a server, whose faults a test switches. Any task.
public final class FaultProxy: Sendable {
    public enum Mode: Sendable {
        /// Everything passes.
        case passing
        /// Connections are closed at once, those that are open at their next byte.
        case down
        /// Connections are taken and nothing comes back.
        case silent
        /// Requests pass; the connection ends before the answer does.
        case losingAnswers
    }

    private final class Switch: Sendable {
        let mode = Mutex(Mode.passing)
        let lost = Atomic<Int>(0)
        var current: Mode { mode.withLock { $0 } }
    }

    private let faults: Switch
    private let relay: TCPRelay

    /// A proxy that runs until `stop`.
    public init(to upstreamPort: Int) async throws {
        let faults = Switch()
        self.faults = faults
        relay = try await TCPRelay(to: upstreamPort) { _ in
            guard faults.current != .down else { return nil }
            return (
                toServer: { try await Self.pump($0, $1, faults) { _ in true } },
                toClient: { source, target in
                    try await Self.pump(source, target, faults) { mode in
                        guard mode == .losingAnswers else { return true }
                        faults.lost.add(1, ordering: .relaxed)
                        return false
                    }
                }
            )
        }
    }

    public var port: Int { relay.port }

    public func set(_ mode: Mode) { faults.mode.withLock { $0 = mode } }

    /// Requests that got through while their answers did not.
    public var answersLost: Int { faults.lost.load(ordering: .relaxed) }

    public func stop() async { await relay.stop() }

    /// Until one side ends, or the mode ends the connection.
    private static func pump(
        _ source: NIOAsyncChannelInboundStream<ByteBuffer>, _ target: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        _ faults: Switch, _ passes: (Mode) -> Bool
    ) async throws {
        for try await bytes in source {
            let mode = faults.current
            guard mode != .down, passes(mode) else { return }
            if mode != .silent { try await target.write(bytes) }
        }
    }
}
