import Foundation
import Testing
import Trading
import TradingStores

extension AllDrills {
    /// The trading system as it is deployed: a process for each service and job, real servers behind them, orders over
    /// HTTP. Meanwhile processes are killed and servers stand still; what the failure cases (ARCHITECTURE.md) promise is checked
    /// from the outside.
    @Suite struct SystemDrillTests {
        private static let cash = Money(units: 1_000_000 * FixedPoint.unitsPerWhole)

        @Test func everyAcceptedOrderHasOneOutcomeInEveryStore() async throws {
            let system = try await SystemUnderTest(seed: DrillSize.seed)
            try await system.start()
            let crowd = OrderCrowd(
                gateway: system.url(.gateway), users: DrillSize.pick(10, 50), orders: DrillSize.pick(800, 20_000),
                seed: DrillSize.seed)
            try await crowd.openAccounts()
            try await system.admitOutsider(cash: Self.cash)

            let trouble = SystemTrouble(system, seed: DrillSize.seed)
            let placed = try await withThrowingTaskGroup(of: OrderCrowd.Placed?.self) { group in
                group.addTask { try await crowd.placeAll { !trouble.isPlanDone } }
                group.addTask {
                    try await trouble.makeUntilCancelled()
                    return nil
                }
                defer { group.cancelAll() }
                while let placed = try await group.next() { if let placed { return placed } }
                throw DrillFailure("nothing was placed")
            }
            trouble.calm()
            #expect(placed.mistaken == [], "answers that contradict the contract")
            let accepted = placed.orders.union(trouble.published)

            let outcomes = try await system.outcomes(of: accepted)
            outcomes.findings(of: accepted).check()
            let reasons = Dictionary(grouping: outcomes.rejections, by: \.reason).mapValues(\.count)
            #expect(!outcomes.trades.isEmpty, "a drill in which nothing is bought shows little: \(reasons)")
            let portfolios = try system.portfolios()
            outcomes.checkConservation(try await portfolios.allPortfolios(), openingCash: Self.cash)
            await portfolios.close()
            try await system.checkCopies(of: outcomes)
            try await crowd.checkAnswers(outcomes)
            try await system.stop()
            print(
                """
                system drill (seed \(DrillSize.seed)): \(accepted.count) orders accepted of \(placed.requests) requests, \
                \(outcomes.trades.count) trades, \(outcomes.rejections.count) rejections \(reasons); \(trouble.summary)
                """)
        }
    }
}
