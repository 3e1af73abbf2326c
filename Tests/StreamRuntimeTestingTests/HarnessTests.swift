import StreamRuntime
import StreamRuntimeTesting
import Testing

struct Order: Sendable, Equatable {
    var user: String
    var quantity: Int
}

/// Sums quantities up; tells of it with each record, 10 s of event time and a minute of processing time after the last.
struct Totals: KeyedProcessFunction {
    typealias Output = String
    static let large = SideOutput<Order>("large")
    let total: ValueState<String, Int>
    let large: SideEmitter<Order>

    init(_ state: KeyedStateContext<String>) throws {
        total = try state.value("total", Int.self)
        large = state.emitter(Self.large)
    }

    mutating func process<Out: Collector>(
        _ order: Order, key user: String, _ context: KeyedContext<String>, into out: inout Out
    ) throws where Out.Element == String {
        guard order.quantity < 1000 else { return large.emit(order) }
        total[user, default: 0] += order.quantity
        if context.timeMillis != .min { context.timers.registerEventTime(at: context.timeMillis + 10_000, for: user) }
        context.timers.register(at: context.processingTimeMillis() + 60_000, for: user)
        try out.collect("\(user) \(total[user] ?? 0)")
    }
    mutating func timer<Out: Collector>(
        at millis: Int64, key user: String, _ context: KeyedContext<String>, into out: inout Out
    ) throws where Out.Element == String { try out.collect("minute \(user) \(millis)") }
    mutating func eventTimer<Out: Collector>(
        at millis: Int64, key user: String, _ context: KeyedContext<String>, into out: inout Out
    ) throws where Out.Element == String { try out.collect("quiet \(user) \(total[user] ?? 0)") }
}

private func totals(_ orders: HarnessStream<Order>) -> Stream<Stage<InputHead<Order>, KeyedProcess<Totals>>> {
    orders.keyed(by: \.user).process { try Totals($0) }
}

@Suite struct HarnessTests {
    @Test(arguments: [1, 3]) func recordsTimersAndSideOutputs(_ parallelism: Int) throws {
        let harness = try OperatorHarness(parallelism: parallelism, collecting: Totals.large, of: totals)
        try harness.push(Order(user: "ann", quantity: 2), at: 1_000)
        #expect(harness.takeOutput() == [Emitted("ann 2", at: 1_000)])
        try harness.push(Order(user: "bob", quantity: 5000), at: 1_500)
        #expect(harness.output.isEmpty)
        #expect(try harness.sideOutput(Totals.large) == [Emitted(Order(user: "bob", quantity: 5000), at: 1_500)])

        try harness.watermark(10_999)
        #expect(harness.output.isEmpty)
        #expect(harness.outputWatermark == 10_999)
        try harness.watermark(11_000)
        #expect(harness.takeOutput() == [Emitted("quiet ann 2", at: 11_000)])

        try harness.advance(by: .milliseconds(59_999))
        #expect(harness.output.isEmpty)
        try harness.advance(by: .seconds(3600))
        #expect(harness.takeElements() == ["minute ann 60000"])
        #expect(harness.processingTimeMillis == 3_659_999)
    }

    @Test func snapshotsMoveToAnyParallelism() throws {
        let users = (0..<50).map { "user-\($0)" }
        let harness = try OperatorHarness(parallelism: 2, of: totals)
        for user in users { try harness.push(Order(user: user, quantity: 1), at: 0) }
        let snapshot = try harness.snapshot()
        for user in users { try harness.push(Order(user: user, quantity: 100), at: 0) }

        for parallelism in [1, 3, 5] {
            let restored = try OperatorHarness(parallelism: parallelism, restoring: snapshot, of: totals)
            for user in users { try restored.push(Order(user: user, quantity: 1), at: 0) }
            #expect(restored.takeElements() == users.map { "\($0) 2" })
            try restored.watermark(10_000)
            #expect(restored.takeElements().sorted() == users.map { "quiet \($0) 2" }.sorted())
            try restored.advance(by: .seconds(60))
            #expect(restored.takeElements().count == 50)
            #expect(try OperatorHarness(restoring: restored.snapshot(), of: totals).takeElements().isEmpty)
        }
    }

    @Test func whatAnOperatorThrowsIsThrownByTheCall() throws {
        struct Bad: Error {}
        let harness = try OperatorHarness { (numbers: HarnessStream<Int>) in
            numbers.map { if $0 < 0 { throw Bad() } else { $0 } }
        }
        try harness.push(1)
        #expect(throws: Bad.self) { try harness.push(-1) }
        #expect(throws: JobTestError.self) { try harness.push(2) }
        #expect(harness.elements == [1])
    }

    @Test func twoInputsAndTheLesserWatermark() throws {
        struct Both: KeyedPairFunction {
            typealias Output = String
            let names: ValueState<Int, String>
            init(_ state: KeyedStateContext<Int>) throws { names = try state.value("names", String.self) }
            mutating func processFirst<Out: Collector>(
                _ id: Int, key: Int, _ context: KeyedContext<Int>, into out: inout Out
            ) throws where Out.Element == String {
                context.timers.registerEventTime(at: 100, for: key)
                try out.collect("\(id) \(names[key] ?? "?")")
            }
            mutating func processSecond<Out: Collector>(
                _ name: String, key: Int, _ context: KeyedContext<Int>, into out: inout Out
            ) throws where Out.Element == String { names[key] = name }
            mutating func eventTimer<Out: Collector>(
                at millis: Int64, key: Int, _ context: KeyedContext<Int>, into out: inout Out
            ) throws where Out.Element == String { try out.collect("timer \(key)") }
        }
        let harness = try PairHarness(parallelism: 2) {
            (ids: HarnessStream<Int>, names: HarnessStream<String>) in
            ids.keyed(by: { $0 }).connected(names.keyed(by: \.count)).process { try Both($0) }
        }
        try harness.pushFirst(3, at: 1)
        try harness.pushSecond("bob", at: 1)
        try harness.pushFirst(3, at: 2)
        #expect(harness.takeElements() == ["3 ?", "3 bob"])
        try harness.watermarkFirst(200)
        #expect(harness.elements.isEmpty)
        try harness.idleSecond()
        #expect(harness.takeOutput() == [Emitted("timer 3", at: 100)])
    }
}
