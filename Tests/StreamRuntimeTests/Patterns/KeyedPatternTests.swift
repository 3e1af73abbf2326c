import StreamRuntime
import StreamRuntimeTesting
import Testing

/// What became of a user's order.
private struct Outcome: Sendable, Equatable, StateCodable {
    static var stateSchema: String { "test-outcome" }
    var user: String
    var order: Int
    var isRejected: Bool

    init(_ user: String, _ order: Int, isRejected: Bool = true) {
        (self.user, self.order, self.isRejected) = (user, order, isRejected)
    }
    func encode(into writer: inout ByteWriter) {
        user.encode(into: &writer)
        order.encode(into: &writer)
        isRejected.encode(into: &writer)
    }
    init(from reader: inout ByteReader) throws {
        user = try String(from: &reader)
        order = try Int(from: &reader)
        isRejected = try Bool(from: &reader)
    }
}

@Suite struct KeyedPatternTests {
    /// Three rejected orders of one user within a minute.
    private static let rejections = Pattern<Outcome>.begin("rejected") { $0.isRejected }.times(3).within(.minutes(1))
        .skipping(.skipPastLastEvent)

    private static let late = SideOutput<Outcome>("late")
    private static let timeouts = SideOutput<PatternMatch<Outcome>>("timeouts")

    private static func alarms(_ outcomes: HarnessStream<Outcome>) -> Stream<some Chain<String>> {
        outcomes.keyed(by: \.user).pattern(rejections).lateOutput(late).timeoutOutput(timeouts).select { match in
            "\(match["rejected"][0].user) \(match.events.map(\.order))"
        }
    }

    private static func harness(
        _ parallelism: Int = 1, restoring snapshot: HarnessSnapshot? = nil
    ) throws -> OperatorHarness<Outcome, String> {
        try OperatorHarness(
            parallelism: parallelism, restoring: snapshot, collecting: late, timeouts, of: { alarms($0) })
    }

    @Test func threeRejectedOrdersWithinAMinute() throws {
        let harness = try Self.harness()
        try harness.push(Outcome("ann", 3), at: 50_000)
        try harness.push(Outcome("ann", 1), at: 1_000)
        try harness.push(Outcome("bob", 4), at: 2_000)
        try harness.push(Outcome("ann", 2, isRejected: false), at: 20_000)
        try harness.push(Outcome("ann", 5), at: 60_999)
        try harness.push(Outcome("bob", 6), at: 61_000)
        try harness.push(Outcome("bob", 7), at: 62_000)
        try harness.watermark(60_998)
        #expect(harness.elements.isEmpty, "the third is not certain yet")
        try harness.watermark(60_999)
        #expect(harness.takeOutput() == [Emitted("ann [1, 3, 5]", at: 60_999)])
        try harness.watermark(62_000)
        #expect(harness.elements.isEmpty)
        let over = try harness.sideOutput(Self.timeouts)
        #expect(over.map { $0.element.events.map(\.order) } == [[4, 6]], "bob's third came a minute after the first")
        #expect(over.map(\.millis) == [62_000])
    }

    @Test func lateRecordsAreNotTaken() throws {
        let harness = try Self.harness()
        try harness.push(Outcome("ann", 1), at: 1_000)
        try harness.push(Outcome("ann", 2), at: 2_000)
        try harness.watermark(2_000)
        try harness.push(Outcome("ann", 3), at: 2_000)
        try harness.finish()
        #expect(harness.elements.isEmpty)
        #expect(try harness.sideOutput(Self.late) == [Emitted(Outcome("ann", 3), at: 2_000)])
        #expect(harness.metrics.sum("weir_pattern_late_records_total") == 1)
    }

    @Test(arguments: [1, 3, 4]) func waysMoveToAnotherParallelism(_ parallelism: Int) throws {
        let users = (0..<30).map { "user-\($0)" }
        let first = try Self.harness(2)
        for user in users {
            try first.push(Outcome(user, 1), at: 1_000)
            try first.push(Outcome(user, 3), at: 30_000)  // waits for the watermark over the restart
        }
        try first.watermark(1_000)
        let restored = try Self.harness(parallelism, restoring: first.snapshot())
        for user in users { try restored.push(Outcome(user, 2), at: 20_000) }
        try restored.watermark(29_999)
        #expect(restored.elements.isEmpty)
        try restored.watermark(30_000)
        #expect(restored.takeElements().sorted() == users.map { "\($0) [1, 2, 3]" }.sorted())
        try restored.finish()
        #expect(try restored.sideOutput(Self.timeouts).isEmpty)
    }

    @Test func aCrashAtAnyPointChangesNothing() throws {
        func run(crashing random: inout SeededGenerator) throws -> [String] {
            var numbers = SeededGenerator(seed: 7)
            let source = TestSource<Outcome>()
            let sink = CollectSink<String>()
            let test = try JobTest(TestSetup(parallelism: 2)) { flow in
                flow.source(source)
                    .watermarks(.boundedOutOfOrderness(.seconds(20)).everyRecord(), at: { Int64($0.order) * 1000 })
                    .keyed(by: \.user).pattern(Self.rejections)
                    .select { match in "\(match.events[0].user) \(match.events.map(\.order))" }
                    .sink(sink)
            }
            for number in 0..<300 {
                let order = max(0, number + Int.random(in: -10...10, using: &numbers))
                let user = "user-\(Int.random(in: 0..<5, using: &numbers))"
                source.push(Outcome(user, order, isRejected: Bool.random(using: &numbers)))
                if Int.random(in: 0..<10, using: &random) == 0 { try test.checkpoint() }
                if Int.random(in: 0..<10, using: &random) == 0 {
                    try test.crashAndRestore(parallelism: Int.random(in: 1...4, using: &random))
                }
            }
            try test.finish()
            return sink.elements.sorted()
        }
        var random = SeededGenerator(seed: 0)
        let expected = try run(crashing: &random)
        #expect(expected.count > 20)
        for seed in UInt64(1)...5 {
            var random = SeededGenerator(seed: seed)
            #expect(try run(crashing: &random) == expected, "seed \(seed)")
        }
    }

    @Test func nothingFollowedWithinItsTime() throws {
        let unanswered = Pattern<Outcome>.begin("order") { $0.isRejected }
            .notFollowedBy("accepted") { !$0.isRejected }.within(.seconds(10))
        let harness = try OperatorHarness { (outcomes: HarnessStream<Outcome>) in
            outcomes.keyed(by: \.user).pattern(unanswered).select { $0.events[0].order }
        }
        try harness.push(Outcome("ann", 1), at: 1_000)
        try harness.push(Outcome("bob", 2), at: 2_000)
        try harness.push(Outcome("bob", 3, isRejected: false), at: 11_999)
        try harness.watermark(10_999)
        #expect(harness.elements.isEmpty)
        try harness.watermark(20_000)
        #expect(harness.takeOutput() == [Emitted(1, at: 11_000)])
    }

    @Test func inProcessingTimeRecordsCountWhenTheyCome() throws {
        let harness = try OperatorHarness(
            collecting: Self.timeouts,
            of: { (outcomes: HarnessStream<Outcome>) in
                outcomes.keyed(by: \.user).pattern(Self.rejections).timeoutOutput(Self.timeouts).inProcessingTime()
                    .select { $0.events.map(\.order) }
            })
        try harness.push(Outcome("ann", 1))
        try harness.advance(by: .seconds(30))
        try harness.push(Outcome("ann", 2))
        try harness.push(Outcome("ann", 3))
        #expect(harness.takeElements() == [[1, 2, 3]])
        try harness.push(Outcome("ann", 4))
        try harness.push(Outcome("ann", 5))
        try harness.advance(by: .seconds(60))
        try harness.push(Outcome("ann", 6))
        #expect(harness.elements.isEmpty)
        #expect(try harness.sideOutput(Self.timeouts).map { $0.element.events.map(\.order) } == [[4, 5], [5]])
    }

    @Test func timesAtTheEndsOfInt64() throws {
        let harness = try Self.harness()
        for (order, millis) in [Int64.min + 1, .min + 2, .max, .max, .max].enumerated() {
            try harness.push(Outcome("ann", order), at: millis)
        }
        for order in 5...6 { try harness.push(Outcome("bob", order), at: .max) }
        try harness.finish()
        #expect(harness.takeElements() == ["ann [2, 3, 4]"])
        let over = try harness.sideOutput(Self.timeouts)
        #expect(Set(over.map { $0.element.events.map(\.order) }) == [[0, 1], [1], [5, 6], [6]])
    }

    @Test func tooManyWaysFailTheAttempt() throws {
        let harness = try OperatorHarness { (outcomes: HarnessStream<Outcome>) in
            outcomes.keyed(by: \.user)
                .pattern(Pattern.begin("a") { _ in true }.followedByAny("b") { _ in true }.followedBy("c") { _ in false })
                .limit(50).inProcessingTime().select { _ in 0 }
        }
        for order in 0..<9 { try harness.push(Outcome("ann", order)) }
        #expect(throws: PatternOverflow.self) { try harness.push(Outcome("ann", 9)) }
    }

    @Test func stateOfAnotherPatternIsRefused() throws {
        let harness = try Self.harness()
        try harness.push(Outcome("ann", 1), at: 1)
        try harness.watermark(1)
        let snapshot = try harness.snapshot()
        #expect {
            try OperatorHarness(restoring: snapshot) { (outcomes: HarnessStream<Outcome>) in
                outcomes.keyed(by: \.user).pattern(Self.rejections.followedBy("more") { _ in true }).select { _ in 0 }
            }
        } throws: { "\($0)".contains("followed-by more") }
    }

    @Test func withoutEventTimeItIsRefused() {
        #expect {
            try JobTest { flow in
                flow.source(TestSource<Outcome>()).keyed(by: \.user).pattern(Self.rejections).select { _ in 0 }
                    .sink(CollectSink<Int>())
            }
        } throws: { "\($0)".contains(".watermarks(") }
    }
}
