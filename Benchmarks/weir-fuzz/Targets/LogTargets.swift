import ConnectorLog
import Foundation
import StreamRuntime

// The files of the embedded log: a whole log is opened, and read to its end, with one file of it replaced.
extension FuzzTarget {
    static func log(_ folder: String) throws -> [FuzzTarget] {
        let log = LogFixture("\(folder)/log")
        return [
            FuzzTarget("log-segment", examples: [try log.file(.segment)], words: ["WLF1"], mend: LogFixture.mendSegment) {
                try log.read(replacing: .segment, by: $0)
            },
            FuzzTarget("log-journal", examples: [try log.file(.journal)], words: ["WLJ1"], mend: LogFixture.mendJournal) {
                try log.read(replacing: .journal, by: $0)
            },
            FuzzTarget(
                "log-topic", examples: [try log.file(.topic)], words: ["partitions 0", "retentionBytes -1"],
                mend: LogFixture.mendTopic
            ) {
                try log.read(replacing: .topic, by: $0)
            },
        ]
    }
}

/// A log of one topic, made once.
private final class LogFixture: @unchecked Sendable {  // the thread that tries inputs
    enum File: CaseIterable { case segment, journal, topic }

    private let folder: String
    private var whole: [String: [UInt8]] = [:]
    private var paths: [File: String] = [:]

    init(_ folder: String) { self.folder = folder }

    /// The file as it is when nothing is wrong.
    func file(_ file: File) throws -> [UInt8] {
        if whole.isEmpty { try make() }
        guard let path = paths[file], let bytes = whole[path] else { throw FuzzFailure("the log has no \(file)") }
        return bytes
    }

    private func make() throws {
        let store = try LogStore(path: folder)
        try store.createTopic("t", partitions: 1)
        for round in 0..<3 {
            try store.append(
                (0..<4).map { number in
                    LogRecord(
                        topic: "t", key: number == 0 ? nil : Array("key \(number)".utf8), value: Array("value \(round)".utf8),
                        headers: [.init("traceparent", Array("00-1-2-01".utf8))], timestampMillis: Int64(number))
                })
        }
        store.close()
        for name in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            guard let bytes = FileManager.default.contents(atPath: "\(folder)/\(name)") else { continue }
            whole[name] = Array(bytes)
            if name.hasSuffix(".seg") { paths[.segment] = name }
            if name.hasSuffix(".journal") { paths[.journal] = name }
            if name.hasSuffix("/meta") { paths[.topic] = name }
        }
    }

    func read(replacing file: File, by bytes: [UInt8]) throws {
        if whole.isEmpty { try make() }
        // Opening a log for writing changes it.
        for folder in ["commits", "topics/t/0"] {
            for name in try FileManager.default.contentsOfDirectory(atPath: "\(self.folder)/\(folder)")
            where whole["\(folder)/\(name)"] == nil {
                try FileManager.default.removeItem(atPath: "\(self.folder)/\(folder)/\(name)")
            }
        }
        for (name, content) in whole {
            try Data(name == paths[file] ? bytes : content).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
        }
        var options = LogStoreOptions()
        options.verification = .everything
        let store = try LogStore(path: folder, options: options)
        defer { store.close() }
        let place = LogTopicPartition(topic: "t", partition: 0)
        let range = try store.offsets(place)
        let reader = try store.reader(place, at: range.lowerBound)
        while let view = try reader.next() { _ = view.copy() }
        try store.append([LogRecord(topic: "t", text: "one more")])
    }

    // MARK: Checksums

    private static func store<Word: FixedWidthInteger>(_ word: Word, _ bytes: inout [UInt8], at place: Int) {
        for index in 0..<MemoryLayout<Word>.size { bytes[place + index] = UInt8(truncatingIfNeeded: word >> Word(8 * index)) }
    }

    private static func length(_ bytes: [UInt8], at place: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
    }

    private static func hash(_ bytes: [UInt8], _ range: Range<Int>) -> UInt64 {
        bytes[range].withUnsafeBytes { XXH64.hash($0) }
    }

    /// Frames back to back: the checksum of the body at `bodyAt`, that of the head behind what it covers.
    private static func mend(_ bytes: inout [UInt8], head: Int, bodyAt: Int) {
        var at = 0
        while at + head <= bytes.count {
            let body = length(bytes, at: at + 4)
            let end = min(bytes.count, at + head + body)
            store(hash(bytes, (at + head)..<end), &bytes, at: at + bodyAt)
            store(hash(bytes, at..<(at + head - 8)), &bytes, at: at + head - 8)
            at = end
        }
    }

    static func mendSegment(_ bytes: inout [UInt8]) { mend(&bytes, head: 48, bodyAt: 32) }
    static func mendJournal(_ bytes: inout [UInt8]) { mend(&bytes, head: 32, bodyAt: 16) }

    static func mendTopic(_ bytes: inout [UInt8]) {
        let mark = Array("xxh64 ".utf8)
        guard let end = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }) else { return }
        let lines = String(decoding: bytes[..<end], as: UTF8.self)
        bytes = Array((lines + "xxh64 \(Array(lines.utf8).withUnsafeBytes { hexDigits(XXH64.hash($0)) })\n").utf8)
    }
}
