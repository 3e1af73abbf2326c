import ConnectorLog
import StreamRuntime
import TestKit
import Testing

/// Retention and those who have still to read.
@Suite struct ReadersAndRetentionTests {
    private let id = LogTopicPartition(topic: "t", partition: 0)

    /// A job that reads `t/0` and has come to `next`, by its last decision in the log.
    private struct ReadingJob {
        let domain: LogTransactions
        let job: JobID
        let attempt = AttemptID.random()

        init(_ store: LogStore, job: JobID = testJob, next: Int64) throws {
            domain = LogTransactions(store)
            self.job = job
            _ = try domain.recover(islandOwner(attempt, job: job))
            try domain.commit(decision(0, next))
        }

        func decide(_ store: LogStore, _ epoch: UInt64, next: Int64) throws {
            try domain.begin(Epoch(epoch), writers: 1)
            var writer = try textSink(store, topic: "out").makeWriter(writerContext(job: job))
            try writer.endEpoch(Epoch(epoch))
            try domain.prepare(Epoch(epoch), timeoutMillis: 1_000)
            try domain.commit(decision(epoch, next))
        }

        private func decision(_ epoch: UInt64, _ next: Int64) -> Decision {
            Decision(
                checkpoint: CheckpointID(job: job, island: 0, epoch: Epoch(epoch), attempt: attempt),
                manifestHash: epoch == 0 ? Decision.genesisHash : "0000000000000010",
                offsets: [SourceOffset(source: "in", position: SplitPosition(split: "t/0", next: next))])
        }
    }

    private func options(segmentBytesMax: Int64, _ clock: (any RuntimeClock)? = nil) -> LogStoreOptions {
        var options = LogStoreOptions()
        options.segmentBytesMax = segmentBytesMax
        if let clock { options.clock = clock }
        return options
    }

    @Test func whatAJobHasStillToReadDoesNotGoForItsBytes() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path, options: options(segmentBytesMax: 1_000))
        try store.createTopic("t", partitions: 1, retention: LogRetention(bytes: 1_000))
        let job = try ReadingJob(store, next: 100)
        for number in 0..<200 { try store.append([LogRecord(topic: "t", text: "\(number)")]) }
        try store.enforceRetention()
        let kept = try store.offsets(id)
        #expect(kept.lowerBound <= 100, "record 100 is still to be read")
        #expect(kept.lowerBound > 50, "what was read before goes, to a segment")
        #expect(texts(try store.reader(id, at: 100).read(limit: 1)) == ["100"])

        try job.decide(store, 1, next: 200)
        try store.enforceRetention()
        #expect(try store.offsets(id).lowerBound > 150, "all is read")
    }

    @Test func theSlowestOfTheJobsCounts() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path, options: options(segmentBytesMax: 500))
        try store.createTopic("t", partitions: 1, retention: LogRetention(bytes: 500))
        let slow = try ReadingJob(store, next: 0)
        _ = try ReadingJob(store, job: JobID(namespace: "test", jobName: "fast"), next: 100)
        for number in 0..<100 { try store.append([LogRecord(topic: "t", text: "\(number)")]) }
        try store.enforceRetention()
        #expect(try store.offsets(id).lowerBound == 0)
        try slow.decide(store, 1, next: 100)
        try store.enforceRetention()
        #expect(try store.offsets(id).lowerBound > 0)
    }

    @Test func recordsGoByAgeReadOrNot_andWhoHadToReadThemIsToldTheWayOn() throws {
        let folder = TemporaryFolder()
        let clock = ManualClock(1_000_000)
        let store = try LogStore(path: folder.path, options: options(segmentBytesMax: 500, clock))
        try store.createTopic("t", partitions: 1, retention: LogRetention(bytes: 500, millis: 60_000))
        _ = try ReadingJob(store, next: 0)
        for number in 0..<50 {
            try store.append([LogRecord(topic: "t", text: "\(number)")])
            clock.advance(1_000)
        }
        try store.enforceRetention()
        #expect(try store.offsets(id).lowerBound == 0, "none is a minute old")
        clock.advance(10_000_000)
        try store.append([LogRecord(topic: "t", text: "50")])
        try store.enforceRetention()
        let kept = try store.offsets(id)
        #expect(kept.lowerBound > 30 && kept.upperBound == 51)
        #expect(folder.files(suffix: ".seg").count == 1)
        let error = #expect(throws: LogOutOfRange.self) { try store.reader(id, at: 0) }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("before \(kept.lowerBound)") && text.contains("--namespace") && text.contains("retention"))
        #expect((error as (any Error)?) is any DataLossError)
    }

    @Test func retentionByNameIsOfTopicsMadeNowAndBefore() throws {
        let folder = TemporaryFolder()
        let before = try LogStore(path: folder.path)
        try before.createTopic("old", partitions: 3)
        before.close()
        var options = LogStoreOptions()
        options.retentions = ["old": LogRetention(bytes: 5), "new": LogRetention(millis: 7)]
        let store = try LogStore(path: folder.path, options: options)
        try store.append([LogRecord(topic: "new", text: "a"), LogRecord(topic: "other", text: "b")])
        #expect(try store.topic("old")?.retention == LogRetention(bytes: 5))
        #expect(try store.topic("old")?.partitions == 3)
        #expect(try store.topic("new")?.retention == LogRetention(millis: 7))
        #expect(try store.topic("other")?.retention == .forever)
        store.close()
        #expect(try LogStore(path: folder.path).topic("old")?.retention == LogRetention(bytes: 5), "it is written down")
    }
}
