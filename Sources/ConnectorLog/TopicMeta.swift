import Foundation
import StreamRuntime

/// How long records are kept. Whole segments go at a time, and never the one being written to, so a
/// partition holds up to one segment more than asked for.
public struct LogRetention: Sendable, Hashable {
    /// Bytes a partition keeps at least; `nil`: no limit. What a job has still to read, by its last decision in the log, stays
    /// beyond them.
    public var bytes: Int64?
    /// A segment goes once its newest record is older than this, read or not; `nil`: no limit.
    public var millis: Int64?

    public init(bytes: Int64? = nil, millis: Int64? = nil) {
        self.bytes = bytes
        self.millis = millis
    }

    public static let forever = LogRetention()
}

/// What is fixed about a topic.
public struct LogTopic: Sendable, Hashable {
    public let name: String
    public let partitions: Int32
    public let retention: LogRetention
}

/// `topics/<name>/meta`: lines of `key value`, ended by a checksum of the lines before it.
enum TopicMeta {
    private static let version = "weir-log-topic 1"

    static func encode(_ topic: LogTopic) -> [UInt8] {
        var text = "\(version)\npartitions \(topic.partitions)\n"
        if let bytes = topic.retention.bytes { text += "retentionBytes \(bytes)\n" }
        if let millis = topic.retention.millis { text += "retentionMillis \(millis)\n" }
        return Array((text + "xxh64 \(checksum(text))\n").utf8)
    }

    static func decode(_ bytes: [UInt8], name: String, path: String) throws -> LogTopic {
        let text = String(decoding: bytes, as: UTF8.self)
        func damaged(_ problem: String) -> LogCorruption { LogCorruption(file: path, byte: 0, problem: problem) }
        guard let mark = text.range(of: "xxh64 ") else { throw damaged("the topic's description has no checksum") }
        let lines = String(text[..<mark.lowerBound])
        guard text[mark.upperBound...] == checksum(lines) + "\n" else {
            throw damaged("the checksum of the topic's description does not hold")
        }
        var values: [Substring: Int64] = [:]
        for line in lines.split(separator: "\n").dropFirst() {
            let parts = line.split(separator: " ")
            if parts.count == 2, let value = Int64(parts[1]) { values[parts[0]] = value }
        }
        guard lines.hasPrefix(version + "\n") else { throw damaged("the topic's description is of another version") }
        guard let partitions = values["partitions"], (1...Int64(LogNames.partitionsMax)).contains(partitions) else {
            throw damaged("the topic's description names no partition count")
        }
        return LogTopic(
            name: name, partitions: Int32(partitions),
            retention: LogRetention(bytes: values["retentionBytes"], millis: values["retentionMillis"]))
    }

    private static func checksum(_ text: String) -> String {
        Array(text.utf8).withUnsafeBytes { hexDigits(XXH64.hash($0)) }
    }

    static func read(_ name: String, in paths: LogPaths) throws -> LogTopic? {
        guard LogFolder.exists(paths.meta(name)) else { return nil }
        return try decode(try LogFile(paths.meta(name), .read).readAll(), name: name, path: paths.meta(name))
    }

    /// Makes the topic's folders under a temporary name and renames them into place: all or nothing.
    static func create(_ topic: LogTopic, in paths: LogPaths) throws {
        let temporary = paths.topics + "/.new-" + topic.name
        if LogFolder.exists(temporary) { try FileManager.default.removeItem(atPath: temporary) }
        try LogFolder.create(temporary)
        for partition in 0..<topic.partitions { try LogFolder.create(temporary + "/\(partition)") }
        try write(topic, to: temporary + "/meta")
        try LogFolder.synchronize(temporary)
        try LogFolder.rename(temporary, to: paths.topic(topic.name))
        try LogFolder.synchronize(paths.topics)
    }

    /// Replaces the description of a topic that exists.
    static func replace(_ topic: LogTopic, in paths: LogPaths) throws {
        let temporary = paths.meta(topic.name) + ".tmp"
        try write(topic, to: temporary)
        try LogFolder.rename(temporary, to: paths.meta(topic.name))
        try LogFolder.synchronize(paths.topic(topic.name))
    }

    private static func write(_ topic: LogTopic, to path: String) throws {
        let file = try LogFile(path, .createNew)
        try encode(topic).withUnsafeBytes { try file.write($0, at: 0) }
        try file.synchronize()
    }

    /// Every topic in the log, sorted.
    static func all(in paths: LogPaths) throws -> [LogTopic] {
        try LogFolder.names(in: paths.topics).filter { !$0.hasPrefix(".") }.map { name in
            guard let topic = try read(name, in: paths) else {
                throw LogCorruption(file: paths.meta(name), byte: 0, problem: "the topic's description is missing")
            }
            return topic
        }
    }
}
