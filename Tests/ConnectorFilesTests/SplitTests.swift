import ConnectorFiles
import StreamRuntime
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
        let folder = try TemporaryFolder()
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
}
