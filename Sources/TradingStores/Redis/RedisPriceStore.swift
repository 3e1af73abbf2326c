import ConnectorRedis
import StoreKit
import Trading

/// Latest prices in Redis: `price:{symbol}` with a time to live, updates published on
/// `price_updates:{symbol}`.
///
/// One connection on one thread; the calls that wait are sent in one pipeline. While Redis is away calls
/// fail at once between attempts to connect, which back off to `reconnectMillisMax`.
public final class RedisPriceStore: PriceStore, SpannedByGuard {
    /// Where, and bounds.
    public struct Settings: Sendable {
        package var address: RedisConnection.Address
        /// How long a price lives without being written again.
        public var timeToLiveMillis: Int64 = 3_600_000
        /// Calls that may wait; further ones fail as throttled.
        public var queuedMax = 8_192
        /// Calls that share a pipeline.
        public var pipelineMax = 512
        public var reconnectMillisMin: Int64 = 50
        public var reconnectMillisMax: Int64 = 5_000

        package init(_ address: RedisConnection.Address) { self.address = address }
    }

    /// The most ticks in one `update`: what is sent between two reads of replies stays bounded.
    public static let updateCountMax = 4_096

    private let inbox: RequestInbox<RedisPipeline.Request>
    private let thread: WorkerThread

    /// A store that connects when it is first used.
    public init(_ settings: Settings) {
        let inbox = RequestInbox<RedisPipeline.Request>(capacity: settings.queuedMax)
        self.inbox = inbox
        thread = WorkerThread(name: "redis-prices") {
            var pipeline = RedisPipeline(settings)
            var requests: [RedisPipeline.Request] = []
            while inbox.take(into: &requests, countMax: settings.pipelineMax) { pipeline.run(requests) }
        }
    }

    deinit {
        inbox.close()
    }

    public func latest(_ symbol: Symbol) async throws(StoreError) -> PricedAt? {
        try await latest([symbol])[symbol]
    }

    public func latest(_ symbols: [Symbol]) async throws(StoreError) -> [Symbol: PricedAt] {
        if symbols.isEmpty { return [:] }
        guard case .prices(let prices) = try await submit(.read(symbols)) else { return [:] }
        return prices
    }

    @discardableResult
    public func update(_ ticks: [PriceTick]) async throws(StoreError) -> Int {
        for tick in ticks {
            if let nonsense = tick.validate() { throw .invalid("a tick of \(tick.symbol): \(nonsense)") }
        }
        var newer = 0
        var rest = ticks[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(RedisPriceStore.updateCountMax))
            rest = rest.dropFirst(part.count)
            if case .newer(let count) = try await submit(.update(part)) { newer += count }
        }
        return newer
    }

    public func close() async {
        inbox.close()
        await thread.wait()
    }

    private func submit(_ action: RedisPipeline.Action) async throws(StoreError) -> RedisPipeline.Answer {
        let inbox = inbox
        let result = await withCheckedContinuation { (continuation: RedisPipeline.Waiter) in
            switch inbox.offer(RedisPipeline.Request(action: action, waiter: continuation)) {
            case .accepted: break
            case .full: continuation.resume(returning: .failure(.throttled("the queue to redis is full")))
            case .closed: continuation.resume(returning: .failure(.unavailable("the price store is closed")))
            }
        }
        return try result.get()
    }
}
