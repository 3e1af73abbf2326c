import NIOCore
import Synchronization

/// A proxy on a free port of 127.0.0.1 in front of the stand-in for Kafka, for tests that read while transactions are
/// aborted. It mends what the stand-in does to readers of committed records:
///
/// - An answer lists transactions as aborted that ended before what it holds; a client throws away what the same producer
///   has written since. They are taken off the list (`EndedTransactions`).
/// - When there is nothing to read it answers at once, and is asked again without end. Such an answer is held back a little.
/// - With a refusal it tells the partition's offsets, which Kafka does not. They are taken out.
///
/// Any task.
public final class BrokerProxy: Sendable {
    private let relay: TCPRelay
    private static let nothingNewPause = Duration.milliseconds(5)

    /// A proxy that runs until `stop`.
    public init(to upstreamPort: Int) async throws {
        let ended = EndedTransactions()
        relay = try await TCPRelay(to: upstreamPort) { port in
            let requests = OpenRequests()
            return (
                toServer: { source, target in
                    try await Self.frames(source) { frame in
                        requests.began(frame)
                        try await target.write(KafkaFrames.framed(frame))
                    }
                },
                toClient: { source, target in
                    try await Self.frames(source) { frame in
                        var answer = frame
                        switch requests.ended(frame) {
                        case .fetch(let version):
                            let (mended, isEmpty) = FetchAnswer.mended(frame, version: version, ended) ?? (frame, false)
                            if isEmpty { try await Task.sleep(for: Self.nothingNewPause) }
                            answer = mended
                        case .whereabouts: answer = frame.replacingPort(upstreamPort, by: port)
                        case nil: break
                        }
                        try await target.write(KafkaFrames.framed(answer))
                    }
                }
            )
        }
    }

    public var port: Int { relay.port }

    public func stop() async { await relay.stop() }

    private static func frames(
        _ source: NIOAsyncChannelInboundStream<ByteBuffer>, _ body: (ByteBuffer) async throws -> Void
    ) async throws {
        var frames = KafkaFrames()
        for try await bytes in source {
            frames.append(bytes)
            while let frame = frames.next() { try await body(frame) }
        }
    }
}

/// Requests whose answers are mended.
private enum RequestKind {
    case fetch(version: Int16)
    /// Its answer tells where the broker is: Metadata, FindCoordinator.
    case whereabouts

    static func of(_ frame: ByteBuffer) -> (Int32, RequestKind)? {
        var frame = frame
        guard let (key, version, id) = frame.readMultipleIntegers(as: (Int16, Int16, Int32).self) else { return nil }
        switch key {
        case 1: return (id, .fetch(version: version))
        case 3, 10: return (id, .whereabouts)
        default: return nil
        }
    }
}

/// The requests of one connection whose answers are awaited. Any task.
private final class OpenRequests: Sendable {
    private let kinds = Mutex<[Int32: RequestKind]>([:])

    func began(_ frame: ByteBuffer) {
        guard let (id, kind) = RequestKind.of(frame) else { return }
        kinds.withLock { $0[id] = kind }
    }

    func ended(_ answer: ByteBuffer) -> RequestKind? {
        guard let id = answer.getInteger(at: answer.readerIndex, as: Int32.self) else { return nil }
        return kinds.withLock { $0.removeValue(forKey: id) }
    }
}

/// Messages behind their length.
private struct KafkaFrames {
    private var bytes = ByteBuffer()

    mutating func append(_ more: ByteBuffer) { bytes.writeImmutableBuffer(more) }

    mutating func next() -> ByteBuffer? {
        guard let frame = bytes.readLengthPrefixedSlice(as: Int32.self) else { return nil }
        bytes.discardReadBytes()
        return frame
    }

    static func framed(_ frame: ByteBuffer) -> ByteBuffer {
        var framed = ByteBuffer()
        framed.writeInteger(Int32(frame.readableBytes))
        framed.writeImmutableBuffer(frame)
        return framed
    }
}

extension ByteBuffer {
    /// Wherever the broker names itself as 127.0.0.1 and a port.
    fileprivate func replacingPort(_ port: Int, by other: Int) -> ByteBuffer {
        var bytes = Array(readableBytesView)
        func named(_ port: Int) -> [UInt8] {
            Array("127.0.0.1".utf8) + (0..<4).map { UInt8(truncatingIfNeeded: port >> (24 - 8 * $0)) }
        }
        let (old, new) = (named(port), named(other))
        var from = bytes.startIndex
        while let found = bytes[from...].firstRange(of: old) {
            bytes.replaceSubrange(found, with: new)
            from = found.upperBound
        }
        return ByteBuffer(bytes: bytes)
    }
}
