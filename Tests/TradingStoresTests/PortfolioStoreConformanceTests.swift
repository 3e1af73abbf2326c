import StoreKit
import Testing
import Trading
import TradingStores

/// What every `PortfolioStore` promises, run against each.
@Suite struct PortfolioStoreConformanceTests {
    private static let opening = Money(units: 10_000_000)

    @Test(arguments: PortfolioStoreKind.allCases)
    func anAccountOpensOnce(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            let user = Fixture.user()
            #expect(try await store.portfolio(user, consistent: true) == nil)
            #expect(try await store.openAccount(user, cash: Self.opening, nowMillis: 77))
            #expect(try await !store.openAccount(user, cash: .zero, nowMillis: 78))
            let expected = Portfolio(cash: Self.opening, version: 1, updatedAtMillis: 77)
            #expect(try await store.portfolio(user, consistent: true) == expected)
            #expect(try await store.portfolio(user, consistent: false) == expected)
            await #expect(throws: StoreError.self) { try await store.openAccount(Fixture.user(), cash: Money(units: -1)) }
        }
    }

    @Test(arguments: PortfolioStoreKind.allCases)
    func aTradeChangesThePortfolioAndIsRemembered(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            let user = Fixture.user()
            _ = try await store.openAccount(user, cash: Self.opening)
            let portfolio = try #require(try await store.portfolio(user, consistent: true))
            let buy = try Fixture.fill(Fixture.order(user, "1", quantity: 7, symbol: "BRK.B"), portfolio, priceUnits: 33_333)
            #expect(try await store.commit(buy) == .committed)
            #expect(try await store.portfolio(user, consistent: true) == buy.newPortfolio)
            #expect(try await store.execution(of: buy.orderID) == buy.record)

            let sell = try Fixture.fill(
                Fixture.order(user, "2", .sell, quantity: 7, symbol: "BRK.B"), try #require(buy.newPortfolio))
            #expect(try await store.commit(sell) == .committed)
            let after = try #require(try await store.portfolio(user, consistent: true))
            #expect(after == sell.newPortfolio)
            #expect(after.holdings.isEmpty)
            #expect(after.version == 3)
        }
    }

    @Test(arguments: PortfolioStoreKind.allCases)
    func theFirstOutcomeIsEchoedToEveryLaterCommit(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            let user = Fixture.user()
            _ = try await store.openAccount(user, cash: Self.opening)
            let portfolio = try #require(try await store.portfolio(user, consistent: true))
            let order = Fixture.order(user, "1")
            let first = try Fixture.fill(order, portfolio, offset: 10)
            #expect(try await store.commit(first) == .committed)

            // The same record again (the version has moved too: the outcome comes first), another record,
            // another verdict, a rejection that needs no portfolio.
            #expect(try await store.commit(first) == .executionExists(first.record))
            let current = try #require(first.newPortfolio)
            #expect(
                try await store.commit(try Fixture.fill(order, current, priceUnits: 1, offset: 11))
                    == .executionExists(first.record))
            #expect(try await store.commit(Fixture.refuse(order, at: 2, offset: 12)) == .executionExists(first.record))
            #expect(try await store.commit(Fixture.refuse(order, at: nil, offset: 12)) == .executionExists(first.record))
            let independent = IndependentRejection(
                Fixture.rejection(order, .limitNotMet), source: Fixture.position(13), expiresAtMillis: Fixture.farFuture)
            #expect(try await store.record(independent) == .executionExists(first.record))
            #expect(try await store.portfolio(user, consistent: true) == current)
        }
    }

    @Test(arguments: PortfolioStoreKind.allCases)
    func aStaleVersionChangesNothing(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            let user = Fixture.user()
            _ = try await store.openAccount(user, cash: Self.opening)
            let portfolio = try #require(try await store.portfolio(user, consistent: true))
            let first = try Fixture.fill(Fixture.order(user, "1"), portfolio)
            #expect(try await store.commit(first) == .committed)
            let stale = try Fixture.fill(Fixture.order(user, "2"), portfolio)
            #expect(try await store.commit(stale) == .versionMoved)
            #expect(try await store.commit(Fixture.refuse(Fixture.order(user, "3"), at: 1)) == .versionMoved)
            #expect(try await store.commit(Fixture.refuse(Fixture.order(user, "4"), at: nil)) == .versionMoved)
            #expect(try await store.portfolio(user, consistent: true) == first.newPortfolio)
            for key in ["2", "3", "4"] {
                #expect(try await store.execution(of: OrderID(user: user, idempotencyKey: key)) == nil)
            }
        }
    }

    @Test(arguments: PortfolioStoreKind.allCases)
    func aRejectionLeavesThePortfolioAlone(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            let user = Fixture.user()
            _ = try await store.openAccount(user, cash: Self.opening, nowMillis: 5)
            let refused = Fixture.refuse(Fixture.order(user, "1"), at: 1)
            #expect(try await store.commit(refused) == .committed)
            #expect(try await store.execution(of: refused.orderID) == refused.record)
            #expect(
                try await store.portfolio(user, consistent: true) == Portfolio(cash: Self.opening, version: 1, updatedAtMillis: 5)
            )
        }
    }

    @Test(arguments: PortfolioStoreKind.allCases)
    func anUnknownUserIsRefusedOnlyWhileUnknown(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            let user = Fixture.user()
            let refused = Fixture.refuse(Fixture.order(user, "1"), at: nil)
            #expect(try await store.commit(refused) == .committed)
            #expect(try await store.commit(refused) == .executionExists(refused.record))
            #expect(try await store.portfolio(user, consistent: true) == nil)
            _ = try await store.openAccount(user, cash: Self.opening)
            #expect(try await store.commit(Fixture.refuse(Fixture.order(user, "2"), at: nil)) == .versionMoved)
            let trade = try Fixture.fill(Fixture.order(Fixture.user(), "1"), Portfolio(cash: Self.opening))
            #expect(try await store.commit(trade) == .versionMoved)
        }
    }

    @Test(arguments: PortfolioStoreKind.allCases)
    func anIndependentRejectionIsRecordedOnce(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            let order = Fixture.order(Fixture.user(), "1", quantity: 0)
            func independent(_ offset: Int64, _ reason: RejectionReason) -> IndependentRejection {
                IndependentRejection(
                    Fixture.rejection(order, reason), source: Fixture.position(offset), expiresAtMillis: Fixture.farFuture)
            }
            let first = independent(1, .invalidOrder)
            #expect(try await store.record(first) == .committed)
            #expect(try await store.record(independent(2, .stalePrice)) == .executionExists(first.record))
            #expect(try await store.execution(of: order.orderID) == first.record)
        }
    }

    @Test(arguments: PortfolioStoreKind.allCases)
    func readersJudgeExpiryThemselves(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            let order = Fixture.order(Fixture.user(), "1")
            let rejection = IndependentRejection(
                Fixture.rejection(order), source: Fixture.position(1), expiresAtMillis: Fixture.farFuture)
            #expect(try await store.record(rejection) == .committed)
            #expect(try await store.execution(of: order.orderID, nowMillis: Fixture.farFuture - 1) == rejection.record)
            #expect(try await store.execution(of: order.orderID, nowMillis: Fixture.farFuture) == nil)
        }
    }

    @Test(arguments: PortfolioStoreKind.allCases)
    func contradictoryCommitsAreRefused(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            let user = Fixture.user()
            _ = try await store.openAccount(user, cash: Self.opening)
            let portfolio = try #require(try await store.portfolio(user, consistent: true))
            let good = try Fixture.fill(Fixture.order(user, "1"), portfolio)
            let contradictory = [
                ExecutionCommit(expectedVersion: 1, newPortfolio: nil, record: good.record),
                ExecutionCommit(expectedVersion: nil, newPortfolio: good.newPortfolio, record: good.record),
                ExecutionCommit(expectedVersion: 7, newPortfolio: good.newPortfolio, record: good.record),
                ExecutionCommit(
                    expectedVersion: 1, newPortfolio: good.newPortfolio,
                    record: Fixture.refuse(Fixture.order(user, "2"), at: 1).record),
            ]
            for commit in contradictory {
                await #expect(throws: StoreError.self) { try await store.commit(commit) }
            }
            #expect(try await store.portfolio(user, consistent: true) == portfolio)
        }
    }

    @Test(arguments: PortfolioStoreKind.allCases)
    func extremesOfSixtyFourBitsStayExact(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            let user = Fixture.user()
            _ = try await store.openAccount(user, cash: Money(units: .max), nowMillis: .max)
            #expect(try await store.portfolio(user, consistent: true)?.cash.units == .max)
            let portfolio = try #require(try await store.portfolio(user, consistent: true))
            let huge = try Fixture.fill(Fixture.order(user, "1", quantity: 1_000_000_000), portfolio, priceUnits: 9_223_372_036)
            #expect(try await store.commit(huge) == .committed)
            #expect(try await store.portfolio(user, consistent: true) == huge.newPortfolio)
        }
    }

    @Test(arguments: PortfolioStoreKind.allCases)
    func allPortfoliosAreListed(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            var expected: [UserID: Portfolio] = [:]
            for index in 1...30 as ClosedRange<Int64> {
                let user = Fixture.user()
                _ = try await store.openAccount(user, cash: Money(units: index), nowMillis: index)
                expected[user] = Portfolio(cash: Money(units: index), version: 1, updatedAtMillis: index)
            }
            #expect(try await store.allPortfolios() == expected)
        }
    }

    @Test(arguments: PortfolioStoreKind.allCases)
    func aClosedStoreSaysSo(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            guard kind != .memory else { return }
            await store.close()
            await store.close()
            let error = await #expect(throws: StoreError.self) {
                try await store.openAccount(Fixture.user(), cash: .zero)
            }
            #expect(error?.isRetryable == true)
        }
    }
}
