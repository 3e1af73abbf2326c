import ConnectorLog
import StreamRuntime
import TestKit
import Testing

/// Holds records back until the watermark has passed them.
private struct InOrderOfTime: KeyedProcessFunction {
    typealias Output = Int64

    mutating func process<Out: Collector>(
        _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == Int64 {
        context.timers.registerEventTime(at: input, for: key)
    }

    mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == Int64 { try out.collect(millis) }
}

private struct SortJob: StreamJob {
    static let name = "log-sort"
    let store: LogStore
    let seen: AsyncStream<Int64>.Continuation

    func build(_ flow: Flow) {
        let seen = seen
        flow.source(LogSource<Int64>(store, topics: ["t"]) { Int64($0.valueText ?? "") ?? -1 })
            .watermarks(.monotonic().everyRecord(), at: { $0 })
            .keyed(by: { _ in 0 as Int64 }).process { _ in InOrderOfTime() }
            .sink(ForEachSink { seen.yield($0) })
    }
}

@Suite struct SplitTests {
    @Test func theWatermarkWaitsForTheSlowerPartition() async throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path + "/log", options: LogStoreOptions())
        try store.createTopic("t", partitions: 2)
        func append(_ partition: Int32, _ times: Int64...) async throws {
            try await store.append(times.map { LogRecord(topic: "t", partition: partition, value: Array("\($0)".utf8)) })
        }
        try await append(0, 10, 20, 30, 40)
        try await append(1, 15)
        var options = JobOptions()
        options.parallelism = 1
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        let (stream, continuation) = AsyncStream.makeStream(of: Int64.self)
        let runner = try JobRunner(SortJob(store: store, seen: continuation), options: options, environment: JobEnvironment())
        async let end: Void = runner.run()
        var results = stream.makeAsyncIterator()
        #expect(await results.next() == 10)
        try await append(1, 25)
        #expect(await [results.next(), results.next()] == [15, 20])
        try await append(1, 50)
        #expect(await [results.next(), results.next()] == [25, 30], "40 waits for its own partition")
        runner.stop()
        try await end
        continuation.finish()
        #expect(await results.next() == nil)
    }

    @Test func aPausedPartitionIsNotRead() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path + "/log", options: LogStoreOptions())
        try store.createTopic("t", partitions: 2)
        var job = try TestJob(store)
        try job.write(["@0=a", "@1=b"])
        try job.commit(job.nextEpoch)
        let context = readerContext((0..<2).map { SplitPosition(split: "t/\($0)", next: 0) })
        var reader = try LogSource(store, topics: ["t"]) { $0.valueText ?? "" }.makeReader(context)
        var output = Gather<String>()
        context.splits.setPaused(0, true)
        #expect(try reader.poll(into: &output, budget: 100) == .progressed)
        #expect(try reader.poll(into: &output, budget: 100) == .idle(recheckAfterMicros: 5_000))
        #expect(output.elements == ["@1=b"])
        context.splits.setPaused(0, false)
        #expect(try reader.poll(into: &output, budget: 100) == .progressed)
        #expect(output.elements == ["@1=b", "@0=a"])
    }
}
