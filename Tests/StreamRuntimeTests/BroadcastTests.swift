import StreamRuntime
import StreamRuntimeTesting
import Testing

struct Limit: Sendable, Equatable {
    var symbol: String
    /// `nil` lifts the limit.
    var quantity: Int?
}

struct Wish: Sendable, Equatable {
    var user: Int64
    var symbol: String
    var quantity: Int
}

/// Lets through what is within the limit of its symbol.
struct ApplyLimits: BroadcastFunction {
    typealias Output = Wish
    let limits: BroadcastView<String, Int>

    init(_ context: OperatorContext) throws { limits = try context.broadcastView("limits", String.self, Int.self) }

    mutating func process<Out: Collector>(_ wish: Wish, into out: inout Out) throws where Out.Element == Wish {
        if wish.quantity <= limits[wish.symbol] ?? .max { try out.collect(wish) }
    }

    mutating func processBroadcast<Out: Collector>(_ limit: Limit, _ writer: BroadcastWriter, into out: inout Out) throws
    where Out.Element == Wish {
        if let quantity = limit.quantity {
            writer.set(limits, limit.symbol, to: quantity)
        } else {
            writer.remove(limits, limit.symbol)
        }
    }
}

/// Refuses what brings a user's sum above the limit of the symbol; says the sums at event time 1000.
struct LimitSums: KeyedBroadcastFunction {
    typealias Output = String
    let limits: BroadcastView<String, Int>
    let sums: ValueState<Int64, Int>

    init(_ state: KeyedStateContext<Int64>) throws {
        limits = try state.operatorContext.broadcastView("limits", String.self, Int.self)
        sums = try state.value("sum", Int.self)
    }

    mutating func process<Out: Collector>(
        _ wish: Wish, key user: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        let sum = (sums[user] ?? 0) + wish.quantity
        guard sum <= limits[wish.symbol] ?? .max else { return try out.collect("\(user) refused") }
        sums[user] = sum
        context.timers.registerEventTime(at: 1000, for: user)
    }

    mutating func processBroadcast<Out: Collector>(_ limit: Limit, _ writer: BroadcastWriter, into out: inout Out) throws
    where Out.Element == String { writer.set(limits, limit.symbol, to: limit.quantity ?? .max) }

    mutating func eventTimer<Out: Collector>(
        at millis: Int64, key user: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String { try out.collect("\(user)=\(sums[user] ?? 0)") }
}

@Suite struct BroadcastTests {
    private func limited(_ wishes: HarnessStream<Wish>, _ limits: HarnessStream<Limit>) -> Stream<some Chain<Wish>> {
        wishes.partitioned { Int($0.user) % $1 }.connected(broadcasting: limits).process { try ApplyLimits($0) }
    }

    private func summed(_ wishes: HarnessStream<Wish>, _ limits: HarnessStream<Limit>) -> Stream<some Chain<String>> {
        wishes.keyed(by: \.user).connected(broadcasting: limits).process { try LimitSums($0) }
    }

    @Test(arguments: [(1, 3), (3, 1), (2, 5)]) func everySubtaskHasTheRulesAlsoAtAnotherParallelism(
        _ before: Int, _ after: Int
    ) throws {
        let harness = try PairHarness(parallelism: before, of: limited)
        try harness.pushSecond(Limit(symbol: "A", quantity: 10))
        try harness.pushSecond(Limit(symbol: "B", quantity: 1))
        try harness.pushSecond(Limit(symbol: "B", quantity: nil))
        let restored = try PairHarness(parallelism: after, restoring: harness.snapshot(), of: limited)
        for user in Int64(0)..<10 {
            try restored.pushFirst(Wish(user: user, symbol: "A", quantity: 10))
            try restored.pushFirst(Wish(user: user, symbol: "A", quantity: 11))
            try restored.pushFirst(Wish(user: user, symbol: "B", quantity: 99))
        }
        #expect(
            restored.takeElements().map(\.quantity).sorted() == Array(repeating: 10, count: 10) + Array(repeating: 99, count: 10))
        try restored.pushSecond(Limit(symbol: "B", quantity: 5))
        for user in Int64(0)..<10 { try restored.pushFirst(Wish(user: user, symbol: "B", quantity: 99)) }
        #expect(restored.elements == [])
    }

    @Test func keyedStateAndTimersStandBesideTheRules() throws {
        let harness = try PairHarness(parallelism: 2, of: summed)
        try harness.pushSecond(Limit(symbol: "A", quantity: 10), at: 0)
        for user in Int64(0)..<5 {
            try harness.pushFirst(Wish(user: user, symbol: "A", quantity: 6), at: 5)
            try harness.pushFirst(Wish(user: user, symbol: "A", quantity: 6), at: 6)
        }
        #expect(harness.takeElements().sorted() == (0..<5).map { "\($0) refused" })
        let restored = try PairHarness(parallelism: 3, restoring: harness.snapshot(), of: summed)
        for user in Int64(0)..<5 { try restored.pushFirst(Wish(user: user, symbol: "A", quantity: 4), at: 7) }
        try restored.watermark(1000)
        #expect(restored.takeElements().sorted() == (0..<5).map { "\($0)=10" })
    }

    struct UntimedRules: StreamJob {
        static let name = "untimed-rules"
        let sink: CollectSink<String>
        func build(_ flow: Flow) {
            let wishes = flow.source(GeneratorSource(count: 100) { Wish(user: $0 % 4, symbol: "A", quantity: 1) })
                .watermarks(.monotonic(), at: { Int64($0.quantity) })
            let limits = flow.source(GeneratorSource(count: 3) { Limit(symbol: "Z", quantity: Int($0)) })
            wishes.keyed(by: \.user).connected(broadcasting: limits).process { try LimitSums($0) }.sink(sink)
        }
    }

    @Test func rulesWithoutEventTimeHoldNoneBack() async throws {
        let sink = CollectSink<String>()
        let test = try JobTest(UntimedRules(sink: sink))
        try await test.finish()
        #expect(sink.elements.sorted() == (0..<4).map { "\($0)=25" })
    }
}
