import Services
import Testing

@Suite struct RetryBudgetTests {
    @Test func retriesAreATenthOfRequestsAndAFewAtOnce() {
        var budget = RetryBudget()
        var granted = 0
        while budget.withdraw() { granted += 1 }
        #expect(granted == 10)
        for _ in 0..<1000 {
            budget.deposit()
            if budget.withdraw() { granted += 1 }
        }
        #expect((105...111).contains(granted))
    }
}
