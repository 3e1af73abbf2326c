import ConnectorLog
import Foundation
import StreamRuntime
import Synchronization
import TestKit
import Testing

private func source(_ store: LogStore, start: LogSource<String>.Start = .earliest) -> LogSource<String> {
    LogSource(store, topics: ["t"], start: start) { record in
        guard let text = record.valueText, text != "bad" else { throw LogUsageError("bad") }
        return text
    }
}

@Suite struct ReaderTests {
    private let id = LogTopicPartition(topic: "t", partition: 0)

    @Test func readerFollowsLiveAcrossSegments() throws {
        let folder = TemporaryFolder()
        var options = LogStoreOptions()
        options.segmentBytesMax = 400
        let store = try LogStore(path: folder.path, options: options)
        try store.createTopic("t", partitions: 1)
        let wakes = Atomic<Int>(0)
        let splits = try source(store).discoverSplits(sourceContext()).map { SplitPosition(split: $0.id, next: $0.start) }
        var reader = try source(store).makeReader(readerContext(splits) { wakes.wrappingAdd(1, ordering: .relaxed) })
        var output = Gather<String>()
        var expected: [String] = []
        for round in 0..<30 {
            guard case .idle = try reader.poll(into: &output, budget: 100) else {
                Issue.record("there was nothing to read")
                return
            }
            let batch = (0..<(round % 4 + 1)).map { "\(round):\($0)" }
            try store.append(batch.map { LogRecord(topic: "t", text: $0) })
            #expect(wakes.load(ordering: .relaxed) == round + 1)
            #expect(reader.lag().map(\.records) == [Int64(batch.count)])
            #expect(try reader.poll(into: &output, budget: 100) == .progressed)
            expected += batch
            #expect(reader.positions() == [SplitPosition(split: "t/0", next: Int64(expected.count))])
        }
        #expect(output.elements == expected)
        #expect(folder.files(suffix: ".seg").count > 5)
        reader.close()
        try store.append([LogRecord(topic: "t", text: "x")])
        #expect(wakes.load(ordering: .relaxed) == 30)
    }

    @Test func readerGoesOnFromAnyPosition() throws {
        let folder = TemporaryFolder()
        var options = LogStoreOptions()
        options.segmentBytesMax = 2_000
        let store = try LogStore(path: folder.path, options: options)
        try store.createTopic("t", partitions: 1)
        for round in 0..<20 { try store.append((0..<7).map { LogRecord(topic: "t", text: "\(round * 7 + $0)") }) }
        for position in 0...140 {
            let reader = try store.reader(id, at: Int64(position))
            #expect(try texts(reader.read(limit: .max)) == (position..<140).map(String.init))
        }
    }

    @Test func budgetBoundsAPollAndPartitionsTakeTurns() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 2)
        try store.append((0..<1_000).map { LogRecord(topic: "t", partition: Int32($0 / 500), value: Array("\($0)".utf8)) })
        var reader = try source(store).makeReader(
            readerContext([SplitPosition(split: "t/0", next: 0), SplitPosition(split: "t/1", next: 0)]))
        var output = Gather<String>()
        #expect(try reader.poll(into: &output, budget: 200) == .progressed)
        #expect(output.elements.count == 200)
        #expect(reader.positions().map(\.next) == [100, 100])
    }

    @Test func startIsWhereItWasAskedToBe() throws {
        let folder = TemporaryFolder()
        var options = LogStoreOptions()
        options.segmentBytesMax = 1_000
        let store = try LogStore(path: folder.path, options: options)
        try store.createTopic("t", partitions: 1)
        for time in 0..<60 {
            try store.append([LogRecord(topic: "t", text: "\(time)", timestampMillis: Int64(time * 10))])
        }
        func start(_ start: LogSource<String>.Start) throws -> Int64? {
            try source(store, start: start).discoverSplits(sourceContext()).first?.start
        }
        #expect(try start(.earliest) == 0)
        #expect(try start(.latest) == 60)
        #expect(try start(.timestampMillis(-1)) == 0)
        #expect(try start(.timestampMillis(245)) == 25)
        #expect(try start(.timestampMillis(250)) == 25)
        #expect(try start(.timestampMillis(591)) == 60)
    }

    @Test func missingTopicIsCreatedWhereTheLogIsWritable() throws {
        let folder = TemporaryFolder()
        var options = LogStoreOptions()
        options.partitionsDefault = 3
        let store = try LogStore(path: folder.path, options: options)
        let reading = try LogStore(path: folder.path, reading: true)
        #expect(throws: LogUsageError.self) { try source(reading).discoverSplits(sourceContext()) }
        let splits = try source(store).discoverSplits(sourceContext())
        #expect(splits.map(\.id) == ["t/0", "t/1", "t/2"])
        #expect(splits.allSatisfy { $0.brokerOffset == nil && $0.start == 0 })
        #expect(try source(reading).discoverSplits(sourceContext()).count == 3)
        #expect(throws: LogUsageError.self) { try reading.append([LogRecord(topic: "t", text: "x")]) }
    }

    @Test func undecodableRecordFailsTheJobUnlessMapped() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 1)
        try store.append(["a", "bad", "b"].map { LogRecord(topic: "t", text: $0) })
        let splits = [SplitPosition(split: "t/0", next: 0)]
        var strict = try source(store).makeReader(readerContext(splits))
        var output = Gather<String>()
        let error = #expect(throws: LogUndecodable.self) { try strict.poll(into: &output, budget: 10) }
        #expect(error?.offset == 1)
        #expect(error?.description.contains("t/0 offset 1") == true)
        #expect((error as (any Error)?) is any UnrestartableError)

        let lenient = LogSource<String>(
            store, topics: ["t"],
            onUndecodable: { record, error in "dlq:\(record.partition):\(record.offset):\(error)" },
            decode: { record in
                guard let text = record.valueText, text != "bad" else { throw LogUsageError("no") }
                return text
            })
        var reader = try lenient.makeReader(readerContext(splits))
        output = Gather()
        #expect(try reader.poll(into: &output, budget: 10) == .progressed)
        #expect(output.elements == ["a", "dlq:0:1:no", "b"])
    }

    @Test func anotherProcessFollowsThroughTheFilesAlone() throws {
        let folder = TemporaryFolder()
        var options = LogStoreOptions()
        options.segmentBytesMax = 500
        options.journalBytesMax = 0
        let store = try LogStore(path: folder.path, options: options)
        try store.createTopic("t", partitions: 1)
        // It shares no memory with the writing store: what it knows it reads from the folder.
        var following = LogStoreOptions()
        following.followPollMillis = 0
        let follower = try LogStore(path: folder.path, reading: true, options: following)
        var reader = try source(follower).makeReader(readerContext([SplitPosition(split: "t/0", next: 0)]))
        var output = Gather<String>()
        var journals: Set<String> = []
        for round in 0..<60 {
            try store.append((0..<3).map { LogRecord(topic: "t", text: "\(round * 3 + $0)") })
            journals.formUnion(folder.files(suffix: ".journal"))
            _ = try reader.poll(into: &output, budget: 100)
            #expect(output.elements.count == round * 3 + 3)
        }
        #expect(output.elements == (0..<180).map(String.init))
        #expect(journals.count > 2, "the journal was replaced under the follower")
        #expect(try reader.poll(into: &output, budget: 100) == .idle(recheckAfterMicros: 0))
    }

    @Test func aThreadThatIsHeldUp_doesNotShowOlderCommitsAfterNewerOnes() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 2)
        var following = LogStoreOptions()
        following.followPollMillis = 0
        let follower = try LogStore(path: folder.path, reading: true, options: following)
        let ids = [id, LogTopicPartition(topic: "t", partition: 1)]
        let readers = try ids.map { try follower.reader($0, at: 0) }
        // Who shows a commit first is held up between the two partitions.
        let isFirst = Atomic<Bool>(true)
        let heldUp = DispatchSemaphore(value: 0)
        let goOn = DispatchSemaphore(value: 0)
        var subscriptions: [LogSubscription] = []
        for reader in readers {
            let subscription = reader.onCommit {
                guard isFirst.exchange(false, ordering: .relaxed) else { return }
                heldUp.signal()
                goOn.wait()
            }
            subscriptions.append(subscription)
        }
        func look(_ group: DispatchGroup) {
            let partition = ids[0]
            group.enter()
            Thread.detachNewThread {
                _ = try? follower.offsets(partition)
                group.leave()
            }
        }
        let slow = DispatchGroup()
        let quick = DispatchGroup()
        try store.append(ids.map { LogRecord(topic: "t", partition: $0.partition, value: [1]) })
        look(slow)
        heldUp.wait()
        try store.append(ids.map { LogRecord(topic: "t", partition: $0.partition, value: [2]) })
        look(quick)
        _ = quick.wait(timeout: .now() + .milliseconds(200))  // so long it may overtake; it waits its turn instead
        goOn.signal()
        slow.wait()
        quick.wait()
        #expect(readers.map(\.lag) == [2, 2])
        withExtendedLifetime(subscriptions) {}
    }

    @Test func followerDoesNotShowAnEntryBeforeItIsWhole() throws {
        let folder = TemporaryFolder()
        let store = try LogStore(path: folder.path)
        try store.createTopic("t", partitions: 1)
        try store.append([LogRecord(topic: "t", text: "1")])
        let before = try folder.copy()
        try store.append([LogRecord(topic: "t", text: "2")])
        var options = LogStoreOptions()
        options.followPollMillis = 0
        // The journal grows byte by byte in a copy whose segments are complete.
        let copy = try folder.copy()
        let journal = try #require(copy.files(suffix: ".journal").first)
        let whole = try Data(contentsOf: URL(fileURLWithPath: journal))
        let short = try Data(contentsOf: URL(fileURLWithPath: try #require(before.files(suffix: ".journal").first)))
        try short.write(to: URL(fileURLWithPath: journal), options: [])
        let follower = try LogStore(path: copy.path, reading: true, options: options)
        let reader = try follower.reader(id, at: 0)
        #expect(try texts(reader.read(limit: 10)) == ["1"])
        let handle = try #require(FileHandle(forWritingAtPath: journal))
        try handle.seekToEnd()
        for byte in whole[short.count..<(whole.count - 1)] {
            try handle.write(contentsOf: [byte])
            #expect(try reader.read(limit: 10).isEmpty)
        }
        try handle.write(contentsOf: whole.suffix(1))
        #expect(try texts(reader.read(limit: 10)) == ["2"])
    }
}

@Suite struct RetentionTests {
    private let id = LogTopicPartition(topic: "t", partition: 0)

    @Test func oldSegmentsGoByBytes() throws {
        let folder = TemporaryFolder()
        var options = LogStoreOptions()
        options.segmentBytesMax = 1_000
        let store = try LogStore(path: folder.path, options: options)
        try store.createTopic("t", partitions: 1, retention: LogRetention(bytes: 3_000))
        let slow = try store.reader(id, at: 0)
        for number in 0..<200 { try store.append([LogRecord(topic: "t", text: "\(number)")]) }
        let kept = try store.offsets(id)
        #expect(kept.upperBound == 200)
        #expect(kept.lowerBound > 100 && kept.lowerBound < 190)
        #expect(folder.files(suffix: ".seg").count <= 5)
        #expect(try contents(store)[0] == kept.map(String.init))
        let error = #expect(throws: LogOutOfRange.self) { try slow.next() }
        #expect(error?.start == kept.lowerBound)
        #expect(throws: LogOutOfRange.self) { try store.reader(id, at: kept.lowerBound - 1) }
        store.close()
        let again = try LogStore(path: folder.path, options: options)
        #expect(try again.offsets(id) == kept)
        #expect(again.recovery.isClean)
    }

    @Test func oldSegmentsGoByAgeButNeverTheNewest() throws {
        let folder = TemporaryFolder()
        let clock = ManualClock(1_000_000)
        var options = LogStoreOptions()
        options.segmentBytesMax = 500
        options.clock = clock
        let store = try LogStore(path: folder.path, options: options)
        try store.createTopic("t", partitions: 1, retention: LogRetention(millis: 60_000))
        for number in 0..<50 {
            try store.append([LogRecord(topic: "t", text: "\(number)")])
            clock.advance(1_000)
        }
        #expect(try store.offsets(id).lowerBound == 0)
        clock.advance(20_000)
        try store.enforceRetention()
        let kept = try store.offsets(id)
        #expect(kept.lowerBound > 0 && kept.lowerBound <= 10)
        clock.advance(10_000_000)
        try store.append([LogRecord(topic: "t", text: "50")])
        let rest = try store.offsets(id)
        #expect(rest.lowerBound > 30 && rest.upperBound == 51)
        #expect(folder.files(suffix: ".seg").count == 1)
    }
}
