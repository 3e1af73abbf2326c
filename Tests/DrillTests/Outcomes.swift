import Testing
import Trading

/// What was put in and what came out, in the order of each topic; the oracle of the drills.
struct Outcomes {
    /// Distinct orders, in the order in which each user first placed them.
    private(set) var placed: [UserID: [OrderID]] = [:]
    private(set) var duplicates = 0
    private var seen: Set<OrderID> = []
    private(set) var trades: [Trade] = []
    private(set) var rejections: [Rejection] = []

    mutating func add(_ order: Order) {
        guard seen.insert(order.orderID).inserted else {
            duplicates += 1
            return
        }
        placed[order.userID, default: []].append(order.orderID)
    }

    mutating func add(_ trade: Trade) { trades.append(trade) }
    mutating func add(_ rejection: Rejection) { rejections.append(rejection) }

    var ordersCount: Int { seen.count }
    var outcomesCount: Int { trades.count + rejections.count }

    /// Every order exactly one outcome; per user and topic in the order of placing.
    func check() {
        var outcomes: Set<OrderID> = []
        for id in trades.map(\.orderID) + rejections.map(\.orderID) {
            #expect(outcomes.insert(id).inserted, "order \(id) has two outcomes")
            #expect(seen.contains(id), "order \(id) was never placed")
        }
        #expect(outcomes.count == seen.count, "\(seen.count - outcomes.count) orders have no outcome")
        checkOrder(trades.map { ($0.userID, $0.orderID) }, "trade_executed")
        checkOrder(rejections.map { ($0.userID, $0.orderID) }, "trade_rejected")
    }

    private func checkOrder(_ outcomes: [(user: UserID, order: OrderID)], _ topic: String) {
        var position: [OrderID: Int] = [:]
        for orders in placed.values { for (index, id) in orders.enumerated() { position[id] = index } }
        var last: [UserID: Int] = [:]
        for (user, order) in outcomes {
            let index = position[order] ?? -1
            #expect(index > last[user] ?? -1, "order \(order) of \(user) is out of order in \(topic)")
            last[user] = index
        }
    }

    /// Opening cash and trades give the portfolios, to the unit.
    func checkConservation(_ finals: [UserID: Portfolio], openingCash: Money) {
        var conservation = Conservation(
            openings: finals.mapValues { _ in Portfolio(cash: openingCash, holdings: [:], version: 1, updatedAtMillis: 0) })
        for trade in trades { conservation.add(trade) }
        let differences = conservation.differences(from: finals)
        #expect(differences.isEmpty, "\(differences.prefix(5))")
    }
}
