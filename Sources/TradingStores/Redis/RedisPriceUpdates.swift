import ConnectorRedis
import Foundation
import StoreKit
import Synchronization
import Trading

/// Price changes from Redis' channels `price_updates:{symbol}`.
///
/// Each subscription has a connection and a thread of its own. A connection that is lost, or silent although
/// asked, is made anew without end, pausing longer each time up to `reconnectMillisMax`.
public struct RedisPriceUpdates: PriceUpdates {
    private let settings: RedisPriceStore.Settings

    /// Nothing is connected before `subscribe`.
    public init(_ settings: RedisPriceStore.Settings) { self.settings = settings }

    public func subscribe(_ listener: @escaping PriceListener) -> any PriceSubscription {
        RedisPriceSubscription(settings, listener)
    }
}

private final class RedisPriceSubscription: PriceSubscription {
    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    private let ending = Flag()
    private let thread: WorkerThread

    init(_ settings: RedisPriceStore.Settings, _ listener: @escaping PriceListener) {
        let ending = ending
        thread = WorkerThread(name: "redis-updates") {
            var ears = RedisEars(settings, listener) { ending.isSet.load(ordering: .relaxed) }
            ears.run()
        }
    }

    func end() async {
        ending.isSet.store(true, ordering: .relaxed)
        await thread.wait()
    }
}

/// Listens on one connection after the other. Confined to the thread of its subscription.
private struct RedisEars {
    /// How often the end is looked for, and how long a silent connection is believed in.
    private static let sliceMillis: Int32 = 200
    private static let silenceMillisBeforePing: Int64 = 5_000
    private static let silenceMillisMax: Int64 = 10_000
    private static let channelPrefix = Array("price_updates:".utf8)

    private let address: RedisConnection.Address
    private let listener: PriceListener
    private let isEnding: () -> Bool
    private let pauseMillisMin: Int64
    private let pauseMillisMax: Int64
    private var pauseMillis: Int64 = 0

    init(
        _ settings: RedisPriceStore.Settings, _ listener: @escaping PriceListener,
        isEnding: @escaping () -> Bool
    ) {
        address = settings.address
        (pauseMillisMin, pauseMillisMax) = (settings.reconnectMillisMin, settings.reconnectMillisMax)
        self.listener = listener
        self.isEnding = isEnding
    }

    mutating func run() {
        while !isEnding() {
            do throws(StoreError) {
                try listen()
            } catch {
                if isEnding() { return }
                listener(.interrupted(error))
                pause()
            }
        }
    }

    /// Returns when the subscription is to end; throws when the connection is of no use any more.
    private mutating func listen() throws(StoreError) {
        let connection = try RedisConnection(address)
        connection.append([Array("PSUBSCRIBE".utf8), Self.channelPrefix + [UInt8(ascii: "*")]])
        try connection.flush()
        var heardAt = ContinuousClock.now
        var isPinged = false
        while !isEnding() {
            let replies = try connection.arrivals(withinMillis: Self.sliceMillis)
            if !replies.isEmpty {
                heardAt = .now
                isPinged = false
                try hear(replies)
                continue
            }
            // A connection whose other end has vanished says nothing, and so does a quiet market.
            let silent = ContinuousClock.now - heardAt
            if silent > .milliseconds(Self.silenceMillisMax) {
                throw .timeout("redis \(address.host):\(address.port): silent for \(Self.silenceMillisMax) ms")
            }
            if silent > .milliseconds(Self.silenceMillisBeforePing), !isPinged {
                connection.append([Array("PING".utf8)])
                try connection.flush()
                isPinged = true
            }
        }
    }

    private mutating func hear(_ replies: [RedisConnection.Reply]) throws(StoreError) {
        var ticks: [PriceTick] = []
        for reply in replies {
            switch reply {
            case .array(let parts):
                guard case .text(let kind)? = parts.first else { continue }
                if kind == Array("psubscribe".utf8) {
                    pauseMillis = 0
                    listener(.listening)
                } else if kind == Array("pmessage".utf8), let tick = Self.tick(parts) {
                    ticks.append(tick)
                }
            case .refusal(let words):
                throw .invalid("redis \(address.host):\(address.port) refused to subscribe: \(words)")
            default:
                continue
            }
        }
        if !ticks.isEmpty { listener(.changed(ticks)) }
    }

    /// `pmessage`, pattern, channel, payload. What is no price is passed over: anybody may publish.
    private static func tick(_ parts: [RedisConnection.Reply]) -> PriceTick? {
        guard parts.count == 4, case .text(let channel) = parts[2], case .text(let payload) = parts[3],
            channel.starts(with: channelPrefix),
            let symbol = channel.dropFirst(channelPrefix.count).withContiguousStorageIfAvailable({ Symbol(utf8: $0) }),
            let symbol, let priced = try? PricedAt.decode(payload)
        else { return nil }
        let tick = PriceTick(
            symbol: symbol, price: priced.price, seq: priced.seq, timestampMillis: priced.timestampMillis)
        return tick.validate() == nil ? tick : nil
    }

    private mutating func pause() {
        pauseMillis = min(max(pauseMillis * 2, pauseMillisMin), pauseMillisMax)
        let end = ContinuousClock.now + .milliseconds(Int64.random(in: pauseMillis / 2...pauseMillis))
        while ContinuousClock.now < end, !isEnding() { Thread.sleep(forTimeInterval: 0.02) }
    }
}
