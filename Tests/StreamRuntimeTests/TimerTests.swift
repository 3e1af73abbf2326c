import StreamRuntime
import StreamRuntimeTesting
import Testing

/// Answers each record a little later, from a timer.
struct AnswerLater: KeyedProcessFunction {
    typealias Output = String
    let asked: ValueState<Int64, Int>
    let crashes: CrashPoints

    init(_ state: KeyedStateContext<Int64>, crashes: CrashPoints) throws {
        asked = try state.value("asked", Int.self)
        self.crashes = crashes
    }

    mutating func process<Out: Collector>(
        _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        asked[key, default: 0] += 1
        let due = context.processingTimeMillis() + 40
        context.timers.register(at: due, for: key)
        context.timers.register(at: due, for: key)  // the same timer again: one answer
        context.timers.register(at: due + 5, for: key)
        context.timers.delete(at: due + 5, for: key)
    }

    mutating func timer<Out: Collector>(
        at millis: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        try crashes.pass(key)
        try out.collect("\(key):\(asked[key] ?? 0)")
    }
}

struct AnsweringJob: StreamJob {
    static let name = "answering"
    let sink: CollectSink<String>
    let crashes: CrashPoints
    let count: Int64

    func build(_ flow: Flow) {
        let crashes = crashes
        // Without an end, so that the job lives until its timers have fired; the keys repeat only once.
        flow.source(GeneratorSource(count: nil, splits: 1, ratePerSecond: 2000) { $0 })
            .parallelism(1)
            .filter { [count] in $0 < count }
            .keyed(by: { $0 })
            .process { try AnswerLater($0, crashes: crashes) }
            .sink(sink)
    }
}

@Suite struct TimerTests {
    @Test(arguments: [1, 2, 3]) func everyTimerFiresOnceAlsoAcrossCrashes(parallelism: Int) throws {
        let sink = CollectSink<String>()
        let crashes = CrashPoints([3, 50, 99])
        var setup = TestSetup(parallelism: parallelism)
        setup.checkpointEvery = .milliseconds(10)
        let test = try JobTest(AnsweringJob(sink: sink, crashes: crashes, count: 100), setup)
        while test.clock.wallMillis() < 300 {
            do { try test.advance(by: .milliseconds(1)) } catch is CrashPoints.Crash { try test.restore() }
        }
        try test.checkpoint()
        #expect(crashes.remaining == 0)
        #expect(sink.elements.sorted() == (0..<100).map { "\($0):1" }.sorted())
    }

    @Test func aTimerFiresAtItsTime() throws {
        let harness = try OperatorHarness { (numbers: HarnessStream<Int64>) in
            numbers.keyed(by: { $0 }).process { try AnswerLater($0, crashes: CrashPoints([])) }
        }
        try harness.push(1)
        try harness.advance(by: .milliseconds(20))
        try harness.push(2)
        try harness.advance(by: .milliseconds(19))
        #expect(harness.elements.isEmpty)
        try harness.advance(by: .milliseconds(1))
        #expect(harness.takeElements() == ["1:1"])
        try harness.advance(by: .seconds(1))
        #expect(harness.takeElements() == ["2:1"])
    }
}
