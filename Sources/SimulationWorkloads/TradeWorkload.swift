import StreamRuntime
import StreamRuntimeTesting
import Trading

/// An order as a topic holds it. Each fed record has a position of its own; an order may be fed twice.
struct PlacedOrder: Hashable, Sendable, StateCodable {
    var user: Int64
    var number: Int64
    var isSale: Bool
    var quantity: Int64
    var position: Int64

    static var stateSchema: String { "simulated-order1" }
    func encode(into writer: inout ByteWriter) {
        writer.integer(user)
        writer.integer(number)
        writer.integer(Int64(isSale ? 1 : 0))
        writer.integer(quantity)
        writer.integer(position)
    }
    init(from reader: inout ByteReader) throws {
        user = try reader.integer()
        number = try reader.integer()
        isSale = try reader.integer(Int64.self) == 1
        quantity = try reader.integer()
        position = try reader.integer()
    }
    init(user: Int64, number: Int64, isSale: Bool, quantity: Int64, position: Int64) {
        self.user = user
        self.number = number
        self.isSale = isSale
        self.quantity = quantity
        self.position = position
    }

    /// `nil` never: the names follow the rules.
    var order: Order? {
        guard let user = UserID("u\(user)"), let symbol = Symbol("ACME") else { return nil }
        return Order(
            orderID: OrderID(user: user, idempotencyKey: "\(number)"), userID: user, symbol: symbol,
            side: isSale ? .sell : .buy, kind: .market, quantity: quantity, placedAtMillis: 0)
    }
}

/// What became of an order, and the record that decided it: a line of the ledger, and of the output.
struct Execution: Hashable, Sendable, StateCodable {
    var position: Int64
    var outcome: [UInt8]

    static var stateSchema: String { "simulated-execution1" }
    func encode(into writer: inout ByteWriter) {
        writer.integer(position)
        writer.sized(outcome)
    }
    init(from reader: inout ByteReader) throws {
        position = try reader.integer()
        outcome = Array(try reader.sized())
    }
    init(position: Int64, outcome: Outcome) {
        self.position = position
        self.outcome = outcome.encodeBinary()
    }
    init?(_ item: SimulatedStore.Item) {
        let read: Execution? = item.value.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return try? Execution(from: &reader)
        }
        guard let read else { return nil }
        self = read
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        encode(into: &writer)
        return writer.bytes
    }
    var decoded: Outcome? { outcome.withUnsafeBytes { try? Outcome.decodeBinary($0) } }
}

/// What `OrderExecutor` does, with the simulated store: portfolio and ledger change together, the first outcome of
/// an order is the outcome, a replay echoes it, another record with the same order is a duplicate.
struct ExecutePlacedOrder: KeyedAsyncFunction {
    typealias Key = Int64
    typealias Input = PlacedOrder
    typealias Output = Execution
    static let openingCash = Money(units: 1_000_000_0000)
    static let attemptsMax = 20

    private let store: SimulatedStoreClient
    /// Prices that move: each process that asks sees others, and each time that it asks.
    private let process: Int

    init(_ state: KeyedStateContext<Int64>, _ host: SimulatedHost) throws {
        store = host.store
        process = host.processNumber
    }

    mutating func request(_ input: PlacedOrder, key: Int64) -> PlacedOrder { input }

    var perform: @Sendable (PlacedOrder) async throws -> Execution? {
        { [store, process] placed in try await Self.execute(placed, store, process) }
    }

    private static func execute(
        _ placed: PlacedOrder, _ store: SimulatedStoreClient, _ process: Int
    ) async throws -> Execution? {
        guard let order = placed.order else { return nil }
        let (ledger, account) = ("execution/\(placed.user)/\(placed.number)", "portfolio/\(placed.user)")
        for attempt in 0..<attemptsMax {
            let portfolio = try await portfolio(account, store, placed)
            let price = Price(units: 100_0000 + Int64((process * 37 + attempt * 11) % 50) * 1_0000)
            let decision = OrderExecution.decide(
                order: order, price: price, priceTimestampMillis: 0, nowMillis: 0, maxPriceAgeMillis: .max,
                portfolio: portfolio)
            let (outcome, next) =
                switch decision {
                case .executed(let next, let trade): (Outcome.trade(trade), Optional(next))
                case .rejected(let rejection, _): (Outcome.rejection(rejection), nil)
                }
            let execution = Execution(position: placed.position, outcome: outcome)
            var writes = [SimulatedStore.Write(ledger, execution.bytes)]
            if let next { writes.append(.init(account, next.encodeBinary())) }
            switch try await store.transact(
                [.absent(ledger), .version(account, portfolio?.version ?? 0)], writes, by: "\(placed.position)")
            {
            case .refused(let items):
                // First the ledger, then the version: a replay is one even when the portfolio has moved since.
                guard let known = items[ledger].flatMap(Execution.init) else { continue }
                #if WEIR_PLANTED
                    if PlantedMistake.effectOfReplay.isOn, known.position == placed.position { return execution }
                #endif
                return known.position == placed.position ? known : nil
            case .done, .found: return execution
            }
        }
        throw SimulatedStoreError.throttled
    }

    private static func portfolio(
        _ account: String, _ store: SimulatedStoreClient, _ placed: PlacedOrder
    ) async throws -> Portfolio? {
        if let item = try await store.read(account, by: "\(placed.position)") {
            return item.value.withUnsafeBytes { try? Portfolio.decodeBinary($0) }
        }
        let opened = Portfolio(cash: openingCash)
        _ = try await store.transact([.absent(account)], [.init(account, opened.encodeBinary())], by: "\(placed.position)")
        return opened
    }

    mutating func complete<Out: Collector>(
        _ input: PlacedOrder, key: Int64, _ response: Execution?, into out: inout Out
    ) throws where Out.Element == Execution {
        if let response { try out.collect(response) }
    }

    func verdict(on error: any Error, attempt: Int) -> AsyncVerdict {
        switch error {
        case SimulatedStoreError.throttled: .retry(afterMillis: min(500, 10 * attempt))
        case is AsyncTimeout: .waitOut(reason: "the store does not answer", retryAfterMillis: 20)
        default: .fail
        }
    }
}

extension SimulatedWorkload {
    /// Orders against portfolios, under prices that move.
    package static let trades = SimulatedWorkload(
        "trades", topics: ["orders": 3, "executed": 2],
        jobs: [
            Job("trades", reads: ["orders"]) { flow, host in
                flow.source(host.source("orders", of: PlacedOrder.self)).keyed(by: \.user)
                    .asyncProcess(AsyncOptions(capacity: 64, timeoutMillis: 1_500)) { try ExecutePlacedOrder($0, host) }
                    .sink(host.sink("executed", of: Execution.self) { Int($0.position) })
            }
        ],
        feed: orders, check: conservation)

    private static func orders(_ random: inout SimulationRandom) -> [Input] {
        var inputs: [Input] = []
        var numbers: [Int64: Int64] = [:]
        for position in 0..<Int64(1000) {
            let user = Int64.random(in: 0..<25, using: &random)
            // One in fifty was sent twice.
            let isRepeated = Int.random(in: 0..<50, using: &random) == 0 && numbers[user] != nil
            if !isRepeated { numbers[user, default: 0] += 1 }
            let number = numbers[user] ?? 0
            inputs.append(
                Input(
                    "orders", partition: Int(user % 3),
                    PlacedOrder(
                        user: user, number: number, isSale: number % 3 == 0, quantity: 1 + number % 90, position: position)))
        }
        return inputs
    }

    private static func conservation(_ result: SimulationResult, _ findings: inout SimulationFindings) {
        let found = result.records("executed", of: Execution.self).flatMap { $0 }
        var ledger: [Execution] = []
        var finals: [UserID: Portfolio] = [:]
        for (key, item) in result.store.sorted(by: { $0.key < $1.key }) {
            if key.hasPrefix("execution/"), let execution = Execution(item) { ledger.append(execution) }
            if key.hasPrefix("portfolio/"), let user = UserID("u\(key.dropFirst("portfolio/".count))") {
                finals[user] = item.value.withUnsafeBytes { try? Portfolio.decodeBinary($0) }
            }
        }
        // What came out is what the ledger says, once for each order.
        findings.compare(expected: ledger, found: found, by: \.position)
        let placed = Set(result.fed("orders", of: PlacedOrder.self).flatMap { $0 }.map { [$0.user, $0.number] })
        if placed.count != ledger.count { findings.add(.lost, "\(placed.count) orders, \(ledger.count) in the ledger") }
        var conservation = Conservation(
            openings: finals.mapValues { _ in Portfolio(cash: ExecutePlacedOrder.openingCash) })
        for execution in ledger.sorted(by: { $0.position < $1.position }) {
            if case .trade(let trade)? = execution.decoded { conservation.add(trade) }
        }
        for difference in conservation.differences(from: finals) { findings.add(.wrong, "\(difference)") }
    }
}
