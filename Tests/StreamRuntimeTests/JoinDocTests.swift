import StreamRuntime
import StreamRuntimeTesting
import Testing

/// The examples of docs/joins.md and docs/async.md, as they stand there.
@Suite struct JoinDocTests {
    struct Order: Sendable, Equatable, StateCodable {
        static var stateSchema: String { "doc-order" }
        var id: Int64
        var customer: Int64
        var currency: String
        var amount: Int

        init(id: Int64, customer: Int64 = 0, currency: String = "EUR", amount: Int = 1) {
            self.id = id
            self.customer = customer
            self.currency = currency
            self.amount = amount
        }
        func encode(into writer: inout ByteWriter) {
            writer.integer(id)
            writer.integer(customer)
            currency.encode(into: &writer)
            amount.encode(into: &writer)
        }
        init(from reader: inout ByteReader) throws {
            id = try reader.integer()
            customer = try reader.integer()
            currency = try String(from: &reader)
            amount = try Int(from: &reader)
        }
    }

    struct Shipment: CodableState, Sendable { var order: Int64 }

    struct Rate: CodableState, Sendable {
        var currency: String
        var value: Int
        var isWithdrawn = false
    }

    struct Click: CodableState, Sendable { var customer: Int64 }

    struct Limit: Sendable {
        var currency: String
        var amount: Int
    }

    struct Customers: Sendable {
        func find(_ id: Int64) async throws -> String? { id == 1 ? "Ann" : nil }
    }

    struct Enricher: Sendable {
        func answer(_ order: Order) async throws -> Int { order.amount * 2 }
    }

    @Test func intervalJoin() throws {
        let harness = try PairHarness { (orders: HarnessStream<Order>, shipments: HarnessStream<Shipment>) in
            orders.keyed(by: \.id).joined(with: shipments.keyed(by: \.order))
                .intervalJoin(between: .zero, and: .hours(4))
                .left { order, shipment in shipment == nil ? "\(order.id) not shipped" : "\(order.id) shipped" }
        }
        try harness.pushFirst(Order(id: 1), at: 1000)
        try harness.pushFirst(Order(id: 2), at: 2000)
        try harness.pushSecond(Shipment(order: 2), at: 3000)
        try harness.watermark(1000 + 4 * 3_600_000)
        #expect(harness.output == [Emitted("2 shipped", at: 3000), Emitted("1 not shipped", at: 1000 + 4 * 3_600_000)])
    }

    @Test func windowJoin() throws {
        let harness = try PairHarness { (orders: HarnessStream<Order>, clicks: HarnessStream<Click>) in
            orders.keyed(by: \.customer).joined(with: clicks.keyed(by: \.customer))
                .windowJoin(.session(gap: .minutes(10)))
                .coGroup { group in ["\(group.key): \(group.value.first.count) orders, \(group.value.second.count) clicks"] }
        }
        let minute: Int64 = 60_000
        try harness.pushFirst(Order(id: 1, customer: 7), at: 0)
        try harness.pushSecond(Click(customer: 7), at: 18 * minute)
        try harness.pushSecond(Click(customer: 7), at: 9 * minute)
        try harness.pushFirst(Order(id: 2, customer: 7), at: 40 * minute)
        try harness.watermark(30 * minute)
        #expect(harness.takeOutput() == [Emitted("7: 1 orders, 2 clicks", at: 28 * minute - 1)])
        try harness.finish()
        #expect(harness.takeOutput() == [Emitted("7: 1 orders, 0 clicks", at: 50 * minute - 1)])
    }

    @Test func temporalJoin() throws {
        let harness = try PairHarness { (orders: HarnessStream<Order>, rates: HarnessStream<Rate>) in
            orders.keyed(by: \.currency).joined(with: rates.keyed(by: \.currency))
                .temporalJoin(removedWhen: \.isWithdrawn)
                .inner { order, rate in order.amount * rate.value }
        }
        try harness.pushFirst(Order(id: 1, amount: 3), at: 150)
        try harness.pushFirst(Order(id: 2, amount: 3), at: 250)
        try harness.pushSecond(Rate(currency: "EUR", value: 20), at: 200)
        try harness.pushSecond(Rate(currency: "EUR", value: 10), at: 100)
        try harness.pushSecond(Rate(currency: "EUR", value: 0, isWithdrawn: true), at: 300)
        try harness.pushFirst(Order(id: 3, amount: 3), at: 350)
        try harness.watermark(400)
        #expect(harness.output == [Emitted(30, at: 150), Emitted(60, at: 250)])
    }

    struct ApplyLimit: BroadcastFunction {
        typealias Output = Order
        let limits: BroadcastView<String, Int>

        init(_ context: OperatorContext) throws {
            limits = try context.broadcastView("limits", String.self, Int.self)
        }

        mutating func process<Out: Collector>(_ order: Order, into out: inout Out) throws where Out.Element == Order {
            if order.amount <= limits[order.currency] ?? .max { try out.collect(order) }
        }

        mutating func processBroadcast<Out: Collector>(
            _ limit: Limit, _ writer: BroadcastWriter, into out: inout Out
        ) throws where Out.Element == Order {
            writer.set(limits, limit.currency, to: limit.amount)
        }
    }

    @Test func broadcast() throws {
        let harness = try PairHarness(parallelism: 2) { (orders: HarnessStream<Order>, limits: HarnessStream<Limit>) in
            orders.connected(broadcasting: limits).process { try ApplyLimit($0) }
        }
        try harness.pushSecond(Limit(currency: "EUR", amount: 5))
        for id in Int64(1)...4 { try harness.pushFirst(Order(id: id, amount: Int(id) * 2)) }
        #expect(harness.elements.map(\.id).sorted() == [1, 2])
    }

    struct Deliveries: KeyedPairFunction {
        typealias Output = String
        let ordered: ValueState<Int64, Int64>  // until when it waits for the shipment
        let shipped: ValueState<Int64, Int64>  // when, while it waits for the order

        init(_ state: KeyedStateContext<Int64>) throws {
            ordered = try state.value("ordered", Int64.self)
            shipped = try state.value("shipped", Int64.self)
        }

        mutating func processFirst<Out: Collector>(
            _ order: Order, key id: Int64, _ context: KeyedContext<Int64>, into out: inout Out
        ) throws where Out.Element == String {
            if shipped.remove(id) != nil { return try out.collect("\(id) shipped") }
            let deadline = context.timeMillis(plus: .days(1))
            ordered[id] = deadline
            context.timers.registerEventTime(at: deadline, for: id)
        }

        mutating func processSecond<Out: Collector>(
            _ shipment: Shipment, key id: Int64, _ context: KeyedContext<Int64>, into out: inout Out
        ) throws where Out.Element == String {
            guard let deadline = ordered.remove(id) else { return shipped[id] = context.timeMillis }
            context.timers.deleteEventTime(at: deadline, for: id)
            try out.collect("\(id) shipped")
        }

        mutating func eventTimer<Out: Collector>(
            at millis: Int64, key id: Int64, _ context: KeyedContext<Int64>, into out: inout Out
        ) throws where Out.Element == String {
            if ordered[id] != nil { try out.collect("\(id) overdue") }
        }
    }

    @Test func aFunctionOfYourOwn() throws {
        let harness = try PairHarness(parallelism: 2) { (orders: HarnessStream<Order>, shipments: HarnessStream<Shipment>) in
            orders.keyed(by: \.id).connected(shipments.keyed(by: \.order)).process { try Deliveries($0) }
        }
        try harness.pushFirst(Order(id: 1), at: 1000)
        try harness.pushFirst(Order(id: 2), at: 1000)
        try harness.pushSecond(Shipment(order: 3), at: 2000)
        try harness.pushSecond(Shipment(order: 1), at: 5000)
        try harness.pushFirst(Order(id: 3), at: 1500)
        #expect(harness.takeElements() == ["1 shipped", "3 shipped"])
        try harness.watermark(1000 + 86_400_000)
        #expect(harness.takeOutput() == [Emitted("2 overdue", at: 1000 + 86_400_000)])
    }

    @Test func asyncMap() async throws {
        let desk = Enricher()
        let harness = try OperatorHarness { (orders: HarnessStream<Order>) in
            orders.asyncMap(.unordered, AsyncOptions(capacity: 100, timeout: .seconds(2)), failures: .retry(upTo: 3)) { order in
                try await desk.answer(order)
            }
        }
        try harness.push(Order(id: 1, amount: 21), at: 5)
        try await harness.settle()
        #expect(harness.output == [Emitted(42, at: 5)])
    }

    struct Payment: Sendable {
        var id: Int64
        var amount: Int
        var spentBefore: Int
    }

    struct Bank: Sendable {
        func charge(_ payment: Payment) async throws -> Bool { payment.spentBefore + payment.amount <= 100 }
    }

    struct Charge: KeyedAsyncFunction {
        typealias Output = String
        let bank: Bank
        let spent: DefaultedState<Int64, Int>

        init(_ state: KeyedStateContext<Int64>, bank: Bank) throws {
            self.bank = bank
            spent = try state.value("spent", default: 0)
        }

        mutating func request(_ order: Order, key customer: Int64) -> Payment {
            Payment(id: order.id, amount: order.amount, spentBefore: spent[customer])
        }

        var perform: @Sendable (Payment) async throws -> Bool { { [bank] payment in try await bank.charge(payment) } }

        mutating func complete<Out: Collector>(
            _ order: Order, key customer: Int64, _ isCovered: Bool, into out: inout Out
        ) throws where Out.Element == String {
            if isCovered { spent[customer] += order.amount }
            try out.collect("\(order.id) \(isCovered ? "paid" : "refused"), \(spent[customer]) in all")
        }

        func verdict(on error: any Error, attempt: Int) -> AsyncVerdict {
            .waitOut(reason: "the bank is down", retryAfterMillis: 1000)
        }
    }

    @Test func keyedAsyncProcess() async throws {
        let bank = Bank()
        let harness = try OperatorHarness { (orders: HarnessStream<Order>) in
            orders.keyed(by: \.customer).asyncProcess { try Charge($0, bank: bank) }
        }
        try harness.push(Order(id: 1, customer: 1, amount: 60))
        try harness.push(Order(id: 2, customer: 1, amount: 60))
        try harness.push(Order(id: 3, customer: 1, amount: 40))
        try harness.push(Order(id: 4, customer: 2, amount: 60))
        try await harness.settle()
        let (first, second) = (harness.elements.filter { !$0.hasPrefix("4") }, harness.elements.filter { $0.hasPrefix("4") })
        #expect(first == ["1 paid, 60 in all", "2 refused, 60 in all", "3 paid, 100 in all"])
        #expect(second == ["4 paid, 60 in all"])
    }

    @Test func lookup() async throws {
        let customers = Customers()
        let harness = try OperatorHarness { (orders: HarnessStream<Order>) in
            orders.lookup(by: \.customer, cache: LookupCache(maxEntries: 50_000, ttl: .minutes(5), missingTTL: .seconds(10))) {
                id in
                try await customers.find(id)
            } join: { order, name in
                "\(order.id) of \(name ?? "somebody")"
            }
        }
        try harness.push(Order(id: 1, customer: 1))
        try harness.push(Order(id: 2, customer: 2))
        try await harness.settle()
        #expect(harness.elements == ["1 of Ann", "2 of somebody"])
    }
}
