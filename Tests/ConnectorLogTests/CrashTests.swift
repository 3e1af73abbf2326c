import ConnectorLog
import Foundation
import StreamRuntime
import Synchronization
import TestKit
import Testing

/// Crashes a log at its n-th durability step, and knows what a power loss may take: bytes and names that
/// were written but not synced.
final class CrashDisk: Sendable {
    struct Crash: Error {}
    private struct State {
        var stepsLeft = Int.max
        var hasCrashed = false
        var steps = 0
        /// Unsynced bytes by file.
        var unsynced: [String: Range<Int64>] = [:]
        /// Files whose name is not durable yet.
        var unnamed: Set<String> = []
        var renamed: [String] = []
    }
    private let state = Mutex(State())

    func arm(_ steps: Int) {
        state.withLock {
            $0.stepsLeft = steps
            $0.steps = 0
        }
    }
    var hasCrashed: Bool { state.withLock { $0.hasCrashed } }
    var steps: Int { state.withLock { $0.steps } }

    var hook: @Sendable (LogStep) throws -> Void {
        { [self] step in
            try state.withLock { state in
                // After the crash nothing happens any more.
                if state.hasCrashed { throw Crash() }
                Self.note(step, &state)
                state.steps += 1
                state.stepsLeft -= 1
                if state.stepsLeft <= 0 {
                    state.hasCrashed = true
                    throw Crash()
                }
            }
        }
    }

    private static func note(_ step: LogStep, _ state: inout State) {
        func wrote(_ path: String, _ from: Int64, _ to: Int64) {
            let known = state.unsynced[path]
            state.unsynced[path] = min(from, known?.lowerBound ?? from)..<max(to, known?.upperBound ?? to)
        }
        switch step {
        case .segmentCreated(let path): state.unnamed.insert(path)
        case .segmentWritten(let path, let from, let to), .journalWritten(let path, let from, let to):
            wrote(path, from, to)
        case .segmentSynced(let path), .journalSynced(let path): state.unsynced[path] = nil
        case .journalStarted(let path): wrote(path, 0, .max)
        case .journalRenamed(let path):
            state.renamed.append(path)
            state.unsynced[path] = state.unsynced.removeValue(forKey: path + ".tmp")
        case .directorySynced(let folder):
            state.unnamed = state.unnamed.filter { !$0.hasPrefix(folder + "/") }
            state.renamed.removeAll { $0.hasPrefix(folder + "/") }
        case .removed: break
        }
    }

    /// The machine loses power: each unsynced range survives to a random length, or with unwritten
    /// sectors; each name that was not synced may be gone.
    func losePower(_ random: inout SeededGenerator) throws {
        let state = state.withLock { $0 }
        for path in state.renamed where Bool.random(using: &random) {
            try FileManager.default.moveItem(atPath: path, toPath: path + ".tmp")
        }
        for (path, range) in state.unsynced.sorted(by: { $0.key < $1.key }) {
            guard let handle = FileHandle(forUpdatingAtPath: path) else { continue }
            let size = Int64(try handle.seekToEnd())
            let end = min(size, range.upperBound)
            guard range.lowerBound < end else { continue }
            if Bool.random(using: &random) {
                try handle.truncate(atOffset: UInt64(Int64.random(in: range.lowerBound...end, using: &random)))
            } else {
                try Self.zeroSectors(handle, range.lowerBound..<end, &random)
            }
        }
        for path in state.unnamed.sorted() where Bool.random(using: &random) { try? FileManager.default.removeItem(atPath: path) }
    }

    /// Zeroes at least one of the sectors the range touches, within the range.
    private static func zeroSectors(_ handle: FileHandle, _ range: Range<Int64>, _ random: inout SeededGenerator) throws {
        let sectors = (range.lowerBound / 512)...((range.upperBound - 1) / 512)
        let sure = Int64.random(in: sectors, using: &random)
        for sector in sectors where sector == sure || Bool.random(using: &random) {
            let from = max(range.lowerBound, sector * 512)
            let to = min(range.upperBound, (sector + 1) * 512)
            try handle.seek(toOffset: UInt64(from))
            try handle.write(contentsOf: [UInt8](repeating: 0, count: Int(to - from)))
        }
    }
}

@Suite struct CrashTests {
    private func options(_ disk: CrashDisk? = nil, journalBytesMax: Int64 = 1 << 20) -> LogStoreOptions {
        var options = LogStoreOptions()
        options.segmentBytesMax = 900
        options.journalBytesMax = journalBytesMax
        options.verification = .everything
        options.step = disk?.hook
        return options
    }

    /// What epoch `epoch` writes: a few records to each of three partitions, over segment boundaries.
    private func records(_ epoch: UInt64) -> [String] {
        (0..<12).map { "@\($0 % 3)=e\(epoch):\($0):" + String(repeating: "x", count: Int(epoch * 7 % 90)) }
    }

    /// The contents once the epochs up to `epoch` are committed.
    private func expected(_ epoch: UInt64) -> [[String]] {
        (0..<3).map { partition in
            (1...max(epoch, 1)).filter { $0 <= epoch }.flatMap { records($0) }.filter { $0.hasPrefix("@\(partition)") }
        }
    }

    private enum Ending { case killed, powerLost(UInt64) }

    /// Runs `epochs` epochs with a crash at step `crashAt`, ends as told, and checks what a new start finds.
    /// Returns false when the run was over before the crash.
    private func run(
        crashAt: Int, epochs: UInt64, journalBytesMax: Int64, retention: LogRetention = .forever, _ ending: Ending
    ) throws -> Bool {
        let folder = TemporaryFolder()
        let disk = CrashDisk()
        var acknowledged: UInt64 = 0
        do {
            let store = try LogStore(path: folder.path, options: options(disk, journalBytesMax: journalBytesMax))
            try store.createTopic("t", partitions: 3, retention: retention)
            var job = try TestJob(store)
            disk.arm(crashAt)
            do {
                for epoch in 1...epochs {
                    try job.write(records(epoch))
                    try job.commit(epoch)
                    acknowledged = epoch
                    if disk.hasCrashed { break }
                }
            } catch is CrashDisk.Crash {}
            store.close()
        }
        if case .powerLost(let seed) = ending {
            var random = SeededGenerator(seed: seed &* 7_919 &+ UInt64(crashAt))
            try disk.losePower(&random)
        }
        let store = try LogStore(path: folder.path, options: options())
        var job = try TestJob(store)
        let decided = job.recovered?.checkpoint.epoch.rawValue ?? 0
        let context = "crash at step \(crashAt), \(ending), acknowledged \(acknowledged), decided \(decided)"
        #expect(decided == acknowledged || decided == acknowledged + 1, "\(context)")
        try check(store, decided, retention, context)
        // The log goes on as if nothing had happened.
        for epoch in decided + 1...decided + 2 {
            try job.write(records(epoch))
            try job.commit(epoch)
        }
        try check(store, decided + 2, retention, context)
        store.close()
        let again = try LogStore(path: folder.path, options: options())
        #expect(again.recovery.isClean, "\(context)")
        try check(again, decided + 2, retention, context)
        return disk.hasCrashed
    }

    /// Every record up to `epoch` is there once and in order, but for old ones where retention may remove them.
    private func check(_ store: LogStore, _ epoch: UInt64, _ retention: LogRetention, _ context: String) throws {
        let found = try contents(store)
        let whole = expected(epoch)
        guard retention != .forever else {
            #expect(found == whole, "\(context)")
            return
        }
        for (partition, values) in found.enumerated() {
            let range = try store.offsets(LogTopicPartition(topic: "t", partition: Int32(partition)))
            #expect(range.upperBound == Int64(whole[partition].count), "\(context)")
            #expect(values == Array(whole[partition].suffix(range.count)), "\(context)")
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func retentionMayCrashAnywhere(seed: UInt64) throws {
        var crashAt = 1
        let ending: Ending = seed == 1 ? .killed : .powerLost(seed)
        while try run(
            crashAt: crashAt, epochs: 8, journalBytesMax: 1 << 20, retention: LogRetention(bytes: 500), ending)
        {
            crashAt += 1
        }
        #expect(crashAt > 80)
    }

    @Test func killedAtAnyStepACommitIsAllOrNothing() throws {
        var crashAt = 1
        while try run(crashAt: crashAt, epochs: 3, journalBytesMax: 1 << 20, .killed) { crashAt += 1 }
        #expect(crashAt > 30)
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func powerLostAtAnyStepACommitIsAllOrNothing(seed: UInt64) throws {
        var crashAt = 1
        while try run(crashAt: crashAt, epochs: 3, journalBytesMax: 1 << 20, .powerLost(seed)) { crashAt += 1 }
        #expect(crashAt > 30)
    }

    @Test(arguments: [1, 2] as [UInt64])
    func compactionMayCrashAnywhere(seed: UInt64) throws {
        var crashAt = 1
        while try run(crashAt: crashAt, epochs: 9, journalBytesMax: 0, seed == 1 ? .killed : .powerLost(seed)) {
            crashAt += 3
        }
        #expect(crashAt > 90)
    }

    @Test func commitRecordTornAtAnyByteIsNoCommit() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path, options: options())
        try store.createTopic("t", partitions: 3)
        var job = try TestJob(store)
        try job.write(records(1))
        try job.commit(1)
        let journal = try #require(folder.files(suffix: ".journal").first)
        let before = try Data(contentsOf: URL(fileURLWithPath: journal)).count
        try job.write(records(2))
        try job.commit(2)
        let whole = try Data(contentsOf: URL(fileURLWithPath: journal))
        store.close()
        for length in before...whole.count {
            let torn = try folder.copy()
            let file = try #require(torn.files(suffix: ".journal").first)
            try whole.prefix(length).write(to: URL(fileURLWithPath: file))
            let again = try LogStore(path: torn.path, options: options())
            let decided: UInt64 = length == whole.count ? 2 : 1
            #expect(again.recovery.tornJournalBytes == (length == whole.count ? 0 : Int64(length - before)))
            #expect(try again.lastDecision(LogOwner(job: testJob, island: 0))?.decision?.checkpoint.epoch.rawValue == decided)
            #expect(try contents(again) == expected(decided), "torn at \(length)")
        }
    }

    @Test func garbageBehindTheCommittedEndIsCutOff() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path, options: options())
        try store.createTopic("t", partitions: 3)
        var job = try TestJob(store)
        try job.write(records(1))
        try job.commit(1)
        store.close()
        for path in folder.files(suffix: ".seg") {
            let handle = try #require(FileHandle(forUpdatingAtPath: path))
            try handle.seekToEnd()
            try handle.write(contentsOf: [UInt8](repeating: 0xAB, count: 77))
        }
        let again = try LogStore(path: folder.path, options: options())
        #expect(again.recovery.truncated.count == folder.files(suffix: ".seg").count)
        #expect(try contents(again) == expected(1))
    }

    @Test func crashWhileRecoveringIsRecovered() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path, options: options())
        try store.createTopic("t", partitions: 3)
        var job = try TestJob(store)
        try job.write(records(1))
        try job.commit(1)
        store.close()
        for crashAt in 1...8 {
            let disk = CrashDisk()
            disk.arm(crashAt)
            _ = try? LogStore(path: folder.path, options: options(disk))
            let again = try LogStore(path: folder.path, options: options())
            #expect(try contents(again) == expected(1))
            again.close()
        }
    }

    @Test func storeThatFailedOnceRepairsItselfForTheNextAttempt() throws {
        let folder = TemporaryFolder()
        let failing = Mutex(false)
        var options = options()
        options.step = { step in
            guard failing.withLock({ $0 }) else { return }
            if case .segmentSynced = step { throw FileError("fdatasync", "disk", code: EIO) }
        }
        let store = try LogStore(path: folder.path, options: options)
        try store.createTopic("t", partitions: 3)
        var job = try TestJob(store)
        try job.write(records(1))
        try job.commit(1)
        failing.withLock { $0 = true }
        try job.write(records(2))
        #expect(throws: FileError.self) { try job.commit(2) }
        job.domain.close()
        failing.withLock { $0 = false }
        job = try TestJob(store)
        #expect(job.recovered?.checkpoint.epoch == Epoch(1))
        try job.write(records(2))
        try job.commit(2)
        #expect(try contents(store) == expected(2))
        try store.verifyAll()
    }

    @Test func decisionWhoseSyncFailedIsSettledByRecovery() throws {
        let folder = TemporaryFolder()
        let failing = Mutex(false)
        var options = options()
        options.step = { step in
            guard failing.withLock({ $0 }) else { return }
            if case .journalWritten = step { throw FileError("fdatasync", "journal", code: EIO) }
        }
        let store = try LogStore(path: folder.path, options: options)
        try store.createTopic("t", partitions: 3)
        var job = try TestJob(store)
        failing.withLock { $0 = true }
        try job.write(records(1))
        #expect(throws: FileError.self) { try job.commit(1) }
        #expect(try contents(store) == expected(0), "nothing shows while it is in doubt")
        job.domain.close()
        failing.withLock { $0 = false }
        job = try TestJob(store)
        #expect(job.recovered?.checkpoint.epoch == Epoch(1), "the entry was whole: it is the decision")
        #expect(try contents(store) == expected(1))
    }
}
