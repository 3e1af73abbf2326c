import StreamRuntime
import Synchronization

/// Follows the journal of a log that another process writes. Callable from any thread.
///
/// An entry is shown only after this process has synced the journal itself: a sync the writer may not
/// have finished yet cannot take back what was read (invariant 5 of CommitEngine).
final class JournalFollower: Sendable {
    private struct Follow {
        var file: LogFile
        var reading: JournalReading
        var lastPollNanos: Int64
        var damagedPolls = 0
    }
    private let paths: LogPaths
    private let options: LogStoreOptions
    private let follow: Mutex<Follow>
    private static let damagedPollsMax = 50

    init(_ paths: LogPaths, _ options: LogStoreOptions) throws {
        self.paths = paths
        self.options = options
        let (file, reading) = try Self.newest(paths)
        follow = Mutex(Follow(file: file, reading: reading, lastPollNanos: options.clock.monotonicNanos()))
    }

    var state: LogState { follow.withLock { $0.reading.state } }

    /// Shows the state, if it has changed since the last call: under the lock, or a thread that was held up would show its
    /// older one after it. Looks at the file at most every `followPollMillis`, unless `isForced`.
    func poll(isForced: Bool = false, show: (LogState) -> Void) throws {
        try follow.withLock { follow in
            let now = options.clock.monotonicNanos()
            let interval = Int64(options.followPollMillis) * 1_000_000
            guard isForced || now - follow.lastPollNanos >= interval else { return }
            follow.lastPollNanos = now
            let before = (follow.reading.number, follow.reading.lastEntryNumber)
            if try follow.file.isUnlinked() {
                let (file, reading) = try Self.newest(paths)
                follow.file = file
                follow.reading = reading
            } else {
                try readOn(&follow)
            }
            if (follow.reading.number, follow.reading.lastEntryNumber) != before { show(follow.reading.state) }
        }
    }

    private func readOn(_ follow: inout Follow) throws {
        let count = Int(try follow.file.size() - follow.reading.bytes)
        guard count > 0 else { return }
        try follow.file.synchronize()
        let from = follow.reading.bytes
        let bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            initialized = try follow.file.read(into: UnsafeMutableRawBufferPointer(buffer), at: from)
        }
        do {
            try bytes.withUnsafeBytes { try follow.reading.advance(over: $0, path: follow.file.path) }
            follow.damagedPolls = 0
        } catch {
            // An entry that is being written may show in part: only one that stays so is damage.
            follow.damagedPolls += 1
            if follow.damagedPolls > Self.damagedPollsMax { throw error }
        }
    }

    private static func newest(_ paths: LogPaths) throws -> (LogFile, JournalReading) {
        var failure: any Error = LogUsageError(
            "there is no log in \(paths.root): start the process that writes it, or check the path")
        // The journal may be replaced between listing and opening it.
        for _ in 0..<8 where LogFolder.exists(paths.commits) {
            do {
                guard let probe = try JournalReading.newest(in: paths) else { continue }
                let file = try LogFile(paths.journal(probe.number), .read)
                try file.synchronize()
                // What was read before the sync is durable now; what came since is for the next poll.
                return (file, probe)
            } catch {
                failure = error
            }
        }
        throw failure
    }
}
