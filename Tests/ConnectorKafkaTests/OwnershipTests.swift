import ConnectorKafka
import Foundation
import StreamRuntime
import Testing

@Suite struct FenceMeaningTests {
    private func expiry(_ openedAtMillis: [Int64], nowMillis: Int64) -> KafkaEpochExpired? {
        FenceMeaning.expiry(
            openings: openedAtMillis.enumerated().map {
                FenceMeaning.Opening(epoch: Epoch(UInt64($0.offset) + 4), nanos: $0.element * 1_000_000)
            },
            nowNanos: nowMillis * 1_000_000, timeoutMillis: 60_000)
    }

    @Test func aTransactionPastItsTimeoutWasAbortedByTheBroker_aRestartMendsIt() throws {
        let expired = try #require(expiry([70_000, 9_000], nowMillis: 69_001))
        #expect(expired.epoch == 5, "the oldest")
        #expect(expired.description.contains("60001 ms"))
    }

    @Test func youngTransactionsOrNone_anotherOwnerHasFenced() {
        #expect(expiry([9_000, 70_000], nowMillis: 69_000)?.epoch == nil)
        #expect(expiry([], nowMillis: 1_000_000_000)?.epoch == nil)
    }
}

@Suite struct OwnDecisionsTests {
    private let mine = AttemptID.random()
    private let other = AttemptID.random()

    private func id(_ epoch: UInt64, _ attempt: AttemptID, island: Int = 0) -> CheckpointID {
        CheckpointID(job: job, island: island, epoch: Epoch(epoch), attempt: attempt)
    }

    @Test func whatWasReadCommittedOrAskedFor_isNobodyElses() {
        var own = OwnDecisions()
        #expect(!own.isAny && !own.exclude(id(3, other)), "a first attempt takes over whatever there is")
        own.recovered(id(3, other))
        #expect(own.isAny && !own.exclude(id(3, other)))
        own.committing(id(4, mine))
        #expect(!own.exclude(id(3, other)) && !own.exclude(id(4, mine)), "the outcome is not known")
        own.committed(id(4, mine))
        #expect(!own.exclude(id(4, mine)))
        #expect(!own.exclude(id(2, other)), "a reader that does not wait sees an older one")
        #expect(!own.exclude(id(9, other, island: 1)))
    }

    @Test func aLaterDecisionOfAnotherAttempt_isAnotherOwners() {
        var own = OwnDecisions()
        own.committed(id(4, mine))
        #expect(own.exclude(id(5, other)))
        own.committing(id(5, mine))
        #expect(own.exclude(id(5, other)) && own.exclude(id(6, other)))
        own.recovered(nil)
        own.committing(id(0, mine))
        #expect(own.exclude(id(0, other)) && !own.exclude(id(0, mine)))
    }
}

@Suite struct SinceBootClockTests {
    @Test func itGoesOnWhileTheMachineSleeps() {
        #if os(Linux)
            #expect(SinceBootClock.id == CLOCK_BOOTTIME)
        #endif
        let clock = SinceBootClock()
        let first = clock.monotonicNanos()
        var time = timespec()
        clock_gettime(SinceBootClock.id, &time)
        let between = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        #expect(first <= between && between <= clock.monotonicNanos())
    }
}

extension KafkaTests {
    @Suite struct Ownership {
        /// A process that stood still while another took its place and decided: it ends, and the other does not notice.
        @Test func restartAfterAnotherOwnerHasDecided_endsAndLeavesItAlone() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["in"], partitions: 2)
            try makeTopics(broker.bootstrap, ["out"], partitions: 1)
            let older = try Attempt(broker.bootstrap)
            try older.begin()
            try older.write("1")
            try older.end(1)
            try older.commit(1)
            let newer = try Attempt(broker.bootstrap)
            try newer.begin(at: 2)
            try newer.write("2")
            try newer.end(2)
            try newer.commit(2)
            older.close()
            #expect(throws: KafkaFenced.self) { try Attempt(broker.bootstrap, transactions: older.transactions) }
            try newer.write("3")
            try newer.end(3)
            try newer.commit(3)
            #expect(try newer.visible() == ["1", "2", "3"])
            newer.close()
        }
    }
}
