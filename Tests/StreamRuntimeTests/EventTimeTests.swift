import StreamRuntime
import StreamRuntimeTesting
import Testing

/// A record with an event time.
struct Timed: Sendable, Equatable, StateCodable {
    static var stateSchema: String { "test-timed" }
    var key: Int64
    var millis: Int64

    init(_ key: Int64, at millis: Int64) {
        self.key = key
        self.millis = millis
    }
    func encode(into writer: inout ByteWriter) {
        writer.integer(key)
        writer.integer(millis)
    }
    init(from reader: inout ByteReader) throws {
        key = try reader.integer()
        millis = try reader.integer()
    }
}

/// Holds each record back until the watermark has passed it; says what is late.
struct SortByTime: KeyedProcessFunction {
    typealias Output = Timed
    let waiting: ListState<Int64, Timed>
    let late: SideEmitter<Timed>
    static let lateOutput = SideOutput<Timed>("late")

    init(_ state: KeyedStateContext<Int64>) throws {
        waiting = try state.list("waiting", Timed.self)
        late = state.emitter(Self.lateOutput)
    }

    mutating func process<Out: Collector>(
        _ input: Timed, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == Timed {
        if context.timeMillis <= context.watermarkMillis { return late.emit(input) }
        waiting.append(input, for: key)
        context.timers.registerEventTime(at: context.timeMillis, for: key)
    }

    mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == Timed {
        for record in waiting[key] where record.millis == millis { try out.collect(record) }
        waiting[key] = waiting[key].filter { $0.millis > millis }
    }
}

/// Counts what has arrived from each side.
struct BothSides: KeyedPairFunction {
    typealias Output = String
    let seen: ValueState<Int64, Int>
    init(_ state: KeyedStateContext<Int64>) throws { seen = try state.value("seen", Int.self) }

    mutating func processFirst<Out: Collector>(
        _ input: Timed, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        seen[key, default: 0] += 1
        context.timers.registerEventTime(at: 1000, for: key)
    }
    mutating func processSecond<Out: Collector>(
        _ input: String, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        seen[key, default: 0] += 100
        context.timers.registerEventTime(at: 1000, for: key)
    }
    mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        try out.collect("\(key)=\(seen[key] ?? 0)")
    }
}

struct SpreadJob: StreamJob {
    static let name = "spread"
    let sink: CollectSink<Int64>
    let deal: @Sendable (Stream<SourceHead<GeneratorSource<Int64>>>) -> Stream<InputHead<Int64>>

    func build(_ flow: Flow) {
        deal(flow.source(GeneratorSource(count: 3000, splits: 2) { $0 }).parallelism(2)).map { $0 }.parallelism(3).sink(sink)
    }
}

@Suite struct EventTimeTests {
    @Test func mergedWatermarksFollowTheSlowestInputThatIsNotIdle() {
        var merger = WatermarkMerger(isTimed: [true, true, false])
        #expect(merger.watermark(5, from: 0) == nil)
        #expect(merger.watermark(3, from: 1) == 3)
        #expect(merger.watermark(2, from: 1) == nil)
        #expect(merger.idle(1) == .risen(5))
        #expect(merger.idle(2) == .unchanged)
        #expect(merger.idle(0) == .allIdle)
        #expect(merger.watermark(4, from: 1) == 5, "the first to wake up says so, without falling")
        #expect(merger.watermark(9, from: 1) == 9)
        #expect(merger.watermark(7, from: 0) == nil)
        #expect(merger.watermark(.max, from: 0) == nil)
        #expect(merger.watermark(.max, from: 1) == .max)
    }

    private struct Around: KeyedProcessFunction {
        typealias Output = [Int64]
        mutating func process<Out: Collector>(
            _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
        ) throws where Out.Element == [Int64] {
            try out.collect([context.timeMillis(plus: .days(1)), context.watermarkMillis(minus: .minutes(5))])
        }
    }

    @Test func whatFunctionsAddToTimesSaturates() throws {
        let harness = try OperatorHarness { (numbers: HarnessStream<Int64>) in
            numbers.keyed(by: { $0 }).process { _ in Around() }
        }
        try harness.push(1, at: .max)
        try harness.push(1, at: 5)
        try harness.watermark(600_000)
        try harness.push(1, at: 5)
        #expect(harness.elements == [[Int64.max, .min], [86_400_005, .min], [86_400_005, 300_000]])
    }

    @Test func watermarksWaitForTheRecordsBeforeThem() {
        var held = HeldWatermarks()
        held.add(10, before: 3)
        held.add(12, before: 3)
        held.add(20, before: 5)
        #expect(held.release(completedBelow: 2) == nil)
        #expect(held.release(completedBelow: 4) == 12)
        #expect(held.release(completedBelow: 9) == 20)
        #expect(held.release(completedBelow: 9) == nil)
    }

    static let shuffled = [(1, 5), (2, 3), (1, 12), (1, 9), (2, 25), (2, 4), (1, 14), (1, 16), (2, 30), (1, 13)]
        .map { Timed(Int64($0.0), at: Int64($0.1)) }

    /// The watermark is 14 once 25 has been seen: what comes at 4, 14 and 13 is late, whatever happens in between.
    @Test(arguments: 0..<20 as Range<UInt64>) func eventTimersFireInOrderOfTimeAlsoAcrossCrashes(_ seed: UInt64) throws {
        let source = TestSource<Timed>()
        let sink = CollectSink<String>()
        let test = try JobTest(TestSetup(seed: seed)) { flow in
            let stream = flow.source(source)
                .watermarks(.boundedOutOfOrderness(.milliseconds(10)).everyRecord(), at: \.millis)
                .keyed(by: \.key)
                .process { try SortByTime($0) }
            let late = stream.sideOutput(SortByTime.lateOutput).map { "late \($0.key)@\($0.millis)" }
            stream.map { "\($0.key)@\($0.millis)" }.union(late).sink(sink)
        }
        var random = SeededGenerator(seed: seed)
        for record in Self.shuffled {
            source.push(record)
            try test.run()
            if Int.random(in: 0..<3, using: &random) == 0 { try test.checkpoint() }
            if Int.random(in: 0..<3, using: &random) == 0 { try test.crashAndRestore() }
        }
        try test.finish()
        #expect(sink.elements.filter { $0.hasPrefix("late") } == ["late 2@4", "late 1@14", "late 1@13"])
        let onTime = sink.elements.filter { !$0.hasPrefix("late") }
        #expect(onTime == ["2@3", "1@5", "1@9", "1@12", "1@16", "2@25", "2@30"])
    }

    @Test(arguments: [1, 2]) func twoInputsShareTheirKeysStateAndTheLesserWatermark(_ parallelism: Int) throws {
        let harness = try PairHarness(parallelism: parallelism) {
            (numbers: HarnessStream<Timed>, words: HarnessStream<String>) in
            numbers.keyed(by: \.key).connected(words.keyed(by: { Int64($0) ?? -1 })).process { try BothSides($0) }
        }
        for key in Int64(0)..<10 {
            for _ in 0..<3 { try harness.pushFirst(Timed(key, at: 500), at: 500) }
            try harness.pushSecond("\(key % 5)", at: 500)
        }
        try harness.watermarkFirst(2000)
        try harness.watermarkSecond(999)
        #expect(harness.elements.isEmpty)
        try harness.watermarkSecond(1000)
        #expect(harness.outputWatermark == 1000)
        let expected = (0..<10).map { $0 < 5 ? Emitted("\($0)=203", at: 1000) : Emitted("\($0)=3", at: 1000) }
        #expect(harness.takeOutput().sorted { $0.element < $1.element } == expected)
    }

    /// The words have no event time: they hold nothing back.
    @Test func anInputWithoutEventTimeHoldsNothingBack() throws {
        let (numbers, words) = (TestSource<Timed>(), TestSource<String>())
        let sink = CollectSink<String>()
        let test = try JobTest { flow in
            let first = flow.source(numbers, id: "numbers").watermarks(.monotonic(), at: \.millis).keyed(by: \.key)
            let second = flow.source(words, id: "words").keyed(by: { Int64($0) ?? -1 })
            first.connected(second).process { try BothSides($0) }.sink(sink)
        }
        words.push("7")
        numbers.push(Timed(7, at: 999))
        try test.checkpoint()
        #expect(sink.elements.isEmpty)
        numbers.push(Timed(7, at: 1001))
        try test.checkpoint()
        #expect(sink.elements == ["7=102"])
    }

    @Test func everyWayToDealOutRecordsKeepsThem() throws {
        func run(
            _ deal: @escaping @Sendable (Stream<SourceHead<GeneratorSource<Int64>>>) -> Stream<InputHead<Int64>>
        ) throws -> [Int64] {
            let sink = CollectSink<Int64>()
            try JobTest(SpreadJob(sink: sink, deal: deal), TestSetup(parallelism: 2, seed: 1)).finish()
            return sink.elements.sorted()
        }
        let all = Array(Int64(0)..<3000)
        #expect(try run { $0.rebalanced() } == all)
        #expect(try run { $0.rescaled() } == all)
        #expect(try run { $0.global() } == all)
        #expect(try run { $0.partitioned { value, subtasks in Int(value) % subtasks } } == all)
        #expect(try run { $0.broadcasted() } == all.flatMap { [$0, $0, $0] })
    }

    @Test func aPartitionThatDoesNotExistFailsTheJob() throws {
        let job = SpreadJob(sink: CollectSink<Int64>(), deal: { $0.partitioned { value, subtasks in subtasks } })
        let test = try JobTest(job)
        #expect(throws: PartitioningError.self) { try test.run() }
    }

    /// After a restore each input has to be heard again: also one that brings nothing any more.
    @Test func aQuietBranchDoesNotHoldEventTimeBackAfterARestore() throws {
        let (quiet, lively) = (TestSource<Timed>(), TestSource<Timed>())
        let sink = CollectSink<String>()
        let test = try JobTest { flow in
            let first = flow.source(quiet, id: "quiet").watermarks(.monotonic().everyRecord(), at: \.millis)
                .keyed(by: \.key).process { try SortByTime($0) }
            flow.source(lively, id: "lively").watermarks(.monotonic().everyRecord(), at: \.millis)
                .union(first).keyed(by: \.key).process { try SortByTime($0) }
                .map { "\($0.key)@\($0.millis)" }.sink(sink)
        }
        quiet.push(Timed(1, at: 1000))
        lively.push(Timed(2, at: 10))
        try test.checkpoint()
        try test.crashAndRestore()
        lively.push(contentsOf: [Timed(2, at: 20), Timed(2, at: 30)])
        try test.checkpoint()
        #expect(sink.elements == ["2@10", "2@20"])
    }
}
