import Foundation
import StateRocksDB
import StreamRuntime
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

    @Test(arguments: [1 << 20, 64 << 20]) func everyUpdateIsEmittedOnce(_ memoryBytes: Int) throws {
        let folder = try TemporaryFolder()
        let sink = CollectSink<String>()
        var options = JobOptions()
        options.parallelism = 2
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        options.checkpointIntervalMillis = 50
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
}
