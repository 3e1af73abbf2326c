import ConnectorLog
import Foundation
import Jobs
import Trading
import TradingStores
import WeirKit

/// What a system at rest holds, and whether it adds up: opening cash plus committed trades must give every
/// portfolio, to the unit; every order has exactly one outcome at most.
struct Audit {
    var orders = 0
    var distinctOrders = 0
    var trades = 0
    var rejections = 0
    var deadLetters = 0
    var doubledOutcomes = 0
    /// Orders with more than one outcome.
    var doubled: Set<OrderID> = []
    /// Orders read from the topic that have no outcome yet.
    var waiting: [OrderID] = []
    var spent: Money?
    var earned: Money?
    /// Of users who can be judged.
    var differences: [Conservation.Difference] = []
    /// Users whose portfolios are ahead of the trades, by orders that have no outcome yet.
    var ahead: Set<UserID> = []
    var users = 0
    var copies = TradeCopies()

    var isConserved: Bool { differences.isEmpty && doubledOutcomes == 0 && copies.isConsistent }

    private static let topics = TradingTopics()
    /// Orders that are named, of many.
    private static let namedMax = 10

    /// Reads the embedded log and the portfolio store; nothing else may be writing.
    static func run(_ resources: TradingResources) async throws -> Audit {
        guard case .log(let store) = try resources.transport() else {
            throw CommandFailure("the audit reads the embedded log; the transport is \(resources.transportURL)")
        }
        var audit = Audit()
        audit.copies = TradeCopies(resources)
        let finals = try await resources.portfolios().allPortfolios()
        let cash = try resources.startingCash()
        var conservation = Conservation(
            openings: finals.mapValues { _ in Portfolio(cash: cash) })
        var outcomes: Set<OrderID> = []
        var orders: [OrderID: UserID] = [:]
        try forEach(store, topics.orders) { value, _, _ in
            audit.orders += 1
            if let order = try? Order.decode(value) { orders[order.orderID] = order.userID }
        }
        try forEach(store, topics.executed) { value, partition, offset in
            let trade = try Trade.decode(value)
            audit.trades += 1
            if !outcomes.insert(trade.orderID).inserted { audit.countDoubled(trade.orderID) }
            conservation.add(trade)
            audit.copies.add(trade, partition: partition, offset: offset)
        }
        try forEach(store, topics.rejected) { value, _, _ in
            let rejection = try Rejection.decode(value)
            audit.rejections += 1
            if !outcomes.insert(rejection.orderID).inserted { audit.countDoubled(rejection.orderID) }
        }
        try forEach(store, TradingTopics.deadLetters(of: topics.orders)) { _, _, _ in audit.deadLetters += 1 }
        try forEach(store, TradingTopics.deadLetters(of: topics.executed)) { _, _, _ in audit.copies.addDeadLetter() }
        try await audit.copies.read(resources)
        audit.distinctOrders = orders.count
        audit.users = finals.count
        audit.spent = conservation.spent
        audit.earned = conservation.earned
        let undecided = orders.filter { !outcomes.contains($0.key) }
        audit.waiting = undecided.keys.sorted()
        (audit.differences, audit.ahead) = conservation.judge(
            finals, waiting: undecided.values.reduce(into: [:]) { $0[$1, default: 0] += 1 })
        return audit
    }

    private mutating func countDoubled(_ order: OrderID) {
        doubledOutcomes += 1
        doubled.insert(order)
    }

    private static func forEach(
        _ store: LogStore, _ topic: String,
        _ body: (_ value: UnsafeRawBufferPointer, _ partition: Int32, _ offset: Int64) throws -> Void
    ) throws {
        guard let found = try store.topic(topic) else { return }
        for partition in 0..<found.partitions {
            let id = LogTopicPartition(topic: topic, partition: partition)
            let reader = try store.reader(id, at: try store.offsets(id).lowerBound)
            while let record = try reader.next() {
                try body(record.value ?? UnsafeRawBufferPointer(start: nil, count: 0), partition, record.offset)
            }
        }
    }

    private var undecidedText: String {
        if waiting.isEmpty { return ", all decided" }
        return ", \(waiting.count) still waiting in \(Self.topics.orders) (the next run decides them)"
    }

    /// The first of `orders`, by their ids; no line when there are none.
    private static func named(_ what: String, _ orders: [OrderID]) -> [String] {
        guard !orders.isEmpty else { return [] }
        let more = orders.count > namedMax ? " and \(orders.count - namedMax) more" : ""
        return ["  \(what): \(orders.prefix(namedMax).map(\.description).joined(separator: ", "))\(more)"]
    }

    private var conservationText: String {
        guard differences.isEmpty, doubledOutcomes == 0 else {
            return "VIOLATED: \(differences.count) difference(s), \(doubledOutcomes) doubled outcome(s)"
        }
        guard ahead.isEmpty else {
            return "not decided yet for \(ahead.count) portfolios, which are ahead by orders that wait for their outcome; holds "
                + "for the other \(users - ahead.count), to the unit"
        }
        return "holds for all \(users) portfolios, to the unit"
    }

    var text: String {
        var lines =
            [
                "",
                "orders       \(orders) records, \(distinctOrders) distinct\(undecidedText)",
            ] + Self.named("waiting", waiting) + [
                "outcomes     \(trades) trades, \(rejections) rejections, \(doubledOutcomes) doubled, \(deadLetters) undecodable"
            ] + Self.named("decided more than once", doubled.sorted()) + [
                "cash         spent \(spent.map { "\($0)" } ?? "beyond Int64"), earned \(earned.map { "\($0)" } ?? "beyond Int64")",
                "conservation \(conservationText)",
            ] + copies.lines
        for difference in differences.prefix(20) { lines.append("  \(difference)") }
        return lines.joined(separator: "\n")
    }
}

extension Portfolio {
    /// As `openAccount` makes it.
    init(cash: Money) { self.init(cash: cash, holdings: [:], version: 1, updatedAtMillis: 0) }
}
