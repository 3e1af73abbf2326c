import StoreKit
import Testing
import Trading
import TradingStores

/// What every `PortfolioStore` promises while many write at once.
@Suite struct PortfolioStoreConcurrencyTests {
    private static let writers = 16
    private static let ordersEach = 12

    /// Sixteen writers fill orders of one user, each reading again when the version moved. Whoever wins,
    /// money is conserved and every order has exactly one outcome.
    @Test(arguments: PortfolioStoreKind.allCases)
    func sixteenWritersOnOneUserConserveMoney(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            let user = Fixture.user()
            let priceUnits: Int64 = 12_345
            _ = try await store.openAccount(user, cash: Money(units: 100 * priceUnits))
            let trades = try await withThrowingTaskGroup(of: [Trade].self) { group in
                for writer in 0..<Self.writers {
                    group.addTask {
                        var filled: [Trade] = []
                        for index in 0..<Self.ordersEach {
                            let order = Fixture.order(user, "\(writer)-\(index)")
                            if let trade = try await Self.execute(order, on: store, priceUnits) { filled.append(trade) }
                        }
                        return filled
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            // 192 orders for one share each, cash for exactly 100 of them.
            #expect(trades.count == 100)
            let after = try #require(try await store.portfolio(user, consistent: true))
            #expect(after.cash == .zero)
            #expect(after.holdings[Symbol("AAPL")!] == Holding(quantity: 100, cost: Money(units: 100 * priceUnits)))
            #expect(after.version == 101)
        }
    }

    /// Decides and commits until the outcome stands. Nil: refused.
    private static func execute(_ order: Order, on store: any PortfolioStore, _ priceUnits: Int64) async throws -> Trade? {
        for _ in 0..<10_000 {
            let portfolio = try #require(try await store.portfolio(order.userID, consistent: true))
            let commit =
                (try? Fixture.fill(order, portfolio, priceUnits: priceUnits)) ?? Fixture.refuse(order, at: portfolio.version)
            if try await persist(commit, on: store) == .versionMoved { continue }
            guard case .trade(let trade)? = try await store.execution(of: order.orderID)?.outcome else { return nil }
            return trade
        }
        Issue.record("no outcome after 10 000 attempts")
        return nil
    }

    /// Commits until the store has an answer.
    private static func persist(_ commit: ExecutionCommit, on store: any PortfolioStore) async throws -> CommitResult {
        var last = StoreError.timeout("never tried")
        for _ in 0..<1_000 {
            let result = await Result(of: store, commit)
            switch result {
            case .success(let done): return done
            case .failure(let error):
                if !error.isRetryable { throw error }
                last = error
            }
        }
        throw last
    }

    @Test(arguments: PortfolioStoreKind.allCases)
    func oneOfManyRacingOutcomesWins(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            let user = Fixture.user()
            _ = try await store.openAccount(user, cash: Money(units: 1_000_000))
            let portfolio = try #require(try await store.portfolio(user, consistent: true))
            let order = Fixture.order(user, "1")
            let results = try await withThrowingTaskGroup(of: CommitResult.self) { group in
                for writer in 0..<Self.writers {
                    let commit = try Fixture.fill(order, portfolio, priceUnits: Int64(writer + 1), offset: Int64(writer))
                    group.addTask {
                        try await Self.persist(commit, on: store)
                    }
                }
                return try await group.reduce(into: [CommitResult]()) { $0.append($1) }
            }
            let record = try #require(try await store.execution(of: order.orderID))
            #expect(results.filter { $0 == .committed }.count == 1)
            #expect(results.filter { $0 == .executionExists(record) }.count == Self.writers - 1)
            #expect(try await store.portfolio(user, consistent: true)?.version == 2)
        }
    }

    @Test(arguments: PortfolioStoreKind.allCases)
    func anAccountOpensOnceUnderRaces(_ kind: PortfolioStoreKind) async throws {
        try await kind.withStore { store async throws in
            let user = Fixture.user()
            let opened = try await withThrowingTaskGroup(of: Bool.self) { group in
                for writer in 1...Self.writers {
                    group.addTask { try await store.openAccount(user, cash: Money(units: Int64(writer))) }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(opened == 1)
        }
    }
}

extension Result where Success == CommitResult, Failure == StoreError {
    /// A commit's result as a value.
    fileprivate init(of store: any PortfolioStore, _ commit: ExecutionCommit) async {
        do throws(StoreError) {
            self = .success(try await store.commit(commit))
        } catch {
            self = .failure(error)
        }
    }
}
