import ConnectorLog
import Foundation
import StreamRuntime
import Synchronization
import TestKit
import Testing

/// Counts numbers per key from one topic into another, and crashes at chosen numbers, each once.
private struct CountJob: StreamJob {
    static let name = "log-count"
    let store: LogStore
    let crashes: Set<Int64>

    struct Crash: Error {}
    final class Crashes: Sendable {
        let left: Mutex<Set<Int64>>
        init(_ numbers: Set<Int64>) { left = Mutex(numbers) }
        func pass(_ number: Int64) throws {
            if left.withLock({ $0.remove(number) != nil }) { throw Crash() }
        }
    }

    func build(_ flow: Flow) {
        let crashes = Crashes(crashes)
        let transactions = LogTransactions(store)
        let counts = flow.source(LogSource<Int64>(store, topics: ["in"]) { Int64($0.valueText ?? "") ?? -1 })
            .map { number in
                try crashes.pass(number)
                return number
            }
            .keyed(by: { $0 % 50 })
            .fold(Int64(0)) { count, _ in count += 1 }
        counts.sink(
            LogSink(transactions, topic: "out") { count, record in
                record.setKey("\(count.key)")
                record.setValue("\(count.key):\(count.value):" + String(repeating: "x", count: 200))
            })
    }
}

@Suite struct JobTests {
    /// Through the engine itself, with staging memory so small that every epoch fills it: nothing is lost,
    /// nothing doubled, and no barrier is stuck behind a sink that waits.
    @Test(arguments: [1, 2, 3]) func jobFromLogToLogIsExactlyOnce(parallelism: Int) async throws {
        let folder = TemporaryFolder()
        var options = LogStoreOptions()
        options.stagingBytesMax = 20_000
        options.segmentBytesMax = 200_000
        let store = try LogStore(path: folder.path + "/log", options: options)
        try store.createTopic("in", partitions: 4)
        try store.createTopic("out", partitions: 3)
        let count: Int64 = 30_000
        var job = JobOptions()
        job.parallelism = parallelism
        job.checkpointRoot = folder.path + "/checkpoints"
        job.workRoot = folder.path + "/work"
        job.checkpointIntervalMillis = 10
        job.restart = .exponential(initialMillis: 1, maxMillis: 5)
        let metrics = MetricRegistry()
        let runner = try JobRunner(
            CountJob(store: store, crashes: [3, 7_000, 7_001, 21_000]), options: job,
            environment: JobEnvironment(metrics: metrics))
        async let end: Void = runner.run()
        for start in stride(from: 0, to: count, by: 1_000) {
            try await store.append((start..<start + 1_000).map { LogRecord(topic: "in", key: "\($0)", text: "\($0)") })
        }
        let outputs = (0..<3).map { LogTopicPartition(topic: "out", partition: $0) }
        for await total in Self.totals(store, outputs) where total >= count { break }
        runner.stop()
        try await end
        #expect(metrics.value("weir_job_restarts_total") ?? 0 >= 1)
        var counts: [Substring: [Int]] = [:]
        for value in try contents(store, "out").joined() {
            let parts = value.split(separator: ":")
            counts[parts[0], default: []].append(Int(parts[1]) ?? -1)
        }
        #expect(counts.count == 50)
        for (key, values) in counts { #expect(values == Array(1...600), "key \(key)") }
    }

    /// The number of records in the partitions, each time it has changed.
    static func totals(_ store: LogStore, _ partitions: [LogTopicPartition]) -> AsyncStream<Int64> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let total: @Sendable () -> Int64 = {
                partitions.reduce(0) { $0 + Int64((try? store.offsets($1).count) ?? 0) }
            }
            let subscriptions = partitions.compactMap { try? store.reader($0, at: 0).onCommit { continuation.yield(total()) } }
            continuation.yield(total())
            continuation.onTermination = { _ in _ = subscriptions }
        }
    }
}
