import CRdKafka
import StreamRuntime
import Synchronization

/// Where a first start begins in each partition. Every later start goes on from the last decision.
public enum KafkaStart: Sendable, Hashable {
    case earliest
    /// After what is committed now.
    case latest
    /// At the first record of that time (milliseconds since 1970) or later; at the end if there is none.
    case timestampMillis(Int64)
    /// At the group's committed offsets; a partition without one makes the first start fail.
    case committed
    case committedOrEarliest
    case committedOrLatest
}

/// Reads topics' partitions, each in order, only what is committed.
///
/// Partitions are assigned by Weir; the group serves for committed offsets (part of the deciding
/// transaction, or for lag monitoring), never for membership. Partitions that appear while the job runs are looked for
/// now and then; the job then goes on from its last decision with another attempt, which reads them from their beginning.
public struct KafkaSource<Element>: Source {
    public typealias Decode = @Sendable (borrowing KafkaRecordView) throws -> Element?
    public typealias DecodeFailure = @Sendable (borrowing KafkaRecordView, any Error) throws -> Element?

    public let configuration: KafkaConfiguration
    public let topics: [String]
    public let groupID: String
    public let start: KafkaStart
    let decode: Decode
    let onUndecodable: DecodeFailure?
    let partitionCheckMillis: Int
    /// A topic that the job has read is gone when the brokers have not known it for so long.
    package var topicGoneAfterMillis = 10_000
    private let discovered: DiscoveredPartitions

    /// - Parameters:
    ///   - groupID: of this source alone where another source of the job reads one of its topics.
    ///   - decode: called on a task thread for each record; `nil` skips it. The view is valid only inside.
    ///   - onUndecodable: what to emit for a record that `decode` threw for (to route it to a dead-letter
    ///     sink), `nil` to skip it. Without the closure such a record fails the job.
    ///   - partitionCheckMillis: how often to look for new partitions.
    public init(
        _ configuration: KafkaConfiguration, topics: [String], groupID: String, start: KafkaStart,
        partitionCheckMillis: Int = 60_000, onUndecodable: DecodeFailure? = nil, decode: @escaping Decode
    ) {
        self.configuration = configuration
        self.topics = Array(Set(topics)).sorted()
        self.groupID = groupID
        self.start = start
        self.decode = decode
        self.onUndecodable = onUndecodable
        self.partitionCheckMillis = max(100, partitionCheckMillis)
        discovered = DiscoveredPartitions()
    }

    /// Waits while no broker answers, until `context.isCancelled` (`KafkaCancelled`). An unknown topic is an
    /// error that names it; one that this run has read and that stays away is `KafkaTopicGone`.
    public func discoverSplits(_ context: SourceContext) throws -> [SourceSplit] {
        let found = try SplitDiscovery(
            configuration: configuration, topics: topics, groupID: groupID, start: start, context: context,
            known: discovered.counts, topicGoneAfterMillis: topicGoneAfterMillis
        ).splits()
        discovered.set(found.counts)
        return found.splits
    }

    public func makeReader(_ context: SourceReaderContext) throws -> KafkaReader<Element> {
        KafkaReader(
            core: try KafkaReaderCore(
                configuration, groupID: groupID, context,
                watching: context.subtask == 0 ? (discovered.counts, partitionCheckMillis) : nil),
            decode: decode, onUndecodable: onUndecodable)
    }
}

/// What the last `discoverSplits` saw, for the checks for new partitions and for topics that are gone.
final class DiscoveredPartitions: Sendable {
    private let state = Mutex<[String: Int32]>([:])
    var counts: [String: Int32] { state.withLock { $0 } }
    func set(_ counts: [String: Int32]) { state.withLock { $0 = counts } }
}

/// One subtask's reader. Owned by its task thread; `poll` never blocks.
public struct KafkaReader<Element>: SourceReader {
    @usableFromInline let core: KafkaReaderCore
    @usableFromInline let decode: KafkaSource<Element>.Decode
    @usableFromInline let onUndecodable: KafkaSource<Element>.DecodeFailure?

    @inlinable public mutating func poll<Output: Collector>(
        into output: inout Output, budget: Int
    ) throws -> SourceStatus where Output.Element == Element {
        let core = core
        var left = budget
        while left > 0, try core.advance(atMost: left) {
            let element: Element?
            do {
                element = try decode(core.currentView())
            } catch {
                element = try substitute(error)
            }
            if let element { try output.collect(element) }
            core.finishCurrent()
            left -= 1
            if core.isBackPressureRaised { return .progressed }
        }
        // Idle only when nothing was emitted: the task hands on what it holds after a poll that progressed.
        return left < budget || core.hasFetched ? .progressed : .idle(recheckAfterMicros: core.recheckMicros)
    }

    @usableFromInline
    func substitute(_ error: any Error) throws -> Element? {
        let view = core.currentView()
        if let onUndecodable { return try onUndecodable(view, error) }
        throw KafkaUndecodableRecord(
            topic: view.topic, partition: view.partition, offset: view.offset, cause: error)
    }

    public func positions() -> [SplitPosition] { core.positions() }
    public mutating func checkpointDecided(_ positions: [SplitPosition]) { core.commitForMonitoring(positions) }
    public func lag() -> [(split: String, records: Int64)] { core.lag() }
    public mutating func close() { core.close() }
}
