import Drills
import Testing
import Trading
import TradingDrills

extension DrillFindings {
    func check() { #expect(isExactlyOnce, "\(summary): \(details.joined(separator: "; "))") }
}

extension OrderOutcomes {
    /// Opening cash and trades give the portfolios, to the unit.
    func checkConservation(_ finals: [UserID: Portfolio], openingCash: Money) {
        let openings = finals.mapValues { _ in Portfolio(cash: openingCash, holdings: [:], version: 1, updatedAtMillis: 0) }
        let found = differences(finals, openings: openings)
        #expect(found.isEmpty, "\(found.prefix(5))")
    }
}
