import ConnectorLog
import Foundation
import StreamRuntime
import Synchronization
import TestKit
import Testing

@Suite struct TransactionTests {
    @Test func recordsShowOnlyWithTheDecision() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 2)
        var job = try TestJob(store)
        #expect(job.recovered == nil)
        try job.write(["@0=a", "@1=b", "@0=c"])
        try job.writer.flush()
        #expect(try contents(store) == [[], []])
        try job.writer.endEpoch(Epoch(1))
        try job.domain.prepare(Epoch(1), timeoutMillis: 1_000)
        #expect(try contents(store) == [[], []])
        try job.domain.commit(decision(1, job.attempt))
        #expect(try contents(store) == [["@0=a", "@0=c"], ["@1=b"]])
    }

    @Test func nextEpochIsStagedWhileOneCommits() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 1)
        var job = try TestJob(store)
        try job.write(["@0=1"])
        try job.writer.endEpoch(Epoch(1))
        try job.write(["@0=2"])
        try job.domain.prepare(Epoch(1), timeoutMillis: 1_000)
        try job.write(["@0=3"])
        try job.domain.commit(decision(1, job.attempt))
        #expect(try contents(store) == [["@0=1"]])
        try job.commit(2)
        #expect(try contents(store) == [["@0=1", "@0=2", "@0=3"]])
    }

    @Test func laterEpochCannotOvertake() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        var job = try TestJob(store)
        try job.write(["a=1"])
        try job.writer.endEpoch(Epoch(1))
        try job.writer.endEpoch(Epoch(2))
        #expect(throws: LogUsageError.self) { try job.domain.commit(decision(2, job.attempt)) }
    }

    @Test func prepareGivesUpWhenAWriterIsLate() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        let job = try TestJob(store)
        #expect(throws: LogUsageError.self) { try job.domain.prepare(Epoch(1), timeoutMillis: 1) }
    }

    @Test func recoveryGivesTheLastDecisionBack() throws {
        let folder = TemporaryFolder()
        let attempt = AttemptID.random()
        do {
            let store = try LogStore(path: folder.path)
            try store.createTopic("t", partitions: 1)
            var job = try TestJob(store, attempt: attempt)
            for epoch in 1...3 as ClosedRange<UInt64> {
                try job.write(["@0=\(epoch)"])
                try job.commit(epoch)
            }
            try job.write(["@0=lost"])
            job.domain.close()
            job.domain.close()
            // The same object starts the next attempt, as the engine does.
            let next = AttemptID.random()
            #expect(try job.domain.recover(islandOwner(next)) == decision(3, attempt))
            store.close()
        }
        let store = try LogStore(path: folder.path)
        var job = try TestJob(store)
        #expect(job.recovered == decision(3, attempt))
        let other = LogTransactions(store)
        let stranger = JobID(namespace: "test", jobName: "other")
        #expect(try other.recover(islandOwner(.random(), job: stranger)) == nil)
        #expect(try LogTransactions(store).recover(islandOwner(.random(), island: 1)) == nil)
        job = try TestJob(store)
        try job.write(["@0=4"])
        try job.commit(4)
        #expect(try contents(store) == [["@0=1", "@0=2", "@0=3", "@0=4"]])
    }

    @Test func genesisIsADecision() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        let job = try TestJob(store)
        job.domain.close()
        #expect(try LogTransactions(store).recover(islandOwner(.random()))?.isGenesis == true)
    }

    @Test func twoSinksOfAJobAreOneTransaction() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("x", partitions: 1)
        try store.createTopic("y", partitions: 1)
        let sinks = ["x", "y"].map { topic in
            LogSink<String>(store, topic: topic) { text, record in
                record.partition = 0
                record.setValue(text)
            }
        }
        let domains = sinks.compactMap { $0.transactions as? LogTransactions }
        #expect(domains[0].sharesDecisions(with: domains[1]))
        let elsewhere = LogTransactions(try LogStore(path: folder.path + "/other"))
        #expect(!domains[0].sharesDecisions(with: elsewhere))
        let attempt = AttemptID.random()
        _ = try domains[0].recover(islandOwner(attempt))
        try domains[0].begin(Epoch(1), writers: 2)
        var writers = try sinks.map { try $0.makeWriter(writerContext()) }
        for index in writers.indices {
            try writers[index].write("@0=\(index)")
            try writers[index].endEpoch(Epoch(1))
        }
        try domains[0].prepare(Epoch(1), timeoutMillis: 1_000)
        try domains[0].commit(decision(1, attempt))
        #expect(try contents(store, "x") == [["@0=0"]])
        #expect(try contents(store, "y") == [["@0=1"]])
    }

    @Test func fourJobsCommitSideBySide() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 3)
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 4) { number in
            do {
                let id = JobID(namespace: "test", jobName: "job\(number)")
                var job = try TestJob(store, job: id)
                for epoch in 1...25 as ClosedRange<UInt64> {
                    try job.write((0..<30).map { "@\($0 % 3)=\(number):\(epoch):\($0)" })
                    try job.commit(epoch)
                }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        let partitions = try contents(store)
        for (partition, values) in partitions.enumerated() {
            #expect(values.count == 4 * 25 * 10)
            for number in 0..<4 {
                let mine = values.filter { $0.hasPrefix("@\(partition)=\(number):") }
                let expected = (1...25).flatMap { epoch in
                    (0..<30).filter { $0 % 3 == partition }.map { "@\(partition)=\(number):\(epoch):\($0)" }
                }
                #expect(mine == expected)
            }
        }
        store.close()
        let again = try LogStore(path: folder.path)
        for number in 0..<4 {
            let job = JobID(namespace: "test", jobName: "job\(number)")
            let known = try #require(try again.lastDecision(LogOwner(job: job, island: 0)))
            #expect(known.decision?.checkpoint.epoch == Epoch(25))
        }
        #expect(try contents(again) == partitions)
    }

    @Test func commitOfAnEmptyEpochSyncsOnce() throws {
        let folder = TemporaryFolder()
        let steps = Mutex<[LogStep]>([])
        var options = LogStoreOptions()
        options.step = { step in steps.withLock { $0.append(step) } }
        let store = try LogStore(path: folder.path, options: options)
        var job = try TestJob(store)
        steps.withLock { $0 = [] }
        try job.commit(1)
        let syncs = steps.withLock { steps in
            steps.filter { if case .journalWritten = $0 { return false } else { return true } }
        }
        #expect(syncs.count == 1)
    }
}

@Suite struct StagingTests {
    /// Small limits: about forty 1 000-byte records fill the staging memory.
    private func smallStore(_ folder: TemporaryFolder) throws -> LogStore {
        var options = LogStoreOptions()
        options.stagingBytesMax = 300_000
        options.spillBytesMax = 2_000_000
        let store = try LogStore(path: folder.path, options: options)
        try store.createTopic("t", partitions: 1)
        return store
    }
    private func record(_ number: Int) -> String { "@0=\(number):" + String(repeating: "x", count: 10_000) }

    @Test func writerThatWaitsForACommitIsNotReadyWhenStagingIsFull() throws {
        let folder = TemporaryFolder()
        let store = try smallStore(folder)
        let wakes = Atomic<Int>(0)
        var job = try TestJob(store)
        var writer = try textSink(store).makeWriter(writerContext { wakes.wrappingAdd(1, ordering: .relaxed) })
        try job.domain.begin(Epoch(1), writers: 2)
        for number in 0..<60 { try writer.write(record(number)) }
        // Its barrier may lie behind more records: it is not held back before it.
        #expect(writer.isReady)
        try writer.endEpoch(Epoch(1))
        #expect(!writer.isReady)
        try writer.write(record(60))
        #expect(wakes.load(ordering: .relaxed) == 0)
        try job.commit(1)
        #expect(writer.isReady)
        #expect(wakes.load(ordering: .relaxed) == 1)
        #expect(try contents(store)[0].count == 60)
        try writer.endEpoch(Epoch(2))
        try job.commit(2)
        #expect(try contents(store)[0].map { $0.prefix { $0 != ":" } } == (0...60).map { "@0=\($0)" })
    }

    @Test func recordsBeyondMemoryComeBackFromTheSpillFile() throws {
        let folder = TemporaryFolder()
        let store = try smallStore(folder)
        var job = try TestJob(store)
        for epoch in 1...3 as ClosedRange<UInt64> {
            try job.write((0..<150).map(record))
            try job.commit(epoch)
        }
        let values = try contents(store)[0]
        #expect(values == (0..<3).flatMap { _ in (0..<150).map(record) })
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 3)
    }

    @Test func epochBeyondTheSpillLimitFailsNamingIt() throws {
        let folder = TemporaryFolder()
        let store = try smallStore(folder)
        var job = try TestJob(store)
        let error = #expect(throws: LogUsageError.self) { try job.write((0..<400).map(record)) }
        #expect(error?.description.contains("spillBytesMax") == true)
    }
}
