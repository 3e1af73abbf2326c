import StreamRuntime

/// One partition of one topic. Its text form, `topic/partition`, is the split id of sources.
public struct LogTopicPartition: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let topic: String
    public let partition: Int32

    public init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    public var description: String { "\(topic)/\(partition)" }

    /// Reads what `description` writes.
    public init?(_ text: String) {
        guard let slash = text.lastIndex(of: "/"), let partition = Int32(text[text.index(after: slash)...]),
            partition >= 0
        else { return nil }
        self.init(topic: String(text[..<slash]), partition: partition)
    }

    public static func < (a: Self, b: Self) -> Bool { (a.topic, a.partition) < (b.topic, b.partition) }
}

/// The island whose decisions are kept: one line of epochs in the journal.
public struct LogOwner: Hashable, Sendable, CustomStringConvertible {
    public let job: JobID
    public let island: Int

    public init(job: JobID, island: Int) {
        self.job = job
        self.island = island
    }

    public var description: String { "\(job)/\(island)" }
}

enum LogNames {
    static let topicBytesMax = 200
    static let partitionsMax = 4096

    /// Kafka's alphabet for topic names, so that a job moves between the two unchanged.
    static func checkTopic(_ name: String) throws {
        let isWellFormed =
            !name.isEmpty && name.utf8.count <= topicBytesMax && name != "." && name != ".."
            && !name.hasPrefix(".")
            && name.utf8.allSatisfy {
                ($0 >= 97 && $0 <= 122) || ($0 >= 65 && $0 <= 90) || ($0 >= 48 && $0 <= 57)
                    || $0 == 45 || $0 == 95 || $0 == 46
            }
        guard isWellFormed else {
            throw LogUsageError(
                "'\(name)' is no topic name: use 1–\(topicBytesMax) of letters, digits, '-', '_' and '.', "
                    + "not beginning with '.'")
        }
    }

    static func paddedOffset(_ offset: Int64) -> String {
        let digits = String(offset)
        return String(repeating: "0", count: max(0, 20 - digits.utf8.count)) + digits
    }

    static func segmentFile(base: Int64) -> String { paddedOffset(base) + ".seg" }
    static func journalFile(number: Int64) -> String { paddedOffset(number) + ".journal" }

    /// The number in `name` if it is twenty digits followed by `suffix`.
    static func number(of name: String, suffix: String) -> Int64? {
        guard name.hasSuffix(suffix) else { return nil }
        let digits = name.dropLast(suffix.count)
        guard digits.utf8.count == 20, digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
        return Int64(digits)
    }
}

/// The folders of one log.
struct LogPaths: Sendable {
    let root: String

    var lock: String { root + "/owner.lock" }
    var topics: String { root + "/topics" }
    var commits: String { root + "/commits" }
    func topic(_ name: String) -> String { topics + "/" + name }
    func meta(_ topic: String) -> String { self.topic(topic) + "/meta" }
    func partition(_ id: LogTopicPartition) -> String { topic(id.topic) + "/\(id.partition)" }
    func segment(_ id: LogTopicPartition, base: Int64) -> String {
        partition(id) + "/" + LogNames.segmentFile(base: base)
    }
    func journal(_ number: Int64) -> String { commits + "/" + LogNames.journalFile(number: number) }
}
