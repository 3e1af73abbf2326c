import NIOCore
import Synchronization

/// A proxy on a free port of 127.0.0.1 in front of the stand-in for Kafka, for tests that read while transactions are
/// aborted. It mends what the stand-in does to readers of committed records:
///
/// - An answer lists transactions as aborted that ended before what it holds; a client throws away what the same producer
///   has written since. They are taken off the list.
/// - When there is nothing to read it answers at once, and is asked again without end. Such an answer is held back a little.
///
/// Any task.
public final class BrokerProxy: Sendable {
    private let relay: TCPRelay
    private static let nothingNewPause = Duration.milliseconds(5)

    /// A proxy that runs until `stop`.
    public init(to upstreamPort: Int) async throws {
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
                            let (mended, isEmpty) = FetchAnswer.mended(frame, version: version) ?? (frame, false)
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

/// Fetch answers of versions 4 to 11; later ones have another layout.
private enum FetchAnswer {
    private struct Aborted {
        let producer: Int64
        let firstOffset: Int64
    }

    /// Nil for what is not understood.
    static func mended(_ frame: ByteBuffer, version: Int16) -> (answer: ByteBuffer, isEmpty: Bool)? {
        guard (4...11).contains(version) else { return nil }
        var (rest, answer, isEmpty) = (frame, ByteBuffer(), true)
        func copy(_ count: Int) -> Bool {
            guard let bytes = rest.readSlice(length: count) else { return false }
            answer.writeImmutableBuffer(bytes)
            return true
        }
        func copyCount() -> Int? {
            guard let count = rest.readInteger(as: Int32.self) else { return nil }
            answer.writeInteger(count)
            return Int(count)
        }
        // Correlation id and throttle time, then error and session.
        guard copy(version >= 7 ? 14 : 8), let topics = copyCount() else { return nil }
        for _ in 0..<topics {
            guard let name = rest.getInteger(at: rest.readerIndex, as: Int16.self), copy(2 + Int(name)),
                let partitions = copyCount()
            else { return nil }
            for _ in 0..<partitions {
                // Index, error, high watermark, last stable offset, log start offset.
                guard copy(version >= 5 ? 30 : 22), let count = rest.readInteger(as: Int32.self) else { return nil }
                var aborted: [Aborted] = []
                for _ in 0..<max(0, count) {
                    guard let (producer, first) = rest.readMultipleIntegers(as: (Int64, Int64).self) else { return nil }
                    aborted.append(Aborted(producer: producer, firstOffset: first))
                }
                let preferred: Int32? = version < 11 ? nil : rest.readInteger()
                guard let bytes = rest.readInteger(as: Int32.self), let records = rest.readSlice(length: max(0, Int(bytes)))
                else { return nil }
                let kept = ending(aborted, in: records)
                answer.writeInteger(Int32(kept.count))
                for one in kept { answer.writeMultipleIntegers(one.producer, one.firstOffset) }
                if let preferred { answer.writeInteger(preferred) }
                answer.writeInteger(bytes)
                answer.writeImmutableBuffer(records)
                if bytes > 0 { isEmpty = false }
            }
        }
        return rest.readableBytes == 0 ? (answer, isEmpty) : nil
    }

    /// Those of `aborted` whose marker is among the records: of a producer's, the last that began before it.
    private static func ending(_ aborted: [Aborted], in records: ByteBuffer) -> [Aborted] {
        if aborted.isEmpty { return [] }
        var kept: [Aborted] = []
        var at = records.readerIndex
        // A batch: base offset, length, then at 21 its attributes, at 43 its producer; a control record's type is at 68.
        while let offset = records.getInteger(at: at, as: Int64.self),
            let length = records.getInteger(at: at + 8, as: Int32.self),
            length > 0, let attributes = records.getInteger(at: at + 21, as: Int16.self),
            let producer = records.getInteger(at: at + 43, as: Int64.self)
        {
            let isControl = attributes & 0x20 != 0
            if isControl, records.getInteger(at: at + 68, as: Int16.self) == 0 {
                let candidates = aborted.filter { $0.producer == producer && $0.firstOffset < offset }
                if let last = candidates.max(by: { $0.firstOffset < $1.firstOffset }) { kept.append(last) }
            }
            at += 12 + Int(length)
        }
        return kept.sorted { $0.firstOffset < $1.firstOffset }
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
