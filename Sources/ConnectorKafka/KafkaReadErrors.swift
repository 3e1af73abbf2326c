import StreamRuntime

/// A position that its partition does not hold. Nothing was skipped, and another attempt would begin there or before it.
public struct KafkaOffsetOutOfRange: DataLossError, CustomStringConvertible {
    public let topic: String
    public let partition: Int32
    public let position: Int64
    /// What the partition holds, the end excluded; `nil` while the client has not heard of it.
    public let held: Range<Int64>?

    package init(topic: String, partition: Int32, position: Int64, held: Range<Int64>?) {
        self.topic = topic
        self.partition = partition
        self.position = position
        self.held = held
    }

    public var description: String {
        let range = held.map { " (it holds \($0.lowerBound) to \($0.upperBound))" } ?? ""
        return "offset \(position) of \(topic)/\(partition) is out of range\(range): \(reason). Nothing was skipped. \(remedy)"
    }

    private static let startOver =
        "start over with another --namespace (or --job-id): it begins empty, at the start the source names"

    private var reason: String {
        guard let held else { return "retention has deleted records that the job had still to read, or the topic was recreated" }
        return position < held.lowerBound
            ? "retention has deleted the records there before the job read them"
            : "the topic was recreated, or its brokers have lost records"
    }

    private var remedy: String {
        guard let held, position >= held.lowerBound else {
            return "Raise the topic's retention.ms and retention.bytes for the next time. The records are lost: to go on "
                + "without them, \(Self.startOver)"
        }
        return "Go back with --from-checkpoint or --from-savepoint to one that had not read so far, if the topic is the same; "
            + "otherwise \(Self.startOver)"
    }
}

/// A topic that this job has read, and that its brokers have not known for a while.
public struct KafkaTopicGone: DataLossError, CustomStringConvertible {
    public let topic: String
    public let bootstrapServers: String

    package init(topic: String, bootstrapServers: String) {
        self.topic = topic
        self.bootstrapServers = bootstrapServers
    }

    public var description: String {
        "topic '\(topic)' no longer exists at \(bootstrapServers). Was it deleted? The offsets of a topic of that name made "
            + "anew mean other records: make it with `weir provision` and start over with another --namespace (or --job-id)"
    }
}
