import StoreKit
import Testing
import Trading
import TradingStores

@Suite struct GuardedStoreTests {
    @Test func anOutageOpensTheBreakerAndCallsFailAtOnce() async throws {
        // Nobody listens on port 1.
        let store = GuardedPriceStore(try PriceStores.open("redis://127.0.0.1:1"), name: "redis")
        let symbol = Fixture.symbol()
        for _ in 0..<5 {
            let error = await #expect(throws: StoreError.self) { try await store.latest(symbol) }
            #expect(error?.isOutage == true)
        }
        #expect(store.breaker.isOpen)
        let error = await #expect(throws: StoreError.self) { try await store.latest(symbol) }
        #expect(error?.description.contains("held to be down") == true)
        #expect(store.breaker.waitMillis > 0)
        await store.close()
    }

    @Test func conflictsAndBadRequestsAreNoOutage() async throws {
        let store = GuardedPriceStore(MemoryPriceStore(), name: "memory")
        let symbol = Fixture.symbol()
        for _ in 0..<20 {
            await #expect(throws: StoreError.self) {
                try await store.update([PriceTick(symbol: symbol, price: Price(units: 0), seq: 1, timestampMillis: 1)])
            }
        }
        #expect(!store.breaker.isOpen)
        #expect(store.cached(symbol) == nil)
    }
}
