import StoreKit
import Testing
import Trading
import TradingStores

/// What every `PriceStore` promises, run against each.
@Suite struct PriceStoreConformanceTests {
    private func tick(_ symbol: Symbol, _ seq: Int64, _ units: Int64? = nil) -> PriceTick {
        PriceTick(symbol: symbol, price: Price(units: units ?? seq + 1), seq: seq, timestampMillis: seq * 10)
    }

    @Test(arguments: PriceStoreKind.allCases)
    func onlyNewerPricesAreStored(_ kind: PriceStoreKind) async throws {
        try await kind.withStore { store async throws in
            let symbol = Fixture.symbol()
            #expect(try await store.latest(symbol) == nil)
            #expect(try await store.update([tick(symbol, 9)]) == 1)
            #expect(try await store.update([tick(symbol, 9, 777), tick(symbol, 8)]) == 0)
            #expect(try await store.latest(symbol) == tick(symbol, 9).pricedAt)
            #expect(try await store.update([tick(symbol, 10), tick(symbol, 11), tick(symbol, 10)]) == 2)
            #expect(try await store.latest(symbol) == tick(symbol, 11).pricedAt)
        }
    }

    /// Neighbours beyond 2^53, where doubles cannot tell them apart.
    @Test(arguments: PriceStoreKind.allCases)
    func largeSequenceNumbersStayExact(_ kind: PriceStoreKind) async throws {
        try await kind.withStore { store async throws in
            let symbol = Fixture.symbol()
            let large: Int64 = 1_700_000_000_000_000_001
            func priced(_ seq: Int64) -> PriceTick {
                PriceTick(symbol: symbol, price: Price(units: 5), seq: seq, timestampMillis: 1)
            }
            #expect(try await store.update([priced(large)]) == 1)
            #expect(try await store.update([priced(large - 1)]) == 0)
            #expect(try await store.update([priced(large + 1)]) == 1)
            #expect(try await store.update([priced(.max)]) == 1)
            #expect(try await store.latest(symbol)?.seq == .max)
        }
    }

    @Test(arguments: PriceStoreKind.allCases)
    func severalSymbolsAreReadAtOnce(_ kind: PriceStoreKind) async throws {
        try await kind.withStore { store async throws in
            let symbols = (0..<5).map { _ in Fixture.symbol() }
            #expect(try await store.update(symbols.prefix(4).enumerated().map { tick($1, Int64($0)) }) == 4)
            let found = try await store.latest(symbols)
            #expect(found.count == 4)
            #expect(found[symbols[3]] == tick(symbols[3], 3).pricedAt)
            #expect(try await store.latest([Symbol]()).isEmpty)
            #expect(try await store.update([]) == 0)
        }
    }

    @Test(arguments: PriceStoreKind.allCases)
    func senselessTicksAreRefusedWhole(_ kind: PriceStoreKind) async throws {
        try await kind.withStore { store async throws in
            let symbol = Fixture.symbol()
            for bad in [tick(symbol, 1, 0), tick(symbol, 1, -5), tick(symbol, -1, 5)] {
                await #expect(throws: StoreError.self) { try await store.update([tick(symbol, 2), bad]) }
            }
            #expect(try await store.latest(symbol) == nil)
        }
    }

    /// Sixteen writers hand in the same ticks in different orders: the newest stays.
    @Test(arguments: PriceStoreKind.allCases)
    func theNewestWinsUnderRaces(_ kind: PriceStoreKind) async throws {
        try await kind.withStore { store async throws in
            let symbol = Fixture.symbol()
            let ticks = (1...200).map { tick(symbol, Int64($0)) }
            let newer = try await withThrowingTaskGroup(of: Int.self) { group in
                for writer in 0..<16 {
                    group.addTask {
                        var random = SplitMix64(seed: UInt64(writer))
                        var count = 0
                        for part in ticks.shuffled(using: &random).chunks(of: 10) { count += try await store.update(part) }
                        return count
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(try await store.latest(symbol) == tick(symbol, 200).pricedAt)
            #expect((1...200).contains(newer))
        }
    }
}

extension Array {
    /// The elements in arrays of `count`, the last one shorter.
    func chunks(of count: Int) -> [[Element]] {
        stride(from: 0, to: self.count, by: count).map { Array(self[$0..<Swift.min($0 + count, self.count)]) }
    }
}
