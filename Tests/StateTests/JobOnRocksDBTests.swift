import Foundation
import StateRocksDB
import StreamRuntime
import Synchronization
import TestKit
import Testing

/// A whole job over the backend, evicting all the time.
@Suite struct JobOnRocksDBTests {
    struct CountKeys: StreamJob {
        static let name = "count-keys"
        let sink: CollectSink<String>
        let count: Int64
        let keys: Int64

        func build(_ flow: Flow) {
            let keys = keys
            flow.source(GeneratorSource(count: count, splits: 2) { ($0 &* 7919) % keys })
                .keyed(by: { $0 })
                .fold(Int64(0)) { count, _ in count += 1 }
                .map { "\($0.key)=\($0.value)" }
                .sink(sink)
        }
    }

    private func options(_ folder: TemporaryFolder, intervalMillis: Int) -> JobOptions {
        var options = JobOptions()
        options.parallelism = 2
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        options.checkpointIntervalMillis = intervalMillis
        return options
    }

    @Test(arguments: [1 << 20, 64 << 20]) func everyUpdateIsEmittedOnce(_ memoryBytes: Int) throws {
        let folder = TemporaryFolder(inMemory: true)
        let sink = CollectSink<String>()
        let options = options(folder, intervalMillis: 50)
        let metrics = MetricRegistry()
        try JobRunner(
            CountKeys(sink: sink, count: 100_000, keys: 20_000), options: options,
            environment: JobEnvironment(backend: RocksDBBackend(memoryBytes: memoryBytes), metrics: metrics)
        ).run()
        let expected = (0..<Int64(20_000)).flatMap { key in (1...5).map { "\(key)=\($0)" } }
        #expect(sink.elements.count == expected.count)
        #expect(Set(sink.elements) == Set(expected))
        #expect((metrics.sum("weir_rocksdb_spills_total") > 0) == (memoryBytes == 1 << 20))
    }

    /// Sessions that end with the stream alone: their state and timers are read back in batches, some of them absent, while
    /// checkpoints pass and the job fails in the middle of it.
    @Test func sessionsFarBeyondMemoryAreAllThere() throws {
        let (folder, keys) = (TemporaryFolder(inMemory: true), Int64(20_000))
        let sink = CollectSink<String>()
        let failures = Mutex([Int64(3_000), 12_000, 30_000])
        var options = options(folder, intervalMillis: 20)
        options.restart = .exponential(initialMillis: 1, maxMillis: 2)
        let job = Sessions { flow in
            flow.source(GeneratorSource(count: 2 * keys, splits: 2) { $0 })
                .map { number in
                    let isDue = failures.withLock { left in
                        defer { left.removeAll { $0 == number } }
                        return left.contains(number)
                    }
                    if isDue { throw Failure() }
                    return number
                }
                .watermarks(.monotonic(), at: { $0 })
                .keyed(by: { $0 % keys })
                .window(.session(gap: .milliseconds(4 * keys)))
                .aggregate(Count())
                .map { "\($0.key)=\($0.value)" }
                .sink(sink)
        }
        let metrics = MetricRegistry()
        try JobRunner(
            job, options: options,
            environment: JobEnvironment(backend: RocksDBBackend(memoryBytes: 1 << 20), metrics: metrics)
        ).run()
        #expect(failures.withLock { $0.isEmpty })
        #expect(metrics.sum("weir_rocksdb_spills_total") > 0)
        #expect(sink.elements.count == Int(keys))
        #expect(Set(sink.elements) == Set((0..<keys).map { "\($0)=2" }))
    }

    private struct Failure: Error {}

    private struct Sessions: StreamJob {
        static let name = "sessions"
        let body: @Sendable (Flow) -> Void
        func build(_ flow: Flow) { body(flow) }
    }
}
