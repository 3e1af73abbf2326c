import StreamRuntime
import Synchronization

/// The topics this process has met. Callable from any thread; looking up a known one takes a lock.
final class TopicTable: Sendable {
    private let paths: LogPaths
    private let options: LogStoreOptions
    private let known = Mutex<[String: LogTopic]>([:])

    init(_ paths: LogPaths, _ options: LogStoreOptions) {
        self.paths = paths
        self.options = options
    }

    func find(_ name: String) throws -> LogTopic? {
        try known.withLock { try find(name, &$0) }
    }

    private func find(_ name: String, _ known: inout [String: LogTopic]) throws -> LogTopic? {
        if let topic = known[name] { return topic }
        try LogNames.checkTopic(name)
        guard let topic = try TopicMeta.read(name, in: paths) else { return nil }
        known[name] = topic
        return topic
    }

    func create(_ name: String, partitions: Int32?, retention: LogRetention?) throws -> LogTopic {
        try known.withLock { known in
            if let existing = try find(name, &known) {
                if let partitions, partitions != existing.partitions {
                    throw LogUsageError(
                        "topic \(name) has \(existing.partitions) partitions and cannot be given \(partitions): "
                            + "keys would move; create another topic")
                }
                guard let retention, retention != existing.retention else { return existing }
                let changed = LogTopic(name: name, partitions: existing.partitions, retention: retention)
                try TopicMeta.replace(changed, in: paths)
                known[name] = changed
                return changed
            }
            let count = partitions ?? options.partitionsDefault
            guard (1...Int32(LogNames.partitionsMax)).contains(count) else {
                throw LogUsageError("topic \(name) cannot have \(count) partitions: 1 to \(LogNames.partitionsMax)")
            }
            let topic = LogTopic(name: name, partitions: count, retention: retention ?? retentionOnDemand(name))
            try TopicMeta.create(topic, in: paths)
            known[name] = topic
            return topic
        }
    }

    private func retentionOnDemand(_ name: String) -> LogRetention { options.retentions[name] ?? options.retentionDefault }

    /// Gives the topics that exist the retention that the options name.
    func applyRetentions() throws {
        for (name, retention) in options.retentions.sorted(by: { $0.key < $1.key }) {
            guard let topic = try find(name), topic.retention != retention else { continue }
            _ = try create(name, partitions: nil, retention: retention)
            options.log(.info, "the retention of a topic was changed", ["topic": name, "retention": "\(retention)"])
        }
    }

    /// For the committing thread; a topic whose description is unreadable keeps everything.
    func retention(of name: String) -> LogRetention { ((try? find(name)) ?? nil)?.retention ?? .forever }
}
