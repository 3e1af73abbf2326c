import Testing
import Trading
import TradingDrills

@Suite struct OrderOutcomesTests {
    private let user = OrderGenerator.user(1)

    private func order(_ number: Int) throws -> Order {
        Order(
            orderID: OrderID(user: user, idempotencyKey: "\(number)"), userID: user, symbol: try #require(Symbol("AAPL")),
            side: .buy,
            kind: .market, quantity: 1, placedAtMillis: 0)
    }

    private func rejection(_ order: Order) -> Rejection {
        Rejection(of: order, reason: .limitNotMet, detail: "", rejectedAtMillis: 0)
    }

    private func outcomes(placed: [Int], decided: [Int]) throws -> OrderOutcomes {
        var outcomes = OrderOutcomes()
        for number in placed { outcomes.add(try order(number)) }
        for number in decided { outcomes.add(rejection(try order(number))) }
        return outcomes
    }

    @Test func oneOutcomeForEachOrderInOrderIsExactlyOnce() throws {
        let found = try outcomes(placed: [1, 2, 1, 3], decided: [1, 2, 3])
        #expect(found.duplicates == 1)
        #expect(found.findings().isExactlyOnce)
    }

    @Test func anOrderWithoutOutcomeIsLost() throws {
        #expect(try outcomes(placed: [1, 2], decided: [1]).findings().lost == 1)
    }

    @Test func aSecondOutcomeIsADuplicate() throws {
        #expect(try outcomes(placed: [1, 2], decided: [1, 2, 2]).findings().duplicated == 1)
    }

    @Test func outcomesOfAUserOutOfOrderAreReordered() throws {
        #expect(try outcomes(placed: [1, 2, 3], decided: [1, 3, 2]).findings().reordered == 1)
    }

    @Test func anOutcomeOfAnOrderThatNobodyPlacedIsWrong() throws {
        #expect(try outcomes(placed: [1], decided: [1, 9]).findings().wrong == 1)
    }
}
