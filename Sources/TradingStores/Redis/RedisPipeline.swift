import ConnectorRedis
import StoreKit
import Trading

/// Sends batches of requests down one connection and makes it anew after a failure. Confined to the thread
/// of its `RedisPriceStore`.
struct RedisPipeline {
    typealias Waiter = CheckedContinuation<Result<Answer, StoreError>, Never>

    enum Action: Sendable {
        case read([Symbol])
        case update([PriceTick])
    }

    enum Answer: Sendable {
        case prices([Symbol: PricedAt])
        case newer(Int)
    }

    struct Request: Sendable {
        let action: Action
        let waiter: Waiter
    }

    private let settings: RedisPriceStore.Settings
    private let address: RedisConnection.Address
    private var connection: RedisConnection?
    private var pauseMillis: Int64 = 0
    private var nextAttempt = ContinuousClock.now
    private var lastFailure = StoreError.unavailable("redis: not connected")

    init(_ settings: RedisPriceStore.Settings) {
        self.settings = settings
        address = settings.address
    }

    /// Answers every request. A connection that fails is dropped; those it had not answered get the failure:
    /// their effect is unknown, and sending them again is harmless.
    mutating func run(_ requests: [Request]) {
        var results: [Result<Answer, StoreError>] = []
        results.reserveCapacity(requests.count)
        do throws(StoreError) {
            try exchange(requests, on: try connected(), &results)
        } catch {
            connection = nil
            lastFailure = error
        }
        for (index, request) in requests.enumerated() {
            request.waiter.resume(returning: index < results.count ? results[index] : .failure(lastFailure))
        }
    }

    private mutating func connected() throws(StoreError) -> RedisConnection {
        if let connection { return connection }
        if ContinuousClock.now < nextAttempt { throw lastFailure }
        do throws(StoreError) {
            let made = try RedisConnection(address)
            connection = made
            pauseMillis = 0
            return made
        } catch {
            pauseMillis = min(max(pauseMillis * 2, settings.reconnectMillisMin), settings.reconnectMillisMax)
            nextAttempt = .now + .milliseconds(Int64.random(in: pauseMillis / 2...pauseMillis))
            throw error
        }
    }

    /// Sends all requests at once, then reads all replies. Throws only when the connection is lost.
    private func exchange(
        _ requests: [Request], on connection: RedisConnection, _ results: inout [Result<Answer, StoreError>]
    ) throws(StoreError) {
        for request in requests {
            switch request.action {
            case .read(let symbols):
                connection.append([Array("MGET".utf8)] + symbols.map(PriceScript.key))
            case .update(let ticks):
                send(ticks, on: connection, whole: false)
            }
        }
        // Replies are read to the end before a script the server had forgotten is sent whole: replies to
        // that would otherwise stand behind those of later requests.
        var forgotten: [(request: Int, ticks: [PriceTick], first: Result<Answer, StoreError>)] = []
        for (index, request) in requests.enumerated() {
            switch request.action {
            case .read(let symbols):
                results.append(RedisPipeline.prices(symbols, try connection.reply()))
            case .update(let ticks):
                let (result, again) = try updated(ticks, on: connection)
                if again.isEmpty {
                    results.append(result)
                } else {
                    results.append(.failure(.unavailable("redis: connection lost")))  // unless the second round answers
                    forgotten.append((index, again, result))
                }
            }
        }
        for (index, ticks, first) in forgotten {
            send(ticks, on: connection, whole: true)
            let (second, _) = try updated(ticks, on: connection)
            results[index] = RedisPipeline.sum(first, second)
        }
    }

    private func send(_ ticks: [PriceTick], on connection: RedisConnection, whole: Bool) {
        for tick in ticks {
            connection.append(
                PriceScript.command(tick, timeToLiveMillis: settings.timeToLiveMillis, whole: whole))
        }
    }

    /// Reads one reply a tick. `again`: those whose script the server did not know.
    private func updated(
        _ ticks: [PriceTick], on connection: RedisConnection
    ) throws(StoreError) -> (result: Result<Answer, StoreError>, again: [PriceTick]) {
        var newer = 0
        var again: [PriceTick] = []
        var refused: StoreError?
        for tick in ticks {
            switch try connection.reply() {
            case .integer(let count): newer += Int(count)
            case .refusal(let words) where words.hasPrefix("NOSCRIPT"): again.append(tick)
            case .refusal(let words): refused = RedisPipeline.meaning(words)
            default: refused = .invalid("redis: the price script answered something else")
            }
        }
        return (refused.map { .failure($0) } ?? .success(.newer(newer)), again)
    }

    private static func sum(
        _ first: Result<Answer, StoreError>, _ second: Result<Answer, StoreError>
    ) -> Result<Answer, StoreError> {
        guard case .success(.newer(let one)) = first, case .success(.newer(let two)) = second else {
            if case .failure = first { return first }
            return second
        }
        return .success(.newer(one + two))
    }

    /// The prices in the reply to MGET. What is not a price counts as absent: it is a cache, and the next
    /// update overwrites it.
    private static func prices(
        _ symbols: [Symbol], _ reply: RedisConnection.Reply
    ) -> Result<Answer, StoreError> {
        switch reply {
        case .array(let values):
            var found: [Symbol: PricedAt] = [:]
            for (symbol, value) in zip(symbols, values) {
                if case .text(let bytes) = value { found[symbol] = try? PricedAt.decode(bytes) }
            }
            return .success(.prices(found))
        case .refusal(let words):
            return .failure(meaning(words))
        default:
            return .failure(.invalid("redis: MGET answered something else"))
        }
    }

    /// What the server's refusal means.
    private static func meaning(_ words: String) -> StoreError {
        RedisRefusal.isPassing(words) ? .unavailable("redis: \(words)") : .invalid("redis: \(words)")
    }
}
