import StreamRuntime
import StreamRuntimeTesting
import Synchronization
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

/// Answers each record when event time has passed it, or at once when that has happened already.
struct Alarm: KeyedProcessFunction {
    typealias Output = String
    /// Is told each time that fires.
    let fires: @Sendable (Int64) throws -> Void

    init(_ state: KeyedStateContext<Int64>, fires: @escaping @Sendable (Int64) throws -> Void) { self.fires = fires }

    mutating func process<Out: Collector>(
        _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        if input <= context.watermarkMillis { return try out.collect("late \(input)") }
        context.timers.registerEventTime(at: input, for: key)
    }

    mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        try fires(millis)
        try out.collect("\(millis)")
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

    /// All hundred timers are due with one watermark. A checkpoint is due at the fiftieth, the job fails at the eightieth.
    @Test(arguments: [1, 3]) func aBarrierPassesBetweenTheTimersOfOneWatermark(parallelism: Int) throws {
        let source = TestSource<Int64>()
        let sink = CollectSink<String>()
        let crashes = CrashPoints([80])
        let fired = Mutex<[Int64: Int]>([:])
        var setup = TestSetup(parallelism: parallelism)
        setup.batchRecords = 4
        setup.checkpointEvery = .milliseconds(10)
        let clock = setup.clock
        let test = try JobTest(setup) { flow in
            flow.source(source).watermarks(.monotonic().everyRecord(), at: { $0 })
                .keyed(by: { $0 % 10 })
                .process {
                    Alarm($0) { millis in
                        fired.withLock { $0[millis, default: 0] += 1 }
                        if millis == 50 { clock.advance(by: .milliseconds(20)) }
                        try crashes.pass(millis)
                    }
                }
                .sink(sink)
        }
        source.push(contentsOf: 1...100)
        source.push(1000)
        #expect(throws: CrashPoints.Crash.self) { try test.run() }
        #expect(!sink.elements.isEmpty, "the checkpoint was decided before the failure")
        try test.restore(parallelism: parallelism % 3 + 1)
        source.push(60)
        try test.finish()
        #expect(sink.elements.sorted() == ((1...100).map { "\($0)" } + ["1000", "late 60"]).sorted())
        #expect(fired.withLock { $0[10] } == 1, "what had fired before the barrier does not fire again")
        #expect(fired.withLock { $0[80] } == 2)
    }
}
