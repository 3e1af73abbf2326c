import ConnectorKafka
import ConnectorLog
import Foundation
import StreamRuntime

/// A committed record, as anybody reads it.
public struct TailedRecord: Sendable {
    public let topic: String
    public let key: [UInt8]
    public let value: [UInt8]

    package init(topic: String, key: [UInt8], value: [UInt8]) {
        (self.topic, self.key, self.value) = (topic, key, value)
    }
}

/// Follows topics from outside, from their beginning on: committed records only, those of a partition in order. Owned by one
/// thread or task at a time.
public protocol TopicTail: AnyObject {
    /// What has come since the last call; empty when there is nothing new. Does not wait.
    func read() throws -> [TailedRecord]
    /// False while it is known that there is more, and while it is not known where the topics end.
    var isAtEnd: Bool { get }
}

extension TopicTail {
    /// Everything there is: until nothing new has come for `quietMillis` and the end is reached.
    public func readToEnd(quietMillis: Int) throws -> [TailedRecord] {
        var all: [TailedRecord] = []
        try Quiet.wait(millis: quietMillis, isAtEnd: { isAtEnd }) {
            all += try read()
            return all.count
        }
        return all
    }
}

/// How one tells that there is nothing more to see.
public enum Quiet {
    /// A transaction that nobody ends keeps readers from the end for good.
    private static let patience = Duration.seconds(30)

    /// Calls `look`, which says how much it has seen in all, until that stays the same for so long and the end is reached: a
    /// broker may be slow to answer, and one that is asked for the first time is. Half a minute without anything new is an end, too.
    public static func wait(millis: Int, isAtEnd: () -> Bool = { true }, _ look: () throws -> Int) throws {
        var seen = try look()
        var since = ContinuousClock.now
        while true {
            let quiet = ContinuousClock.now - since
            if quiet >= .milliseconds(millis), isAtEnd() || quiet >= patience { return }
            let now = try look()
            if now != seen { (seen, since) = (now, .now) } else { usleep(2_000) }
        }
    }
}

/// Topics of an embedded log that another process writes.
public final class LogTail: TopicTail {
    private let path: String
    private let topics: [String]
    /// Nil until there is a log.
    private var store: LogStore?
    private var readers: [LogReader] = []
    private var found: Set<String> = []

    /// - Parameter path: the log's folder; it may not be there yet.
    public init(_ path: String, topics: [String]) {
        self.path = path
        self.topics = topics
    }

    /// Each read goes to the end.
    public var isAtEnd: Bool { true }

    public func read() throws -> [TailedRecord] {
        guard let store = try opened() else { return [] }
        for topic in topics where !found.contains(topic) {
            guard let description = try store.topic(topic) else { continue }
            found.insert(topic)
            for partition in 0..<description.partitions {
                let id = LogTopicPartition(topic: topic, partition: partition)
                readers.append(try store.reader(id, at: try store.offsets(id).lowerBound))
            }
        }
        var records: [TailedRecord] = []
        for reader in readers {
            while let record = try reader.next() {
                records.append(
                    TailedRecord(
                        topic: record.topic, key: record.key.map { Array($0) } ?? [], value: record.value.map { Array($0) } ?? [])
                )
            }
        }
        return records
    }

    private func opened() throws -> LogStore? {
        if let store { return store }
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        var options = LogStoreOptions()
        options.followPollMillis = 2
        // While the writing process makes the folder it holds no log yet.
        store = try? LogStore(path: path, reading: true, options: options)
        return store
    }
}

/// Topics of a Kafka cluster, which must exist.
public final class KafkaTail: TopicTail {
    private let configuration: KafkaConfiguration
    private let topics: [String]
    private var reader: KafkaReader<TailedRecord>?
    private var positions: [SplitPosition] = []
    private var failingSince: ContinuousClock.Instant?

    /// A broker that is restarted meanwhile may be away for so long.
    private static let patience = Duration.seconds(60)
    private static let batch = 4096

    public init(_ configuration: KafkaConfiguration, topics: [String]) {
        self.configuration = configuration
        self.topics = topics
    }

    deinit { reader?.close() }

    public var isAtEnd: Bool {
        guard let reader, !positions.isEmpty else { return false }
        let lag = reader.lag()
        return lag.count == positions.count && lag.allSatisfy { $0.records == 0 }
    }

    public func read() throws -> [TailedRecord] {
        var kept = Kept()
        do {
            if reader == nil { reader = try opened() }
            _ = try reader?.poll(into: &kept, budget: Self.batch)
            positions = reader?.positions() ?? positions
            failingSince = nil
        } catch {
            // What was handed out so far is counted: a new reader goes on behind it.
            if !kept.records.isEmpty { positions = reader?.positions() ?? positions }
            reader?.close()
            reader = nil
            let since = failingSince ?? .now
            failingSince = since
            guard ContinuousClock.now - since < Self.patience else { throw error }
        }
        return kept.records
    }

    private func opened() throws -> KafkaReader<TailedRecord> {
        let job = JobID(namespace: "drill", jobName: "outside")
        let deadline = ContinuousClock.now + Self.patience
        let context = SourceContext(
            operatorID: "in", job: job, jobName: "drill", log: .silent, isCancelled: { ContinuousClock.now > deadline })
        let source = KafkaSource<TailedRecord>(configuration, topics: topics, groupID: "drill-reader", start: .earliest) {
            record in
            TailedRecord(
                topic: record.topic, key: record.key.map { Array($0) } ?? [], value: record.value.map { Array($0) } ?? [])
        }
        let splits = try source.discoverSplits(context)
        let known = Dictionary(positions.map { ($0.split, $0.next) }, uniquingKeysWith: { $1 })
        return try source.makeReader(
            SourceReaderContext(
                source: context, subtask: 0, parallelism: 1,
                assignments: splits.map { SplitPosition(split: $0.id, next: known[$0.id] ?? $0.start) },
                backPressure: BackPressure(), wake: {}, metrics: MetricRegistry(), clock: SystemClock()))
    }

    private struct Kept: Collector {
        var records: [TailedRecord] = []
        mutating func collect(_ element: TailedRecord) { records.append(element) }
        mutating func handle(_ signal: ChainSignal) {}
    }
}
