import ConnectorElasticsearch
import Foundation
import StoreKit
import TestKit
import TestServers
import Testing
import Trading
import TradingStores

/// What every `TradeHistoryStore` promises, run against each.
@Suite struct TradeHistoryConformanceTests {
    /// Records and waits until searches see it: `count` refreshes.
    private func record(_ trades: [Trade], in store: any TradeHistoryStore) async throws {
        #expect(try await store.record(trades).isEmpty)
        _ = try await store.count()
    }

    private func found(_ store: any TradeHistoryStore, _ query: TradeQuery) async throws -> [Trade] {
        try await store.search(query).trades
    }

    @Test func aDamagedFileIsRefusedWithTheRemedy() throws {
        let folder = TemporaryFolder()
        let path = "\(folder.path)/history.sqlite"
        try Data(repeating: 0x58, count: 8192).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: StoreError.self) { try TradeHistoryStores.open("sqlite://\(path)") }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains(path) && text.contains("move it away") && text.contains("history-and-analytics.md"), "\(text)")
    }

    @Test(arguments: TradeHistoryKind.allCases) func provisioningTwiceMakesThingsOnce(_ kind: TradeHistoryKind) async throws {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            #expect(try await store.provision().isEmpty)
            #expect(try await store.count() == 0)
            #expect(try await store.search(TradeQuery(user: Fixture.user())) == TradePage(trades: [], next: nil))
        }
    }

    @Test(arguments: TradeHistoryKind.allCases) func aTradeIsStoredOnceAndComesBackExactly(_ kind: TradeHistoryKind) async throws
    {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            let user = Fixture.user()
            let large = Fixture.trade(user, "large", .sell, quantity: 1_000_000_000, priceUnits: 9_000_000_001)
            let small = Fixture.trade(user, "small", quantity: 1, priceUnits: 1, at: Fixture.may2026 + 1)
            try await record([large, small], in: store)
            try await record([small, large], in: store)
            #expect(try await store.count() == 2)
            #expect(try await found(store, TradeQuery(user: user)) == [small, large])
        }
    }

    @Test(arguments: TradeHistoryKind.allCases) func everyConditionRestricts(_ kind: TradeHistoryKind) async throws {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            let (ann, bob) = (Fixture.user(), Fixture.user())
            let start = Fixture.may2026
            let apple = Fixture.trade(ann, "1", symbol: "AAPL", at: start)
            let berkshire = Fixture.trade(ann, "2", symbol: "BRK.B", .sell, at: start + 1)
            let june = Fixture.trade(ann, "3", symbol: "AAPL", .sell, at: start + 40 * 86_400_000)
            try await record([apple, berkshire, june, Fixture.trade(bob, "1")], in: store)
            var query = TradeQuery(user: ann)
            #expect(try await found(store, query) == [june, berkshire, apple], "over months, latest first, only Ann's")
            query.symbol = Symbol("BRK.B")
            #expect(try await found(store, query) == [berkshire])
            query.symbol = Symbol("AAPL")
            query.side = .sell
            #expect(try await found(store, query) == [june])
            query = TradeQuery(user: ann)
            query.fromMillis = start + 1
            query.toMillis = june.executedAtMillis
            #expect(try await found(store, query) == [berkshire], "from is inclusive, to is not")
        }
    }

    @Test(arguments: TradeHistoryKind.allCases) func allWordsMustOccur(_ kind: TradeHistoryKind) async throws {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            let user = Fixture.user()
            let bought = Fixture.trade(user, "1", symbol: "BRK.B", at: Fixture.may2026)
            let sold = Fixture.trade(user, "2", symbol: "MSFT", .sell, at: Fixture.may2026 + 1)
            try await record([bought, sold], in: store)
            func search(_ text: String) async throws -> [Trade] {
                var query = TradeQuery(user: user)
                query.text = text
                return try await found(store, query)
            }
            #expect(try await search("brk.b Buy") == [bought])
            #expect(try await search("MSFT buy").isEmpty)
            #expect(try await search(sold.orderID.description) == [sold])
            #expect(try await search("sell \(sold.tradeID.description.prefix(8).uppercased())") == [sold])
            #expect(try await search("  \"-* ") == [sold, bought], "no word, no condition")
            #expect(try await search("OR NOT near").isEmpty, "words are never operators")
            #expect(try await search("buy สวัสดี").isEmpty, "no trade has a word that is not ASCII")
        }
    }

    @Test(arguments: TradeHistoryKind.allCases) func pagesFollowOneAnotherWithoutGapsOrRepeats(
        _ kind: TradeHistoryKind
    ) async throws {
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            let user = Fixture.user()
            // Many of one millisecond: ties are where pages break.
            let trades = (0..<25).map { Fixture.trade(user, "\($0)", at: Fixture.may2026 + Int64($0 / 9)) }
            try await record(trades.shuffled(), in: store)
            var query = TradeQuery(user: user, limit: 4)
            var seen: [Trade] = []
            var pages = 0
            while pages < 20 {
                let page = try await store.search(query)
                #expect(page.trades.count <= 4)
                seen += page.trades
                pages += 1
                guard let next = page.next else { break }
                query.after = next
            }
            let expected = trades.sorted { ($0.executedAtMillis, $0.tradeID) > ($1.executedAtMillis, $1.tradeID) }
            #expect(seen == expected)
            #expect(pages == 7)
            query = TradeQuery(user: user, limit: 25)
            #expect(try await store.search(query).next == nil, "a page that is just full is the last one")
        }
    }

    @Test(arguments: TradeHistoryKind.allCases) func aPageWithoutALimitIsRefused(_ kind: TradeHistoryKind) async throws {
        try await kind.withStore { store async throws in
            for limit in [0, TradeQuery.limitMax + 1] {
                await #expect(throws: StoreError.self) {
                    _ = try await store.search(TradeQuery(user: Fixture.user(), limit: limit))
                }
            }
        }
    }

    /// Random trades and questions, answered as the model answers.
    @Test(arguments: [TradeHistoryKind.sqlite, .elasticsearch, .opensearch])
    func answersAreThoseOfTheModel(_ kind: TradeHistoryKind) async throws {
        var random = SplitMix64(seed: 5)
        let users = (0..<3).map { _ in Fixture.user() }
        let symbols = ["AAPL", "MSFT", "BRK.B"]
        let trades = (0..<300).map { index in
            Fixture.trade(
                users.randomElement(using: &random)!, "\(index)", symbol: symbols.randomElement(using: &random)!,
                Bool.random(using: &random) ? .buy : .sell, quantity: .random(in: 1...9, using: &random),
                at: Fixture.may2026 + .random(in: 0...5000, using: &random))
        }
        let model = try TradeHistoryStores.open("memory:")
        _ = try await model.record(trades)
        let questions = (0..<60).map { _ in
            var query = TradeQuery(user: users.randomElement(using: &random)!, limit: .random(in: 1...40, using: &random))
            if Bool.random(using: &random) { query.symbol = Symbol(symbols.randomElement(using: &random)!) }
            if Bool.random(using: &random) { query.side = Bool.random(using: &random) ? .buy : .sell }
            if Bool.random(using: &random) { query.fromMillis = Fixture.may2026 + .random(in: 0...3000, using: &random) }
            if Bool.random(using: &random) { query.toMillis = Fixture.may2026 + .random(in: 1000...6000, using: &random) }
            if Bool.random(using: &random) { query.text = ["buy", "aapl", "b sell"].randomElement(using: &random)! }
            return query
        }
        try await kind.withStore { store async throws in
            _ = try await store.provision()
            for part in trades.chunks(of: 70) { try await record(part, in: store) }
            #expect(try await store.count() == trades.count)
            for query in questions {
                #expect(try await store.search(query) == model.search(query), "\(query)")
            }
        }
    }
}

/// What only the Elasticsearch adapter does.
@Suite struct ElasticsearchTradeHistoryTests {
    private static let servers: [TestServer] = [.elasticsearch, .opensearch]

    @Test(arguments: servers) func tradesLieInTheIndexOfTheirMonthBehindTheAlias(_ server: TestServer) async throws {
        let alias = freshName()
        let store = try TradeHistoryStores.open("\(try server.url())?index=\(alias)")
        #expect(try await store.provision() == ["index template \(alias)"])
        let user = Fixture.user()
        let times: [Int64] = [1_709_251_199_999, 1_709_251_200_000, 1_735_689_599_999, 1_735_689_600_000]
        _ = try await store.record(times.enumerated().map { Fixture.trade(user, "\($0)", at: $1) })
        #expect(try await store.count() == 4)
        let client = try ElasticsearchClient(try server.url())
        for (month, count) in ["2024.02": 1, "2024.03": 1, "2024.12": 1, "2025.01": 1] {
            let (_, answer) = try await client.call(.get, "/\(alias)-\(month)/_count")
            let object = try JSONSerialization.jsonObject(with: answer) as? [String: Any]
            #expect(object?["count"] as? Int == count, "\(month)")
        }
        await client.close()
        await store.close()
    }

    @Test(arguments: servers) func aTradeTheMappingForbidsIsGivenBackWithTheServersWords(_ server: TestServer) async throws {
        let alias = freshName()
        let store = try TradeHistoryStores.open("\(try server.url())?index=\(alias)")
        let client = try ElasticsearchClient(try server.url())
        let mapping = #"{"mappings":{"properties":{"symbol":{"type":"long"}}}}"#
        _ = try await client.call(.put, "/\(alias)-2026.05", body: Data(mapping.utf8))
        let user = Fixture.user()
        let refused = try await store.record([
            Fixture.trade(user, "1", symbol: "AAPL"), Fixture.trade(user, "2", symbol: "42"),
        ])
        #expect(refused.map(\.trade.symbol.text) == ["AAPL"])
        #expect(refused.first?.reason.isEmpty == false)
        await client.close()
        await store.close()
    }

    @Test func anIndexThatCannotBeOneIsRefused() {
        for name in ["Trades", "-trades", "a,b", "a*"] {
            #expect(throws: StoreError.self, "\(name)") { try TradeHistoryStores.open("elasticsearch://127.0.0.1?index=\(name)") }
        }
    }
}
