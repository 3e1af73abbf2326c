import ConnectorKafka
import StreamRuntime
import Testing

/// Whose turn it is among a reader's queues.
@Suite struct QueueTurnsTests {
    private typealias Take = QueueTurns.Take

    @Test func eachQueueGivesItsShare_thenTheNextOnesTurnComes() {
        var turns = QueueTurns(queues: 3, most: 300)
        var there = [150, 0, 1_000]
        var takes: [Take] = []
        for _ in 0..<4 {
            guard let take = turns.next(atMost: 1_000, available: { there[$0] }) else { break }
            there[take.queue] -= take.count
            takes.append(take)
        }
        #expect(
            takes == [
                Take(queue: 0, count: 100), Take(queue: 2, count: 100), Take(queue: 0, count: 50), Take(queue: 2, count: 100),
            ])
    }

    @Test func noMoreIsTakenThanIsWantedOrThere_andNothingFromWhatGivesNothing() {
        var turns = QueueTurns(queues: 2, most: 1_000)
        #expect(turns.next(atMost: 7, available: { _ in 100 }) == Take(queue: 0, count: 7))
        #expect(turns.next(atMost: 100, available: { _ in 3 }) == Take(queue: 1, count: 3))
        #expect(turns.next(atMost: 100, available: { $0 == 1 ? 5 : 0 }) == Take(queue: 1, count: 5))
        #expect(turns.next(atMost: 100, available: { _ in 0 }) == nil)
        var none = QueueTurns(queues: 0, most: 0)
        #expect(none.next(atMost: 100, available: { _ in 1 }) == nil)
    }

    @Test func manyQueuesStillGiveRunsOfRecords_andASingleOneGivesAll() {
        var many = QueueTurns(queues: 1_000, most: 1_024)
        #expect(many.next(atMost: 1_024, available: { _ in 1_024 }) == Take(queue: 0, count: 64))
        var single = QueueTurns(queues: 1, most: 1_024)
        #expect(single.next(atMost: 1_024, available: { _ in 5_000 }) == Take(queue: 0, count: 1_024))
    }
}

/// What a reader's client reads ahead.
@Suite struct ReadAheadTests {
    @Test(arguments: [true, false])
    func theBoundsAreSharedOutAmongQueues(_ pausesBriefly: Bool) {
        let records = pausesBriefly ? 100_000 : 500_000
        let shared = ReadAhead(separateQueues: 0, pausesBriefly: pausesBriefly)
        #expect(shared.records == records && shared.kibibytes == 65_536)
        let four = ReadAhead(separateQueues: 4, pausesBriefly: pausesBriefly)
        #expect(four.records == records / 4 && four.kibibytes == 16_384)
    }

    @Test func eachQueueHoldsEnoughForAFetch() {
        let many = ReadAhead(separateQueues: 1_000, pausesBriefly: true)
        #expect(many.records == 1_000 && many.kibibytes == 1_024)
    }
}

extension KafkaTests {
    /// A reader whose partitions are paused one by one.
    @Suite struct Alignment {
        private let perPartition = 3_000

        /// `perPartition` records in each of two partitions of topic `t`.
        private func filled() throws -> TestBroker {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"])
            let sink = KafkaSink<Int>(
                try KafkaConfiguration(bootstrapServers: broker.bootstrap), topic: "t", delivery: .atLeastOnce
            ) { element, message in
                message.partition = Int32(element % 2)
                message.setValue("\(element)")
            }
            var writer = try sink.makeWriter(writerContext())
            defer { writer.close() }
            for element in 0..<(2 * perPartition) { try writer.write(element) }
            try writer.endEpoch(Epoch(1))
            try waitUntil("records are acknowledged") { try writer.isAcknowledged(through: Epoch(1)) }
            return broker
        }

        private func alignedCursor() -> SplitCursor {
            let cursor = SplitCursor(["t/0", "t/1"])
            cursor.isAligned = true
            return cursor
        }

        private func offsets(_ driven: Driven<Seen>, of partition: Int32) -> [Int64] {
            driven.kept.elements.filter { $0.partition == partition }.map(\.offset)
        }

        @Test func aPausedPartitionIsLeft_andGoesOnInOrder() throws {
            let broker = try filled()
            let (cursor, all) = (alignedCursor(), Array(0..<Int64(perPartition)))
            var driven = try Driven(try seenSource(broker.bootstrap, ["t"]), splits: cursor)
            defer { driven.reader.close() }
            cursor.setPaused(0, true)
            try driven.take(perPartition)
            #expect(offsets(driven, of: 1) == all)
            try driven.pollFor(millis: 300)
            #expect(offsets(driven, of: 0) == [])
            let positions = driven.reader.positions()
            #expect(positions == [SplitPosition(split: "t/0", next: 0), SplitPosition(split: "t/1", next: Int64(perPartition))])
            let status = try driven.reader.poll(into: &driven.kept, budget: 1_000)
            #expect(status == .idle(recheckAfterMicros: 5_000))

            cursor.setPaused(0, false)
            try driven.take(2 * perPartition)
            #expect(offsets(driven, of: 0) == all, "what was read ahead is neither lost nor twice")
            #expect(driven.kept.elements.count == 2 * perPartition)
            #expect(driven.reader.positions().map(\.next) == [Int64(perPartition), Int64(perPartition)])
        }

        @Test func aPartitionThatIsPausedAgainAndAgainLosesNothing() throws {
            let broker = try filled()
            let (cursor, all) = (alignedCursor(), Array(0..<Int64(perPartition)))
            var driven = try Driven(try seenSource(broker.bootstrap, ["t"]), splits: cursor)
            defer { driven.reader.close() }
            var turn = 0
            try waitUntil("everything is read") {
                turn += 1
                cursor.setPaused(turn % 2, true)
                cursor.setPaused((turn + 1) % 2, false)
                _ = try driven.reader.poll(into: &driven.kept, budget: 100)
                return driven.kept.elements.count >= 2 * perPartition
            }
            #expect(offsets(driven, of: 0) == all)
            #expect(offsets(driven, of: 1) == all)
        }

        @Test func positionsOfAPausedPartitionAreThoseOfWhatWasEmitted_alsoForWhoGoesOnFromThem() throws {
            let broker = try filled()
            let (cursor, all) = (alignedCursor(), Array(0..<Int64(perPartition)))
            var driven = try Driven(try seenSource(broker.bootstrap, ["t"]), splits: cursor)
            try waitUntil("some of each is read") {
                _ = try driven.reader.poll(into: &driven.kept, budget: 100)
                return offsets(driven, of: 0).count >= 200
            }
            cursor.setPaused(0, true)
            let emitted = offsets(driven, of: 0).count
            try driven.take(emitted + perPartition)
            let positions = driven.reader.positions()
            #expect(positions.map(\.next) == [Int64(emitted), Int64(perPartition)])
            driven.reader.close()

            let restoredCursor = alignedCursor()
            restoredCursor.setPaused(0, true)
            var restored = try Driven(
                try seenSource(broker.bootstrap, ["t"]), at: positions, splits: restoredCursor)
            defer { restored.reader.close() }
            try restored.pollFor(millis: 300)
            #expect(restored.kept.elements.isEmpty)
            #expect(restored.reader.positions() == positions)
            restoredCursor.setPaused(0, false)
            try restored.take(perPartition - emitted)
            #expect(offsets(restored, of: 0) == Array(all[emitted...]))
        }
    }
}
