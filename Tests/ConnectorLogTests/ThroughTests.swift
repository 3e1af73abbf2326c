import ConnectorLog
import StreamRuntime
import Synchronization
import TestKit
import Testing

/// Numbers take the way through a topic between two operators; the one behind crashes at chosen ones, each once.
private struct ThroughJob: StreamJob {
    static let name = "log-through"
    let store: LogStore
    let crashes: Crashes

    struct Crash: Error {}
    final class Crashes: Sendable {
        let left: Mutex<Set<Int64>>
        init(_ numbers: Set<Int64>) { left = Mutex(numbers) }
        func pass(_ number: Int64) throws {
            if left.withLock({ $0.remove(number) != nil }) { throw Crash() }
        }
    }

    func build(_ flow: Flow) {
        let transactions = LogTransactions(store)
        let crashes = crashes
        func topic(_ name: String) -> LogSink<Int64> {
            LogSink(transactions, topic: name) { number, record in
                record.setKey("\(number % 10)")
                record.setValue("\(number)")
            }
        }
        flow.source(GeneratorSource(count: 3000) { $0 })
            .through(
                "by-digit", sink: topic("by-digit"),
                source: LogSource(store, topics: ["by-digit"]) { Int64($0.valueText ?? "") ?? -1 }
            )
            .map { number in
                try crashes.pass(number)
                return number
            }
            .sink(topic("out"))
    }
}

@Suite struct ThroughTests {
    @Test func whatTakesTheWayThroughATopicArrivesOnce() async throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path + "/log", options: LogStoreOptions())
        try store.createTopic("by-digit", partitions: 3)
        try store.createTopic("out", partitions: 1)
        var options = JobOptions()
        options.parallelism = 2
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        options.checkpointIntervalMillis = 10
        options.restart = .exponential(initialMillis: 1, maxMillis: 5)
        let crashes = ThroughJob.Crashes([7, 1500, 2999])
        let runner = try JobRunner(
            ThroughJob(store: store, crashes: crashes), options: options, environment: JobEnvironment())
        async let end: Void = runner.run()
        let out = LogTopicPartition(topic: "out", partition: 0)
        for await total in JobTests.totals(store, [out]) where total >= 3000 { break }
        runner.stop()
        try await end
        #expect(crashes.left.withLock { $0.isEmpty })
        #expect(try contents(store, "out").joined().compactMap { Int64($0) }.sorted() == Array(0..<3000))
    }
}
