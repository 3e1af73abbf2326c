import ConnectorKafka
import Foundation
import StreamRuntime
import Synchronization
import Testing

/// What a reader emits, kept.
struct Kept<Element>: Collector {
    var elements: [Element] = []
    mutating func collect(_ element: Element) throws { elements.append(element) }
    mutating func handle(_ signal: ChainSignal) throws {}
}

/// A record as the tests see it.
struct Seen: Hashable, Sendable {
    var topic: String
    var partition: Int32
    var offset: Int64
    var key: String?
    var value: String?
}

/// What was logged, for tests that look.
final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    var log: RuntimeLog {
        RuntimeLog { [self] level, message, fields in
            lines.withLock { $0.append("\(level) \(message) \(fields)") }
        }
    }
    func contains(_ text: String) -> Bool { lines.withLock { $0.contains { $0.contains(text) } } }
    /// True once `text` was logged, or after two minutes: for what would otherwise be waited for without end.
    func cancels(after text: String) -> @Sendable () -> Bool {
        let deadline = Date(timeIntervalSinceNow: 120)
        return { [self] in contains(text) || Date() > deadline }
    }
    var all: [String] { lines.withLock { $0 } }
}

final class Flag: Sendable {
    private let state = Atomic<Bool>(false)
    var isSet: Bool { state.load(ordering: .relaxed) }
    func set() { state.store(true, ordering: .relaxed) }
}

let job = JobID(namespace: "test", jobName: "kafka")

func sourceContext(_ log: RuntimeLog = .silent, isCancelled: @escaping @Sendable () -> Bool = { false }) -> SourceContext {
    SourceContext(operatorID: "in", job: job, jobName: "kafka", log: log, isCancelled: isCancelled)
}

func seenSource(
    _ bootstrap: String, _ topics: [String], group: String = "g", start: KafkaStart = .earliest,
    partitionCheckMillis: Int = 60_000
) throws -> KafkaSource<Seen> {
    KafkaSource(
        try KafkaConfiguration(bootstrapServers: bootstrap), topics: topics, groupID: group, start: start,
        partitionCheckMillis: partitionCheckMillis
    ) { view in
        Seen(
            topic: view.topic, partition: view.partition, offset: view.offset, key: view.keyString,
            value: view.valueString)
    }
}

/// A reader over all splits, at their starts or at given positions, with what it needs to be driven.
struct Driven<Element> {
    var reader: KafkaReader<Element>
    var kept = Kept<Element>()
    let metrics: MetricRegistry

    init(
        _ source: KafkaSource<Element>, at positions: [SplitPosition]? = nil, splits cursor: SplitCursor? = nil,
        log: RuntimeLog = .silent
    ) throws {
        let splits = try source.discoverSplits(sourceContext(log))
        metrics = MetricRegistry()
        reader = try source.makeReader(
            SourceReaderContext(
                source: sourceContext(log), subtask: 0, parallelism: 1,
                assignments: positions ?? splits.map { SplitPosition(split: $0.id, next: $0.start) },
                backPressure: BackPressure(), wake: {}, metrics: metrics, clock: SystemClock(), splits: cursor))
    }

    /// Polls until `count` elements came or the time is over.
    mutating func take(_ count: Int, withinMillis: Int = 120_000) throws {
        let deadline = Date(timeIntervalSinceNow: Double(withinMillis) / 1000)
        while kept.elements.count < count, Date() < deadline {
            if case .idle = try reader.poll(into: &kept, budget: 1000) { usleep(2_000) }
        }
    }

    mutating func pollFor(millis: Int) throws { try take(.max, withinMillis: millis) }
}

func writerContext(
    _ log: RuntimeLog = .silent, subtask: Int = 0, wake: @escaping @Sendable () -> Void = {}
) -> SinkWriterContext {
    SinkWriterContext(
        operatorID: "out", job: job, subtask: subtask, parallelism: 1, log: log, wake: wake, metrics: MetricRegistry(),
        clock: SystemClock())
}

typealias Message = (key: String?, value: String)

func stringSink(_ bootstrap: String, _ topic: String, _ delivery: KafkaSink<Message>.Delivery) throws -> KafkaSink<Message> {
    KafkaSink(try KafkaConfiguration(bootstrapServers: bootstrap), topic: topic, delivery: delivery) { element, message in
        if let key = element.key { message.setKey(key) }
        message.setValue(element.value)
    }
}

/// Writes records and waits until they are acknowledged.
func produce(_ bootstrap: String, _ topic: String, _ messages: [Message]) throws {
    var writer = try stringSink(bootstrap, topic, .atLeastOnce).makeWriter(writerContext())
    defer { writer.close() }
    for message in messages { try writer.write(message) }
    try writer.endEpoch(Epoch(1))
    try waitUntil("records are acknowledged") { try writer.isAcknowledged(through: Epoch(1)) }
}

func waitUntil(_ what: String, seconds: Double = 120, _ condition: () throws -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: seconds)
    while try !condition() {
        if Date() > deadline { throw TestFailure("not within \(seconds) s: \(what)") }
        usleep(5_000)
    }
}

/// For what must not happen: looks again and again until the time is over.
func expectThroughout(millis: Int, _ condition: () throws -> Bool) throws {
    let deadline = Date(timeIntervalSinceNow: Double(millis) / 1000)
    while Date() < deadline {
        guard try condition() else { throw TestFailure("no longer true before \(millis) ms were over") }
        usleep(5_000)
    }
}

/// The system's clock, and how far tests have moved it on.
final class MovableClock: RuntimeClock {
    private let moved = Atomic<Int64>(0)
    func advance(millis: Int64) { moved.add(millis * 1_000_000, ordering: .relaxed) }
    func monotonicNanos() -> Int64 { SystemClock().monotonicNanos() + moved.load(ordering: .relaxed) }
    func wallMillis() -> Int64 { SystemClock().wallMillis() + moved.load(ordering: .relaxed) / 1_000_000 }
}

func makeTopics(_ bootstrap: String, _ names: [String], partitions: Int32 = 2) throws {
    try KafkaAdmin(KafkaConfiguration(bootstrapServers: bootstrap))
        .ensure(names.map { KafkaTopicSpec($0, partitions: partitions, settings: ["retention.ms": "-1"]) })
}

func owner(
    _ source: KafkaSource<Seen>? = nil, attempt: AttemptID = .random(), island: Int = 0, log: RuntimeLog = .silent,
    job: JobID = job, isCancelled: @escaping @Sendable () -> Bool = { false }
) throws -> IslandOwner {
    let splits = try source?.discoverSplits(sourceContext()) ?? []
    return IslandOwner(
        job: job, jobName: "kafka", island: island, attempt: attempt,
        splits: splits.map { OwnedSplit(source: "in", split: $0) }, log: log, isCancelled: isCancelled)
}

func decision(_ owner: IslandOwner, _ epoch: UInt64, next: [String: Int64] = [:]) -> Decision {
    Decision(
        checkpoint: CheckpointID(
            job: owner.job, island: owner.island, epoch: Epoch(epoch), attempt: owner.attempt),
        manifestHash: epoch == 0 ? Decision.genesisHash : "00000000000000\(epoch % 90 + 10)",
        offsets: owner.splits.map { owned in
            SourceOffset(
                source: owned.source,
                position: SplitPosition(split: owned.split.id, next: next[owned.split.id] ?? owned.split.start),
                brokerOffset: owned.split.brokerOffset)
        })
}
