import StreamRuntime
import StreamRuntimeTesting
import Synchronization
import TestKit
import Testing

/// What the random runs do not look at: metrics, whole streams, back-pressure, crashes in running jobs.
@Suite struct OperatorTests {
    @Test func lateRecordsAreCountedAndDroppedWithoutASideOutput() throws {
        let harness = try OperatorHarness { (events: Events) in
            events.keyed(by: \.key).window(.tumbling(.milliseconds(10))).aggregate(ids()).id("w")
        }
        try harness.push(Event(1, id: 0), at: 3)
        try harness.watermark(9)
        try harness.push(Event(1, id: 1), at: 9)
        try harness.push(Event(1, id: 2), at: 10)
        try harness.finish()
        #expect(harness.elements.map(\.value) == [[0], [2]])
        #expect(harness.metrics.sum("weir_window_late_records_total", where: ["operator": "w"]) == 1)
    }

    @Test func recordsBetweenWindowsAreCounted() throws {
        let harness = try OperatorHarness { (events: Events) in
            events.keyed(by: \.key).window(.sliding(.milliseconds(3), every: .milliseconds(10))).aggregate(ids())
        }
        for time in Int64(-10)..<10 { try harness.push(Event(1, id: time), at: time) }
        try harness.finish()
        #expect(harness.elements.map(\.value) == [[-10, -9, -8], [0, 1, 2]])
        #expect(harness.metrics.sum("weir_window_gap_records_total") == 14)
    }

    /// Also one that is made of slices, which come together only as the window ends.
    @Test func aSumThatOverflowsFailsTheJob() throws {
        let harness = try OperatorHarness { (numbers: HarnessStream<Int>) in
            numbers.keyed(by: { _ in 0 }).window(.sliding(.milliseconds(20), every: .milliseconds(10))).aggregate(Sum())
        }
        try harness.push(.max, at: 3)
        try harness.push(1, at: 13)
        try harness.watermark(9)
        #expect(harness.elements.map(\.value) == [.max])
        #expect(throws: SumOverflow.self) { try harness.watermark(19) }
    }

    @Test func aWatermarkThatLeapsFiresEveryWindowInTheOrderOfTime() throws {
        let harness = try OperatorHarness { (events: Events) in
            events.keyed(by: \.key).window(.tumbling(.milliseconds(10))).aggregate(Count())
        }
        for number in (Int64(0)..<100).shuffled() { try harness.push(Event(number % 3, id: number), at: number * 7) }
        try harness.watermark(10_000)
        #expect(harness.output.map(\.millis) == harness.output.map(\.millis).sorted())
        #expect(harness.elements.map(\.value).reduce(0, +) == 100)
        #expect(harness.outputWatermark == 10_000)
    }

    @Test(arguments: [1, 3]) func aWholeStreamIsWindowedByOneSubtask(_ parallelism: Int) throws {
        let harness = try OperatorHarness(parallelism: parallelism) { (events: Events) in
            events.windowAll(.tumbling(.milliseconds(100))).aggregate(ids())
        }
        for number in Int64(0)..<50 { try harness.push(Event(number, id: number), at: number * 4) }
        try harness.finish()
        #expect(harness.elements.map { $0.value.sorted() } == [Array(0..<25), Array(25..<50)])
        #expect(harness.elements.map(\.key) == [WholeStream(), WholeStream()])
    }

    @Test func resultsReadBackWhatTheyWrote() throws {
        for timing in [Pane.Timing.early, .onTime, .late] {
            for isLast in [true, false] {
                let result = WindowResult(
                    key: "a", value: 7, window: TimeWindow(start: -5, end: .max),
                    pane: Pane(index: 300, timing: timing, isLast: isLast))
                #expect(try roundTrip(result) == result)
            }
        }
    }

    /// More results at once than all the buffers hold: firing waits for the sink, and goes on.
    @Test(arguments: ["tumbling", "sliding", "session", "processing"]) func manyWindowsThatEndAtOnceWaitForRoom(
        _ kind: String
    ) throws {
        let count: Int64 = 60_000
        let sum = Mutex<(records: Int, results: Int)>((0, 0))
        let assigner: WindowAssigner =
            switch kind {
            case "tumbling": .tumbling(.days(1))
            case "sliding": .sliding(.days(2), every: .days(1))
            case "session": .session(gap: .days(1))
            default: .tumbling(.days(1)).processingTime
            }
        let test = try JobTest(TestSetup(parallelism: 2)) { flow in
            flow.source(GeneratorSource(count: count, splits: 2) { Event($0 % 30_000, id: $0) })
                .watermarks(.monotonic(), at: \.id)
                .keyed(by: \.key).window(assigner).aggregate(Count())
                .parallelism(2)
                .rebalanced()
                .map { $0.value }.parallelism(1)
                .sink(
                    ForEachSink { value in
                        sum.withLock { $0 = ($0.records + value, $0.results + 1) }
                    })
        }
        try test.finish()
        let found = sum.withLock { $0 }
        let windows = kind == "sliding" ? 2 : 1
        #expect(found.results == 30_000 * windows && found.records == 60_000 * windows)
    }

    struct Crash: Error {}

    /// A running job on threads that fails again and again gives each result once.
    @Test(arguments: [1, 2]) func crashesLoseAndDoubleNoResult(_ parallelism: Int) throws {
        let folder = TemporaryFolder()
        var options = JobOptions()
        options.parallelism = parallelism
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        options.checkpointIntervalMillis = 5
        options.restart = .exponential(initialMillis: 1, maxMillis: 5)
        let sink = CollectSink<WindowResult<Int64, Int>>()
        let crashes = Mutex<Set<Int64>>([10, 9_000, 9_001, 20_500, 39_999])
        let job = CrashingWindows(sink: sink) { number in
            if crashes.withLock({ $0.remove(number) != nil }) { throw Crash() }
        }
        try JobRunner(job, options: options, environment: JobEnvironment()).run()
        #expect(crashes.withLock { $0.isEmpty })
        let results = sink.elements
        #expect(Set(results.map { "\($0.key) \($0.window)" }).count == results.count)
        // Sliding windows of 100 every 50: each record is in two.
        #expect(results.map(\.value).reduce(0, +) == 80_000)
    }

    struct CrashingWindows: StreamJob {
        static let name = "crashing-windows"
        let sink: CollectSink<WindowResult<Int64, Int>>
        let pass: @Sendable (Int64) throws -> Void

        func build(_ flow: Flow) {
            let pass = pass
            flow.source(GeneratorSource(count: 40_000, splits: 2, ratePerSecond: 400_000) { Event($0 % 13, id: $0) })
                .watermarks(.boundedOutOfOrderness(.milliseconds(20)), at: \.id)
                .map { event in
                    try pass(event.id)
                    return event
                }
                .keyed(by: \.key)
                .window(.sliding(.milliseconds(100), every: .milliseconds(50)))
                .aggregate(Count())
                .sink(sink)
        }
    }
}
