import ConnectorRedis
import Foundation
import Services
import StoreKit
import TestKit
import Testing
import Trading
import TradingStores

/// Several instances share a Redis and nothing else. One after the other: a flush and a killed connection are felt
/// by all.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RedisTests {
    private func url() throws -> String {
        guard let value = ProcessInfo.processInfo.environment["WEIR_TEST_REDIS_URL"], !value.isEmpty else {
            throw StoreError.invalid(
                "WEIR_TEST_REDIS_URL is not set: run `make test`, or `scripts/servers up redis` and "
                    + "`set -a; eval \"$(scripts/servers env)\"; set +a` before `swift test`")
        }
        return value + "/7"
    }

    /// Says something to the Redis of the test, past the stores.
    private func command(_ words: String...) throws {
        let parts = try #require(URLComponents(string: try url()))
        let redis = try RedisConnection(
            .init(host: parts.host ?? "", port: Int32(parts.port ?? 6379), database: 7))
        redis.append(words.map { Array($0.utf8) })
        _ = try redis.reply()
    }

    private func withInstance(
        _ symbols: [Symbol], _ body: (RunningService) async throws -> Void
    ) async throws {
        let store = try PriceStores.open(try url())
        let updates = try PriceStores.updates(try url(), of: store)
        var options = MarketDataService.Options()
        options.reconcileMillis = 100
        do {
            try await RunningService.with(symbols: symbols, prices: store, updates: updates, options: options, body)
        } catch {
            await store.close()
            throw error
        }
        await store.close()
    }

    @Test func aPriceWrittenByAnyoneReachesTheClientsOfEveryInstance() async throws {
        let symbols = RunningService.symbols(2)
        try await withInstance(symbols) { first async throws in
            try await withInstance(symbols) { second async throws in
                try await first.tell(symbols[0], 1)
                try await RawClient.open(first.port) { one async throws in
                    try await RawClient.open(second.port) { other async throws in
                        try await one.subscribe(symbols.map(\.text))
                        try await other.subscribe(symbols.map(\.text))
                        for seq in 2...4 as ClosedRange<Int64> {
                            try await (seq == 3 ? second : first).tell(symbols[0], seq)
                            try await one.await(symbols[0], seq)
                            try await other.await(symbols[0], seq)
                        }
                    }
                }
            }
        }
    }

    @Test func pricesLostByRedisAreWrittenBack() async throws {
        let symbols = RunningService.symbols(2)
        try await withInstance(symbols) { running async throws in
            try await running.tell(symbols[0], 5)
            try await running.tell(symbols[1], 6, units: 77)
            try await RawClient.open(running.port) { client async throws in
                try await client.subscribe(symbols.map(\.text))
                try await client.await(symbols[1], 6)
                try command("FLUSHDB")
                try await eventually("both are back, unchanged") {
                    let found = try await running.prices.latest(symbols)
                    return found[symbols[0]]?.seq == 5 && found[symbols[1]]?.price.units == 77
                }
            }
        }
    }

    /// What changes while the connection is down is not told by Redis; comparing finds it.
    @Test func whatWasMissedWhileDisconnectedIsCaughtUpWith() async throws {
        let symbols = RunningService.symbols(1)
        try await withInstance(symbols) { running async throws in
            try await RawClient.open(running.port) { client async throws in
                try await client.subscribe([symbols[0].text])
                for seq in 1...5 as ClosedRange<Int64> {
                    try command("CLIENT", "KILL", "TYPE", "pubsub")
                    try await running.tell(symbols[0], seq)
                    try await client.await(symbols[0], seq)
                }
            }
        }
    }
}

extension RawClient {
    /// Reads on until the price with `seq` has come.
    fileprivate mutating func await(_ symbol: Symbol, _ seq: Int64) async throws {
        while true {
            let text = try await message()
            if text.contains(#""symbol":"\#(symbol)""#), text.contains(#""seq":\#(seq),"#) { return }
        }
    }
}
