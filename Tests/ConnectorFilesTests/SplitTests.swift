import ConnectorFiles
import StreamRuntime
import StreamRuntimeTesting
import TestKit
import Testing

/// What event time has come to as each record arrives.
private struct WatermarkAtArrival: KeyedProcessFunction {
    typealias Output = String

    mutating func process<Out: Collector>(
        _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        try out.collect("\(input) after \(context.watermarkMillis == .min ? "nothing" : String(context.watermarkMillis))")
    }
}

private struct ArrivalJob: StreamJob {
    static let name = "arrivals"
    let folder: TemporaryFolder
    let sink: CollectSink<String>

    func build(_ flow: Flow) {
        flow.source(TextFileSource<Int64>(folder.path + "/*.txt") { Int64($0.text) ?? -1 })
            .watermarks(.monotonic().everyRecord(), at: { $0 })
            .keyed(by: { _ in 0 as Int64 }).process { _ in WatermarkAtArrival() }
            .sink(sink)
    }
}

@Suite struct SplitTests {
    @Test func eachFileHasAWatermarkUntilItEnds() async throws {
        let folder = TemporaryFolder()
        try folder.write("a.txt", "10\n30\n")
        try folder.write("b.txt", "20\n40\n50\n")
        let sink = CollectSink<String>()
        var options = JobOptions()
        options.parallelism = 1
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        try await JobRunner(ArrivalJob(folder: folder, sink: sink), options: options, environment: JobEnvironment()).run()
        #expect(sink.elements == ["10 after nothing", "30 after nothing", "20 after nothing", "40 after 19", "50 after 39"])
    }

    /// A subtask reads its files one after another: those whose turn has not come are not idle.
    @Test func aFileThatWaitsForItsTurnHoldsEventTimeBack() throws {
        let folder = TemporaryFolder()
        try folder.write("a.txt", (1...3000).map { "\($0 * 100)\n" }.joined())
        try folder.write("b.txt", "150\n")
        let sink = CollectSink<String>()
        let clock = ManualClock()
        var setup = TestSetup()
        setup.clock = clock
        let test = try JobTest(setup) { flow in
            flow.source(
                TextFileSource<Int64>(folder.path + "/*.txt") { line in
                    clock.advance(by: .milliseconds(20))  // each line takes its time
                    return Int64(line.text) ?? -1
                }
            )
            .watermarks(.monotonic().everyRecord().idle(after: .seconds(1)), at: { $0 })
            .keyed(by: { _ in 0 as Int64 }).process { _ in WatermarkAtArrival() }
            .filter { $0.hasPrefix("150 ") }.sink(sink)
        }
        try test.finish()
        #expect(sink.elements == ["150 after nothing"])
    }

    /// The end of the input is an end of time for the windows that are open, not for those of a later start.
    @Test(arguments: [false, true]) func aJobThatHasEndedGoesOnWithMoreFiles(isProcessingTime: Bool) throws {
        let folder = TemporaryFolder()
        func write(_ name: String) throws { _ = try folder.write(name, (0..<100).map { "\($0)\n" }.joined()) }
        try write("a.txt")
        let sink = CollectSink<Int>()
        var setup = TestSetup(parallelism: 2)
        setup.batchRecords = 4
        let test = try JobTest(setup) { flow in
            let window: WindowAssigner = .tumbling(.days(1))
            flow.source(TextFileSource<Int64>(folder.path + "/*.txt") { Int64($0.text) ?? -1 })
                .watermarks(.monotonic(), at: { $0 })
                .keyed(by: { $0 % 100 }).window(isProcessingTime ? window.processingTime : window)
                .aggregate(Count()).map { Int($0.value) }.sink(sink)
        }
        try test.finish()
        try write("b.txt")
        try test.restore()
        try test.finish()
        #expect(sink.elements == Array(repeating: 1, count: 200))
    }
}
