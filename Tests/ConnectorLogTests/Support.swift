import ConnectorLog
import Foundation
import StreamRuntime
import Synchronization
import TestKit

extension TemporaryFolder {
    /// Another folder with the same files.
    func copy() throws -> TemporaryFolder {
        let copy = TemporaryFolder()
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            try FileManager.default.copyItem(atPath: "\(path)/\(name)", toPath: "\(copy.path)/\(name)")
        }
        return copy
    }

    /// The paths of all files below whose names end so.
    func files(suffix: String) -> [String] {
        let all = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String } ?? []
        return all.filter { $0.hasSuffix(suffix) }.sorted().map { path + "/" + $0 }
    }
}

/// Keeps what it is given.
struct Gather<Element>: Collector {
    var elements: [Element] = []
    mutating func collect(_ element: Element) throws { elements.append(element) }
    mutating func handle(_ signal: ChainSignal) throws {}
}

let testJob = JobID(namespace: "test", jobName: "log")

func islandOwner(_ attempt: AttemptID, job: JobID = testJob, island: Int = 0) -> IslandOwner {
    IslandOwner(
        job: job, jobName: "log", island: island, attempt: attempt, splits: [], log: .silent, isCancelled: { false })
}

func decision(_ epoch: UInt64, _ attempt: AttemptID, job: JobID = testJob) -> Decision {
    Decision(
        checkpoint: CheckpointID(job: job, island: 0, epoch: Epoch(epoch), attempt: attempt),
        manifestHash: epoch == 0 ? Decision.genesisHash : "00000000000000\(epoch % 90 + 10)",
        offsets: [SourceOffset(source: "in", position: SplitPosition(split: "in/0", next: Int64(epoch)))])
}

func sourceContext(_ job: JobID = testJob) -> SourceContext {
    SourceContext(operatorID: "in", job: job, jobName: "log", log: .silent, isCancelled: { false })
}

func readerContext(_ splits: [SplitPosition], wake: @escaping @Sendable () -> Void = {}) -> SourceReaderContext {
    SourceReaderContext(
        source: sourceContext(), subtask: 0, parallelism: 1, assignments: splits, backPressure: BackPressure(),
        wake: wake, metrics: MetricRegistry(), clock: SystemClock())
}

func writerContext(
    job: JobID = testJob, subtask: Int = 0, wake: @escaping @Sendable () -> Void = {}
) -> SinkWriterContext {
    SinkWriterContext(
        operatorID: "out", job: job, subtask: subtask, parallelism: 1, log: .silent, wake: wake,
        metrics: MetricRegistry(), clock: SystemClock())
}

/// `key=value` records to `topic`; the partition is the key's, or what follows `@`.
func textSink(_ store: LogStore, topic: String = "t") -> LogSink<String> {
    LogSink(store, topic: topic) { text, record in
        let parts = text.split(separator: "=")
        if let partition = Int32(parts[0].dropFirst()), parts[0].hasPrefix("@") {
            record.partition = partition
        } else {
            record.setKey(String(parts[0]))
        }
        record.setValue(text)
        record.timestampMillis = 1_000
    }
}

/// One job on one store: domain, sink and a writer, driven by hand.
struct TestJob {
    let domain: LogTransactions
    let attempt: AttemptID
    var writer: LogSinkWriter<String>
    let recovered: Decision?
    let job: JobID

    init(_ store: LogStore, job: JobID = testJob, attempt: AttemptID = .random(), topic: String = "t") throws {
        let sink = textSink(store, topic: topic)
        domain = LogTransactions(store)
        self.job = job
        self.attempt = attempt
        recovered = try domain.recover(islandOwner(attempt, job: job))
        var next: UInt64 = 1
        if let recovered {
            next = recovered.checkpoint.epoch.rawValue + 1
        } else {
            try domain.commit(decision(0, attempt, job: job))
        }
        try domain.begin(Epoch(next), writers: 1)
        writer = try sink.makeWriter(writerContext(job: job))
    }

    var nextEpoch: UInt64 { (recovered?.checkpoint.epoch.rawValue ?? 0) + 1 }

    mutating func write(_ texts: [String]) throws { for text in texts { try writer.write(text) } }

    mutating func commit(_ epoch: UInt64) throws {
        try writer.endEpoch(Epoch(epoch))
        try domain.prepare(Epoch(epoch), timeoutMillis: 1_000)
        try domain.commit(decision(epoch, attempt, job: job))
    }
}

/// The values of every partition, in order.
func contents(_ store: LogStore, _ topic: String = "t") throws -> [[String]] {
    guard let found = try store.topic(topic) else { return [] }
    return try (0..<found.partitions).map { partition in
        let id = LogTopicPartition(topic: topic, partition: partition)
        let reader = try store.reader(id, at: try store.offsets(id).lowerBound)
        return try reader.read(limit: .max).map { String(decoding: $0.value ?? [], as: UTF8.self) }
    }
}

func texts(_ records: [LogRecord]) -> [String] { records.map { String(decoding: $0.value ?? [], as: UTF8.self) } }

/// A wall clock that a test moves.
final class ManualClock: RuntimeClock {
    private let millis: Atomic<Int64>
    init(_ millis: Int64) { self.millis = Atomic(millis) }
    func monotonicNanos() -> Int64 { millis.load(ordering: .relaxed) * 1_000_000 }
    func wallMillis() -> Int64 { millis.load(ordering: .relaxed) }
    func advance(_ by: Int64) { millis.wrappingAdd(by, ordering: .relaxed) }
}
