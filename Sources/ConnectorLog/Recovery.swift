import Foundation
import StreamRuntime

/// How much of the committed data is checked when a log is opened for writing. Sizes and the presence of
/// every file are always checked, and readers check every frame they read.
public enum LogVerification: Sendable {
    /// The last commit of each partition: what a crash could have touched.
    case lastCommit
    /// Every byte: as long as reading the log takes.
    case everything
}

/// What opening a log for writing found and did.
public struct LogRecoveryReport: Sendable, Equatable {
    /// Bytes of a commit that was being written at the crash: never decided.
    public var tornJournalBytes: Int64 = 0
    /// Uncommitted bytes cut off partitions, by file.
    public var truncated: [String: Int64] = [:]
    /// Files that held nothing committed (or were already given up by retention), removed.
    public var removed: [String] = []

    public var isClean: Bool { self == LogRecoveryReport() }
}

/// Opening for writing, after the owner lock is held:
/// 1. the newest journal, to its last whole entry, says what is committed;
/// 2. every committed file is there, long enough, and (as far as asked) its checksums hold;
/// 3. what lies beyond is cut off;
/// 4. a new journal begins with what was found: only when it is durable may anything be committed.
/// Step 4 also settles a journal entry whose sync failed: whole, it counts, and is now durable.
enum Recovery {
    static func run(
        _ paths: LogPaths, verification: LogVerification, step: LogStepHook?
    ) throws -> (state: LogState, journal: Journal, report: LogRecoveryReport) {
        try LogFolder.create(paths.topics)
        try LogFolder.create(paths.commits)
        var report = LogRecoveryReport()
        for name in try LogFolder.names(in: paths.commits) where name.hasSuffix(".tmp") {
            try LogFolder.remove(paths.commits + "/" + name)
        }
        for name in try LogFolder.names(in: paths.topics) where name.hasPrefix(".new-") {
            try FileManager.default.removeItem(atPath: paths.topics + "/" + name)
        }
        let reading = try JournalReading.newest(in: paths)
        report.tornJournalBytes = reading?.tornBytes ?? 0
        let state = reading?.state ?? LogState()
        try settlePartitions(state, hasJournal: reading != nil, paths, verification, step, &report)
        let journal = try Journal(
            starting: (reading?.number ?? 0) + 1, from: state, afterEntry: reading?.lastEntryNumber ?? 0,
            in: paths, step: step)
        return (state, journal, report)
    }

    private static func settlePartitions(
        _ state: LogState, hasJournal: Bool, _ paths: LogPaths, _ verification: LogVerification,
        _ step: LogStepHook?, _ report: inout LogRecoveryReport
    ) throws {
        var known = Set(state.partitions.keys)
        for topic in try TopicMeta.all(in: paths) {
            for partition in 0..<topic.partitions {
                let id = LogTopicPartition(topic: topic.name, partition: partition)
                let extent = state.partitions[id] ?? PartitionExtent()
                known.remove(id)
                let files = try LogFolder.names(in: paths.partition(id))
                if !hasJournal, let file = files.first {
                    throw LogCorruption(
                        file: paths.partition(id) + "/" + file, byte: 0,
                        problem: "there are records but no journal in \(paths.commits)")
                }
                try settle(id, extent, files, paths, step, &report)
                try verify(id, extent, paths, verification)
            }
        }
        if let missing = known.sorted().first(where: { state.partitions[$0]?.segments.isEmpty == false }) {
            throw LogCorruption(
                file: paths.partition(missing), byte: 0, problem: "the folder of a partition that holds records is missing")
        }
    }

    /// Cuts the partition's files to what is committed.
    private static func settle(
        _ id: LogTopicPartition, _ extent: PartitionExtent, _ files: [String], _ paths: LogPaths,
        _ step: LogStepHook?, _ report: inout LogRecoveryReport
    ) throws {
        var present = Set(files)
        for segment in extent.segments {
            let path = paths.segment(id, base: segment.base)
            guard present.remove(LogNames.segmentFile(base: segment.base)) != nil else {
                throw LogCorruption(file: path, byte: 0, problem: "a segment with committed records is missing")
            }
            let file = try LogFile(path, .write)
            let size = try file.size()
            guard size >= segment.bytes else {
                throw LogCorruption(
                    file: path, byte: size, problem: "the segment ends there, but \(segment.bytes) bytes are committed")
            }
            if size > segment.bytes {
                try file.truncate(to: segment.bytes)
                report.truncated[path] = size - segment.bytes
            }
        }
        for name in present.sorted() {
            guard let base = LogNames.number(of: name, suffix: ".seg") else { continue }
            let path = paths.segment(id, base: base)
            guard base < extent.start || base >= extent.end else {
                throw LogCorruption(
                    file: path, byte: 0, problem: "a segment lies between committed ones that does not belong there")
            }
            try LogFolder.remove(path)
            try step?(.removed(path: path))
            report.removed.append(path)
        }
    }

    /// Reads the frames that `verification` asks for; throws `LogCorruption` at the first bad one.
    static func verify(
        _ id: LogTopicPartition, _ extent: PartitionExtent, _ paths: LogPaths, _ verification: LogVerification
    ) throws {
        var from = extent.lastCommit
        if case .everything = verification, let first = extent.segments.first {
            from = .init(segmentBase: first.base, byte: 0, offset: first.base)
        }
        guard let from else { return }
        let reader = FrameReader(bufferBytes: 1 << 20)
        var offset = from.offset
        for (index, segment) in extent.segments.enumerated() where segment.base >= from.segmentBase {
            let start = segment.base == from.segmentBase ? from.byte : 0
            reader.open(try LogFile(paths.segment(id, base: segment.base), .read), at: start)
            while try reader.next(committedBytes: segment.bytes, expectedOffset: offset) {
                offset = reader.header.endOffset
            }
            let end = index + 1 < extent.segments.count ? extent.segments[index + 1].base : extent.end
            guard offset == end else {
                throw LogCorruption(
                    file: paths.segment(id, base: segment.base), byte: segment.bytes,
                    problem: "the segment holds records up to offset \(offset), but \(end) are committed")
            }
        }
    }
}
