import Foundation
import StreamRuntime

/// The journal file being appended to. Used by the committing thread only.
struct Journal {
    let number: Int64
    private let file: LogFile
    private var end: Int64
    private var entryNumber: UInt64
    private(set) var snapshotBytes: Int64

    var bytes: Int64 { end }

    /// Starts journal `number` with a snapshot of `state`: written to a temporary name, synced, renamed,
    /// the folder synced; then the older journals are removed. A crash leaves the old or the new one.
    init(
        starting number: Int64, from state: LogState, afterEntry previous: UInt64, in paths: LogPaths,
        step: LogStepHook?
    ) throws {
        let temporary = paths.journal(number) + ".tmp"
        let entry = JournalCodec.encode([.snapshot(state)], number: previous + 1)
        let file = try LogFile(temporary, .createNew)
        try entry.withUnsafeBytes { try file.write($0, at: 0) }
        try step?(.journalStarted(path: temporary))
        try file.synchronize()
        try step?(.journalSynced(path: temporary))
        try LogFolder.rename(temporary, to: paths.journal(number))
        try step?(.journalRenamed(path: paths.journal(number)))
        try LogFolder.synchronize(paths.commits)
        try step?(.directorySynced(path: paths.commits))
        self.file = file
        self.number = number
        end = Int64(entry.count)
        snapshotBytes = end
        entryNumber = previous + 1
        for name in try LogFolder.names(in: paths.commits) {
            guard let old = LogNames.number(of: name, suffix: ".journal"), old < number else { continue }
            try LogFolder.remove(paths.journal(old))
            try step?(.removed(path: paths.journal(old)))
        }
    }

    /// One entry with these records, on the device when this returns: the moment of the decision.
    mutating func append(_ records: [JournalRecord], in paths: LogPaths, step: LogStepHook?) throws {
        let entry = JournalCodec.encode(records, number: entryNumber + 1)
        try entry.withUnsafeBytes { try file.write($0, at: end) }
        let path = paths.journal(number)
        try step?(.journalWritten(path: path, from: end, to: end + Int64(entry.count)))
        try file.synchronize()
        try step?(.journalSynced(path: path))
        end += Int64(entry.count)
        entryNumber += 1
    }

    var lastEntryNumber: UInt64 { entryNumber }
}

/// What a journal says, read from disk.
struct JournalReading {
    var state = LogState()
    var number: Int64
    var lastEntryNumber: UInt64 = 0
    /// Bytes of whole entries.
    var bytes: Int64 = 0
    /// Bytes after them that were cut off in writing.
    var tornBytes: Int64 = 0

    /// The newest journal of the log; `nil` if it has none.
    static func newest(in paths: LogPaths) throws -> JournalReading? {
        let numbers = try LogFolder.names(in: paths.commits).compactMap {
            LogNames.number(of: $0, suffix: ".journal")
        }
        guard let number = numbers.max() else { return nil }
        let file = try LogFile(paths.journal(number), .read)
        var reading = JournalReading(number: number)
        let bytes = try file.readAll()
        try bytes.withUnsafeBytes { try reading.advance(over: $0, path: file.path) }
        if reading.bytes == 0 {
            throw LogCorruption(file: file.path, byte: 0, problem: "the journal does not begin with a snapshot")
        }
        reading.tornBytes = Int64(bytes.count) - reading.bytes
        if reading.tornBytes > 0 {
            let follows = bytes.withUnsafeBytes { JournalCodec.hasWholeEntry(in: $0, after: Int(reading.bytes)) }
            if follows {
                throw LogCorruption(
                    file: file.path, byte: reading.bytes,
                    problem: "a journal entry is unreadable although later ones are whole")
            }
        }
        return reading
    }

    /// Applies the whole entries at the front of `bytes`, which follow what was read so far; returns at
    /// the first one that is not whole.
    mutating func advance(over bytes: UnsafeRawBufferPointer, path: String) throws {
        let began = self.bytes
        var at = 0
        while at < bytes.count {
            let expected = self.bytes == 0 ? nil : lastEntryNumber + 1
            switch JournalCodec.entry(in: bytes, at: at, expected: expected) {
            case .torn: return
            case .damaged(let problem):
                throw LogCorruption(file: path, byte: began + Int64(at), problem: problem)
            case .whole(let records, let number, let byteCount):
                for record in records {
                    do {
                        try state.apply(record)
                    } catch {
                        throw LogCorruption(file: path, byte: began + Int64(at), problem: error.problem)
                    }
                }
                lastEntryNumber = number
                at += byteCount
                self.bytes = began + Int64(at)
            }
        }
    }
}
