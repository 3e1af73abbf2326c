import Drills
import Trading

/// What users placed and what became of it, in the order of each topic: the oracle of the trading drills. Pure; memory follows
/// the orders (about 100 bytes each).
public struct OrderOutcomes: Sendable {
    /// Of each user, where an order stands among the user's.
    private var positions: [OrderID: Int] = [:]
    private var placedCounts: [UserID: Int] = [:]
    /// Order records that were an earlier order again.
    public private(set) var duplicates = 0
    public private(set) var trades: [Trade] = []
    public private(set) var rejections: [Rejection] = []

    public init() {}

    public mutating func add(_ order: Order) {
        let position = placedCounts[order.userID] ?? 0
        guard positions[order.orderID] == nil else {
            duplicates += 1
            return
        }
        positions[order.orderID] = position
        placedCounts[order.userID] = position + 1
    }

    public mutating func add(_ trade: Trade) { trades.append(trade) }
    public mutating func add(_ rejection: Rejection) { rejections.append(rejection) }

    /// Distinct orders.
    public var ordersCount: Int { positions.count }
    public var outcomesCount: Int { trades.count + rejections.count }

    /// Every order that was added has exactly one outcome; per user and topic in the order of placing.
    public func findings() -> DrillFindings {
        var findings = findings(of: Set(positions.keys))
        checkOrder(trades.map { ($0.userID, $0.orderID) }, "trade_executed", &findings)
        checkOrder(rejections.map { ($0.userID, $0.orderID) }, "trade_rejected", &findings)
        return findings
    }

    /// Every one of `orders` has exactly one outcome, and there are no others.
    public func findings(of orders: Set<OrderID>) -> DrillFindings {
        var findings = DrillFindings(inputs: orders.count, outputs: outcomesCount)
        var decided: Set<OrderID> = []
        for id in trades.map(\.orderID) + rejections.map(\.orderID) {
            if !decided.insert(id).inserted {
                findings.duplicated += 1
                findings.note("order \(id) has two outcomes")
            } else if !orders.contains(id) {
                findings.wrong += 1
                findings.note("order \(id) has an outcome and was never placed")
            }
        }
        for id in orders where !decided.contains(id) {
            findings.lost += 1
            findings.note("order \(id) has no outcome")
        }
        return findings
    }

    private func checkOrder(_ outcomes: [(user: UserID, order: OrderID)], _ topic: String, _ findings: inout DrillFindings) {
        var last: [UserID: Int] = [:]
        for (user, order) in outcomes {
            guard let position = positions[order] else { continue }
            if let before = last[user], position < before {
                findings.reordered += 1
                findings.note("order \(order) of \(user) is out of order in \(topic)")
            }
            last[user] = max(position, last[user] ?? position)
        }
    }

    /// What does not add up: openings and trades must give the portfolios, to the unit.
    public func differences(_ finals: [UserID: Portfolio], openings: [UserID: Portfolio]) -> [Conservation.Difference] {
        var conservation = Conservation(openings: openings)
        for trade in trades { conservation.add(trade) }
        return conservation.differences(from: finals)
    }
}
