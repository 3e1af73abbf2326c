import StoreKit
import Synchronization
import Testing
import Trading
import TradingStores

/// What every `PriceUpdates` promises, run against each.
@Suite struct PriceUpdatesConformanceTests {
    private func tick(_ symbol: Symbol, _ seq: Int64) -> PriceTick {
        PriceTick(symbol: symbol, price: Price(units: seq + 1), seq: seq, timestampMillis: seq * 10)
    }

    @Test(arguments: PriceStoreKind.allCases)
    func everythingNewerIsHeardInOrderAndNothingElse(_ kind: PriceStoreKind) async throws {
        try await kind.withUpdates { store, updates async throws in
            let symbols = [Fixture.symbol(), Fixture.symbol()]
            try await store.update([tick(symbols[0], 1)])
            let heard = Heard(symbols)
            let subscription = updates.subscribe(heard.listener)
            try await heard.until { $0.beginnings == 1 }
            try await store.update([tick(symbols[0], 2), tick(symbols[0], 2), tick(symbols[0], 1), tick(symbols[1], 9)])
            try await store.update((3...300).map { tick(symbols[0], $0) })
            try await heard.until { $0.ticks.last == tick(symbols[0], 300) }
            #expect(heard.ticks(of: symbols[0]) == (2...300).map { tick(symbols[0], $0) })
            #expect(heard.ticks(of: symbols[1]) == [tick(symbols[1], 9)])
            await subscription.end()
        }
    }

    @Test(arguments: PriceStoreKind.allCases)
    func eachListenerHearsForItselfUntilItEnds(_ kind: PriceStoreKind) async throws {
        try await kind.withUpdates { store, updates async throws in
            let symbol = Fixture.symbol()
            let (first, second) = (Heard([symbol]), Heard([symbol]))
            let subscriptions = [updates.subscribe(first.listener), updates.subscribe(second.listener)]
            for heard in [first, second] { try await heard.until { $0.beginnings == 1 } }
            try await store.update([tick(symbol, 1)])
            for heard in [first, second] { try await heard.until { $0.ticks.count == 1 } }
            await subscriptions[0].end()
            await subscriptions[0].end()
            try await store.update([tick(symbol, 2)])
            try await second.until { $0.ticks.count == 2 }
            #expect(first.ticks(of: symbol).count == 1)
            await subscriptions[1].end()
        }
    }

    /// Two writers race: what is heard last of a symbol need not be the newest, but the newest is heard.
    @Test(arguments: PriceStoreKind.allCases)
    func theNewestIsHeardUnderRaces(_ kind: PriceStoreKind) async throws {
        try await kind.withUpdates { store, updates async throws in
            let symbol = Fixture.symbol()
            let heard = Heard([symbol])
            let subscription = updates.subscribe(heard.listener)
            try await heard.until { $0.beginnings == 1 }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<8 {
                    group.addTask {
                        for seq in stride(from: Int64(writer), through: 400, by: 3) {
                            try await store.update([tick(symbol, seq)])
                        }
                    }
                }
                try await group.waitForAll()
            }
            let newest = try #require(try await store.latest(symbol)).seq
            try await heard.until { $0.ticks.contains { $0.seq == newest } }
            await subscription.end()
        }
    }
}

/// What only Redis does: a connection that is lost, channels that anybody may write to.
@Suite struct RedisPriceUpdatesTests {
    private func tick(_ symbol: Symbol, _ seq: Int64) -> PriceTick {
        PriceTick(symbol: symbol, price: Price(units: 5), seq: seq, timestampMillis: 1)
    }

    /// The connection uses a database of its own, by which the server knows it.
    @Test func aLostConnectionIsToldAndMadeAnew() async throws {
        let url = try serverAddress("WEIR_TEST_REDIS_URL") + "/11"
        let store = try PriceStores.open(url)
        let symbol = Fixture.symbol()
        let heard = Heard([symbol])
        let subscription = try PriceStores.updates(url, of: store).subscribe(heard.listener)
        try await heard.until { $0.beginnings == 1 }
        let redis = try RESPClient()
        let line = redis.command("CLIENT", "LIST").split(whereSeparator: \.isNewline).first {
            $0.contains(" db=11 ") && $0.contains(" psub=1")
        }
        let id = try #require(line?.split(separator: " ").first?.split(separator: "=").last)
        #expect(redis.command("CLIENT", "KILL", "ID", String(id)).hasPrefix(":1"))
        try await heard.until { $0.interruptions == 1 && $0.beginnings == 2 }
        try await store.update([tick(symbol, 1)])
        try await heard.until { $0.ticks.count == 1 }
        await subscription.end()
        await store.close()
    }

    @Test func aServerThatIsAwayIsTriedAgainUntilTheEnd() async throws {
        let heard = Heard([])
        let url = "redis://127.0.0.1:1"
        let subscription = try PriceStores.updates(url, of: PriceStores.open(url)).subscribe(heard.listener)
        try await heard.until { $0.interruptions >= 3 }
        await subscription.end()
        #expect(heard.beginnings == 0)
    }

    @Test func whatIsNoPriceIsPassedOver() async throws {
        try await PriceStoreKind.redis.withUpdates { store, updates async throws in
            let symbol = Fixture.symbol()
            let heard = Heard([symbol])
            let subscription = updates.subscribe(heard.listener)
            try await heard.until { $0.beginnings == 1 }
            let redis = try RESPClient()
            for (channel, payload) in [
                (symbol.text, "rubbish"), (symbol.text, ""), ("no symbol", #"{"price":"1.00","seq":1,"ts":1}"#),
                (symbol.text, #"{"price":"-1.00","seq":1,"ts":1}"#), ("", "x"),
            ] { _ = redis.command("PUBLISH", "price_updates:\(channel)", payload) }
            try await store.update([tick(symbol, 2)])
            try await heard.until { $0.ticks.count == 1 }
            #expect(heard.ticks(of: symbol) == [tick(symbol, 2)])
            await subscription.end()
        }
    }
}

/// Collects what a listener is told about some symbols.
private final class Heard: Sendable {
    struct Contents {
        var beginnings = 0
        var interruptions = 0
        var ticks: [PriceTick] = []
    }

    private let contents = Mutex(Contents())
    private let symbols: Set<Symbol>

    init(_ symbols: [Symbol]) { self.symbols = Set(symbols) }

    var listener: PriceListener {
        { update in
            self.contents.withLock { contents in
                switch update {
                case .listening: contents.beginnings += 1
                case .interrupted: contents.interruptions += 1
                case .changed(let ticks): contents.ticks += ticks.filter { self.symbols.contains($0.symbol) }
                }
            }
        }
    }

    var beginnings: Int { contents.withLock { $0.beginnings } }
    func ticks(of symbol: Symbol) -> [PriceTick] { contents.withLock { $0.ticks.filter { $0.symbol == symbol } } }

    /// Waits until `condition` holds, two minutes at most.
    func until(sourceLocation: SourceLocation = #_sourceLocation, _ condition: (Contents) -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(120)
        while !condition(contents.withLock { $0 }) {
            guard ContinuousClock.now < end else {
                let (ticks, beginnings) = contents.withLock { ($0.ticks.count, $0.beginnings) }
                Issue.record("not within two minutes; \(ticks) ticks, \(beginnings) beginnings", sourceLocation: sourceLocation)
                return
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

extension PriceStoreKind {
    /// Runs `body` with a store and its changes.
    func withUpdates(_ body: (any PriceStore, any PriceUpdates) async throws -> Void) async throws {
        try await withStore { store async throws in
            let url = self == .redis ? try serverAddress("WEIR_TEST_REDIS_URL") : "memory:"
            try await body(store, try PriceStores.updates(url, of: store))
        }
    }
}
