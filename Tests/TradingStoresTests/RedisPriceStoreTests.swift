import Foundation
import StoreKit
import Testing
import Trading
import TradingStores

/// What only Redis does: scripts that are forgotten, time to live, a server that goes away.
@Suite struct RedisPriceStoreTests {
    private func tick(_ symbol: Symbol, _ seq: Int64) -> PriceTick {
        PriceTick(symbol: symbol, price: Price(units: 1_892_500), seq: seq, timestampMillis: 5)
    }

    @Test func theKeyAndItsValueAreTheContracts() async throws {
        try await PriceStoreKind.redis.withStore { store async throws in
            let symbol = Fixture.symbol()
            try await store.update([tick(symbol, 7)])
            let redis = try RESPClient()
            #expect(redis.command("GET", "price:\(symbol)") == "$33\r\n{\"price\":\"189.25\",\"seq\":7,\"ts\":5}\r\n")
            let answer = redis.command("PTTL", "price:\(symbol)")
            let millis = try #require(Int(answer.filter(\.isNumber)))
            #expect((3_500_000...3_600_000).contains(millis))
        }
    }

    @Test func aForgottenScriptIsSentAgain() async throws {
        try await PriceStoreKind.redis.withStore { store async throws in
            let symbols = (0..<20).map { _ in Fixture.symbol() }
            for seq in 1...3 as ClosedRange<Int64> {
                _ = try RESPClient().command("SCRIPT", "FLUSH")
                #expect(try await store.update(symbols.map { tick($0, seq) }) == 20)
            }
            #expect(try await store.latest(symbols).values.allSatisfy { $0.seq == 3 })
        }
    }

    @Test func whatIsNoPriceIsAbsentAndOverwritten() async throws {
        try await PriceStoreKind.redis.withStore { store async throws in
            let symbol = Fixture.symbol()
            _ = try RESPClient().command("SET", "price:\(symbol)", "rubbish")
            #expect(try await store.latest(symbol) == nil)
            #expect(try await store.update([tick(symbol, 1)]) == 1)
            #expect(try await store.latest(symbol)?.seq == 1)
        }
    }

    /// The store uses a database of its own, by which the server knows its connection.
    @Test func aLostConnectionIsMadeAnew() async throws {
        let store = try PriceStores.open(try serverAddress("WEIR_TEST_REDIS_URL") + "/9")
        let symbol = Fixture.symbol()
        try await store.update([tick(symbol, 1)])
        let redis = try RESPClient()
        let line = redis.command("CLIENT", "LIST").split(whereSeparator: \.isNewline).first { $0.contains(" db=9 ") }
        let id = try #require(line?.split(separator: " ").first?.split(separator: "=").last)
        #expect(redis.command("CLIENT", "KILL", "ID", String(id)).hasPrefix(":1"))
        let policy = RetryPolicy(baseMillis: 20, capMillis: 100, attemptsMax: 100)
        let found = try await policy.run { () async throws(StoreError) in try await store.latest(symbol) }
        #expect(found?.seq == 1)
        await store.close()
    }

    @Test func updatesArePublishedOnlyWhenNewer() async throws {
        try await PriceStoreKind.redis.withStore { store async throws in
            let symbol = Fixture.symbol()
            let listener = try RESPClient()
            #expect(listener.command("SUBSCRIBE", "price_updates:\(symbol)").contains("subscribe"))
            #expect(try await store.update([tick(symbol, 2), tick(symbol, 1), tick(symbol, 3)]) == 2)
            var heard = ""
            while heard.components(separatedBy: "\"seq\":").count < 3 {
                let more = listener.hear()
                if more.isEmpty { break }
                heard += more
            }
            #expect(heard.contains(#"{"price":"189.25","seq":2,"ts":5}"#))
            #expect(heard.contains(#"{"price":"189.25","seq":3,"ts":5}"#))
            #expect(!heard.contains("\"seq\":1,"))
        }
    }
}
