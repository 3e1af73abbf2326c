import Foundation
import NIOCore
import NIOPosix
import Synchronization

/// Many clients in one process, each on a connection of its own.
final class Crowd: Sendable {
    /// What they were told while they counted.
    struct Count {
        var prices = 0
        var reads = 0
        /// Ages of prices in steps of 0.1 ms; the last one holds all that were older.
        var ages = [Int](repeating: 0, count: 100_000)

        /// The age that `share` of all prices had at most.
        func millis(_ share: Double) -> Double {
            let wanted = Int((Double(prices) * share).rounded(.up))
            var seen = 0
            for (step, count) in ages.enumerated() where count > 0 {
                seen += count
                if seen >= wanted { return Double(step + 1) / 10 }
            }
            return 0
        }

        mutating func add(_ other: Count) {
            prices += other.prices
            reads += other.reads
            for (step, count) in other.ages.enumerated() where count > 0 { ages[step] += count }
        }
    }

    private let symbols: Int
    private let subscribed: Int
    /// A count for each event loop, which alone touches it.
    fileprivate final class Tally: Sendable {
        let count = Mutex(Count())
    }
    private let tallies: [Tally]
    private let loops: [any EventLoop]
    fileprivate let isCounting = Atomic(false)
    fileprivate let ended = Atomic(0)

    init(symbols: Int, subscribed: Int) {
        self.symbols = symbols
        self.subscribed = subscribed
        loops = Array(MultiThreadedEventLoopGroup.singleton.makeIterator())
        tallies = loops.map { _ in Tally() }
    }

    /// Connections that the service ended.
    var lost: Int { ended.load(ordering: .relaxed) }

    func startCounting() { isCounting.store(true, ordering: .relaxed) }

    func stopCounting() -> Count {
        isCounting.store(false, ordering: .relaxed)
        var sum = Count()
        for tally in tallies { sum.add(tally.count.withLock { $0 }) }
        return sum
    }

    /// Connects and subscribes `count` clients, 256 at a time; returns when all are subscribed.
    func connect(_ count: Int, port: Int) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                if number >= 256 { _ = try await group.next() }
                group.addTask { try await self.connect(number, port) }
            }
            try await group.waitForAll()
        }
    }

    private func connect(_ number: Int, _ port: Int) async throws {
        let place = number % loops.count
        let names = (0..<subscribed).map { "\"\(ServedPrices.symbol((number + $0) % symbols))\"" }.joined(separator: ",")
        let subscribed = loops[place].makePromise(of: Void.self)
        _ = try await ClientBootstrap(group: loops[place])
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        CrowdMember(self, self.tallies[place], #"{"type":"subscribe","symbols":[\#(names)]}"#, subscribed))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        try await subscribed.futureResult.get()
    }
}

/// One client. Reads just as much of a frame as it must; confined to its event loop.
private final class CrowdMember: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let crowd: Crowd
    private let tally: Crowd.Tally
    private let subscription: String
    private let subscribed: EventLoopPromise<Void>
    private var unread = ByteBuffer()
    private var isOpen = false
    private var isSubscribed = false

    init(_ crowd: Crowd, _ tally: Crowd.Tally, _ subscription: String, _ subscribed: EventLoopPromise<Void>) {
        self.crowd = crowd
        self.tally = tally
        self.subscription = subscription
        self.subscribed = subscribed
    }

    func channelActive(context: ChannelHandlerContext) {
        let request =
            "GET /v1/prices HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
            + "sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        crowd.ended.add(1, ordering: .relaxed)
        subscribed.fail(ChannelError.eof)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if unread.readableBytes == 0 { unread = bytes } else { unread.writeBuffer(&bytes) }
        if !isOpen { open(context) }
        guard isOpen else { return }
        let now = WallNanos.now()
        var ages: [Int64] = []
        while let seq = nextFrame() { if seq > 0 { ages.append(now - seq) } }
        if unread.readableBytes == 0 { unread = ByteBuffer() }
        guard crowd.isCounting.load(ordering: .relaxed) else { return }
        tally.count.withLock { count in
            count.reads += 1
            count.prices += ages.count
            for age in ages { count.ages[min(max(0, Int(age / 100_000)), count.ages.count - 1)] += 1 }
        }
    }

    private func open(_ context: ChannelHandlerContext) {
        let view = unread.readableBytesView
        guard let end = view.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
        guard view.starts(with: "HTTP/1.1 101".utf8) else { return context.close(promise: nil) }
        unread.moveReaderIndex(to: end.upperBound)
        isOpen = true
        // The mask is zero: the service does not care, and neither does anybody in between here.
        var frame = ByteBuffer()
        frame.writeInteger(UInt8(0x81))
        if subscription.utf8.count < 126 {
            frame.writeInteger(UInt8(0x80) | UInt8(subscription.utf8.count))
        } else {
            frame.writeInteger(UInt8(0x80 | 126))
            frame.writeInteger(UInt16(subscription.utf8.count))
        }
        frame.writeInteger(UInt32(0))
        frame.writeString(subscription)
        context.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    /// The `seq` of the next frame, 0 when it is no price; nil when there is no whole frame.
    private func nextFrame() -> Int64? {
        let start = unread.readerIndex
        guard unread.readableBytes >= 2, let second: UInt8 = unread.getInteger(at: start + 1) else { return nil }
        var (header, length) = (2, Int(second))
        if second == 126 {
            guard let long: UInt16 = unread.getInteger(at: start + 2) else { return nil }
            (header, length) = (4, Int(long))
        }
        guard unread.readableBytes >= header + length else { return nil }
        unread.moveReaderIndex(forwardBy: header)
        guard let payload = unread.readSlice(length: length) else { return nil }
        if !isSubscribed {
            isSubscribed = true
            subscribed.succeed()
        }
        return payload.withUnsafeReadableBytes(Self.seq)
    }

    private static func seq(_ bytes: UnsafeRawBufferPointer) -> Int64 {
        let mark: StaticString = "\"seq\":"
        var at = 0
        while at + mark.utf8CodeUnitCount < bytes.count {
            if bytes[at] == UInt8(ascii: "\""), memcmp(bytes.baseAddress! + at, mark.utf8Start, mark.utf8CodeUnitCount) == 0 {
                var value: Int64 = 0
                at += mark.utf8CodeUnitCount
                while at < bytes.count, case let digit = bytes[at] &- 48, digit < 10 {
                    value = value &* 10 &+ Int64(digit)
                    at += 1
                }
                return value
            }
            at += 1
        }
        return 0
    }
}
