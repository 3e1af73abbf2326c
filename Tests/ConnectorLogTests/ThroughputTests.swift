import ConnectorLog
import Foundation
import StreamRuntime
import TestKit
import Testing

/// Counts and forgets.
struct Count: Collector {
    var records = 0
    var bytes = 0
    mutating func collect(_ element: Int) throws {
        records += 1
        bytes += element
    }
    mutating func handle(_ signal: ChainSignal) throws {}
}

/// Prints rates; asserts only that nothing is lost. `WEIR_TEST_LOG_BENCH_RECORDS` sets the records per epoch,
/// `WEIR_TEST_LOG_BENCH_STAGING_MIB` the memory for staging (below 190 per million records, they spill).
@Suite struct ThroughputTests {
    @Test func writesAndReadsBack() throws {
        let perEpoch = ProcessInfo.processInfo.environment["WEIR_TEST_LOG_BENCH_RECORDS"].flatMap { Int($0) } ?? 20_000
        let epochs: UInt64 = 4
        let folder = TemporaryFolder()
        var options = LogStoreOptions()
        let mebibytes = ProcessInfo.processInfo.environment["WEIR_TEST_LOG_BENCH_STAGING_MIB"].flatMap { Int($0) } ?? 512
        options.stagingBytesMax = mebibytes << 20
        let store = try LogStore(path: folder.path, options: options)
        try store.createTopic("t", partitions: 4)
        let attempt = AttemptID.random()
        let value = [UInt8](repeating: 0x61, count: 150)
        let sink = LogSink<Int>(store, topic: "t") { number, record in
            withUnsafeBytes(of: UInt64(number).littleEndian) { record.setKey($0) }
            value.withUnsafeBytes { record.setValue($0) }
            record.timestampMillis = Int64(number)
        }
        let domain = LogTransactions(store)
        _ = try domain.recover(islandOwner(attempt))
        try domain.begin(Epoch(1), writers: 1)
        var writer = try sink.makeWriter(writerContext())
        let clock = SystemClock()
        var staging: Int64 = 0
        var committing: Int64 = 0
        for epoch in 1...epochs {
            let start = clock.monotonicNanos()
            for number in 0..<perEpoch { try writer.write(number) }
            try writer.endEpoch(Epoch(epoch))
            let staged = clock.monotonicNanos()
            try domain.prepare(Epoch(epoch), timeoutMillis: 1_000)
            try domain.commit(decision(epoch, attempt))
            staging += staged - start
            committing += clock.monotonicNanos() - staged
        }
        let source = LogSource<Int>(store, topics: ["t"]) { $0.value?.count ?? 0 }
        let splits = try source.discoverSplits(sourceContext()).map { SplitPosition(split: $0.id, next: $0.start) }
        var reader = try source.makeReader(readerContext(splits))
        var output = Count()
        let start = clock.monotonicNanos()
        while try reader.poll(into: &output, budget: 1_024) == .progressed {}
        let reading = clock.monotonicNanos() - start
        let total = perEpoch * Int(epochs)
        #expect(output.records == total)
        func rate(_ nanos: Int64) -> String { "\(nanos / Int64(total)) ns/record, \(Int64(total) * 1_000_000 / nanos)k/s" }
        print(
            "log: \(total) records of 150 bytes in \(epochs) epochs: stage \(rate(staging)); commit \(rate(committing)), "
                + "\(committing / Int64(epochs) / 1_000_000) ms each; read \(rate(reading)); all \(rate(staging + committing + reading))"
        )
        var empty: [Int64] = []
        for epoch in epochs + 1...epochs + 50 {
            try writer.endEpoch(Epoch(epoch))
            let start = clock.monotonicNanos()
            try domain.commit(decision(epoch, attempt))
            empty.append(clock.monotonicNanos() - start)
        }
        print("log: commit of an empty epoch: median \(empty.sorted()[25] / 1000) µs")
    }
}
