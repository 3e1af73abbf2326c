import ConnectorLog
import Foundation
import StreamRuntime
import TestKit
import Testing

@Suite struct FencingTests {
    @Test func olderAttemptCannotCommitOnceANewerOneHasClaimed() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 1)
        var older = try TestJob(store)
        try older.write(["@0=zombie"])
        try older.writer.endEpoch(Epoch(1))
        var newer = try TestJob(store)
        #expect(throws: LogFenced.self) { try older.domain.commit(decision(1, older.attempt)) }
        #expect(throws: LogFenced.self) { try older.writer.endEpoch(Epoch(2)) }
        older.domain.close()
        try newer.write(["@0=mine"])
        try newer.commit(1)
        #expect(try contents(store) == [["@0=mine"]])
    }

    @Test func commitOfAnOlderAttemptIsRefusedByTheJournalItself() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 1)
        var older = try TestJob(store)
        try older.write(["@0=zombie"])
        try older.writer.endEpoch(Epoch(1))
        // Its own session knows nothing of this.
        let newer = AttemptID.random()
        try store.recordClaim(LogOwner(job: testJob, island: 0), newer)
        let error = #expect(throws: LogFenced.self) { try older.domain.commit(decision(1, older.attempt)) }
        #expect(error?.current == newer)
        #expect(try contents(store) == [[]])
        let known = try #require(try store.lastDecision(LogOwner(job: testJob, island: 0)))
        #expect(known.decision?.isGenesis == true)
    }

    @Test func claimOutlivesTheProcess() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        let attempt = AttemptID.random()
        _ = try LogTransactions(store).recover(islandOwner(attempt))
        store.close()
        let again = try LogStore(path: folder.path)
        let known = try #require(try again.lastDecision(LogOwner(job: testJob, island: 0)))
        #expect(known.attempt == attempt)
        #expect(known.decision == nil)
    }

    @Test func decidedEpochIsNotDecidedTwice() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        var job = try TestJob(store)
        try job.commit(1)
        #expect(throws: LogUsageError.self) { try job.domain.commit(decision(1, job.attempt)) }
        #expect(throws: LogUsageError.self) { try job.domain.commit(decision(2, .random())) }
    }

    @Test func secondWriterOfTheSameProcessIsRefused() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        let error = #expect(throws: LogOwnedElsewhere.self) { try LogStore(path: folder.path) }
        #expect(error?.pid == ProcessInfo.processInfo.processIdentifier)
        store.close()
        _ = try LogStore(path: folder.path)
    }

    @Test func otherProcessHoldsTheLockAndIsNamed() throws {
        let folder = TemporaryFolder()
        try LogStore(path: folder.path).close()
        let lock = folder.path + "/owner.lock"
        let child = Process()
        child.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
        // Opened for appending by the shell itself: the pid it writes is its own.
        child.arguments = ["-x", lock, "sh", "-c", "echo $$ > \(lock); echo locked; cat"]
        let input = Pipe()
        let output = Pipe()
        child.standardInput = input
        child.standardOutput = output
        try child.run()
        #expect(output.fileHandleForReading.availableData == Data("locked\n".utf8))
        let error = #expect(throws: LogOwnedElsewhere.self) { try LogStore(path: folder.path) }
        #expect(error?.pid != nil)
        #expect(error?.pid != ProcessInfo.processInfo.processIdentifier)
        #expect(error?.description.contains("process \(error?.pid ?? 0)") == true)
        try input.fileHandleForWriting.close()
        child.waitUntilExit()
        let store = try LogStore(path: folder.path)

        let probe = Process()
        probe.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
        probe.arguments = ["-n", "-x", lock, "true"]
        try probe.run()
        probe.waitUntilExit()
        #expect(probe.terminationStatus == 1)
        store.close()
    }
}
