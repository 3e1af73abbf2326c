import ConnectorKafka
import Foundation
import StreamRuntime
import Testing

/// One attempt of a small job, driven through the SPI as the engine would: `in` is read nowhere, positions
/// are given; `out` is written.
final class Attempt {
    let bootstrap: String
    let transactions: KafkaTransactions
    var owner: IslandOwner
    var writers: [KafkaSinkWriter<Message>] = []
    let recovered: Decision?
    /// A writer's task was woken: there is room again, or a failure to meet.
    let woken = Flag()

    init(
        _ bootstrap: String, writers count: Int = 1, source: KafkaSource<Seen>? = nil, log: RuntimeLog = .silent,
        transactions: KafkaTransactions? = nil
    ) throws {
        self.bootstrap = bootstrap
        let made = try transactions ?? KafkaTransactions(KafkaConfiguration(bootstrapServers: bootstrap))
        self.transactions = made
        owner = try ConnectorKafkaTests.owner(source ?? seenSource(bootstrap, ["in"]), log: log)
        recovered = try made.recover(owner)
        let sink = try stringSink(bootstrap, "out", .exactlyOnce(made))
        for subtask in 0..<count {
            writers.append(try sink.makeWriter(writerContext(log, subtask: subtask, wake: { [woken] in woken.set() })))
        }
    }

    /// Commits the genesis decision if there is no other, and begins the first epoch.
    func begin(at first: UInt64 = 1) throws {
        if recovered == nil { try transactions.commit(decision(owner, 0)) }
        try transactions.begin(Epoch(first), writers: writers.count)
    }

    func write(_ values: String..., by writer: Int = 0) throws {
        for value in values { try writers[writer].write((key: "k", value: value)) }
        try writers[writer].flush()
    }

    func end(_ epoch: UInt64) throws {
        for index in writers.indices { try writers[index].endEpoch(Epoch(epoch)) }
    }

    func commit(_ epoch: UInt64, next: [String: Int64] = [:]) throws {
        try transactions.prepare(Epoch(epoch), timeoutMillis: 20_000)
        try transactions.commit(decision(owner, epoch, next: next))
    }

    func visible(waitMillis: Int = 300) throws -> [String] {
        var driven = try Driven(try seenSource(bootstrap, ["out"], group: "reader"))
        try driven.pollFor(millis: waitMillis)
        driven.reader.close()
        return driven.kept.elements.map { $0.value ?? "null" }
    }

    func close() {
        for index in writers.indices { writers[index].close() }
        transactions.close()
    }
}

extension KafkaTests {
    @Suite struct Transactions {
        private func broker() throws -> TestBroker {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["in"], partitions: 2)
            try makeTopics(broker.bootstrap, ["out"], partitions: 1)
            return broker
        }

        @Test func records_becomeVisibleWithTheirDecisionOnly_inOrder() throws {
            let broker = try broker()
            let attempt = try Attempt(broker.bootstrap)
            #expect(attempt.recovered == nil)
            try attempt.begin()
            try attempt.write("1a", "1b")
            try attempt.end(1)
            try attempt.write("2a")  // flows while 1 is being committed
            #expect(try attempt.visible().isEmpty)
            try attempt.commit(1, next: ["in/0": 5])
            #expect(try attempt.visible() == ["1a", "1b"])
            try attempt.end(2)
            try attempt.commit(2, next: ["in/0": 6])
            try attempt.write("3 never decided")
            try attempt.end(3)
            attempt.close()
            let second = try Attempt(broker.bootstrap)
            #expect(second.recovered == decision(attempt.owner, 2, next: ["in/0": 6]))
            #expect(try second.visible() == ["1a", "1b", "2a"])
            try second.begin(at: 3)
            try second.write("3 again")
            try second.end(3)
            try second.commit(3)
            #expect(try second.visible() == ["1a", "1b", "2a", "3 again"])
            second.close()
        }

        @Test func nextEpochsRecords_waitForAllWritersOfTheLast_thenFollowInOrder() throws {
            let broker = try broker()
            let attempt = try Attempt(broker.bootstrap, writers: 2)
            try attempt.begin()
            try attempt.write("1 of writer 0")
            try attempt.writers[0].endEpoch(Epoch(1))
            try attempt.write("2 of writer 0")
            // Time passes in here too, in which a wrong order would come about.
            #expect(throws: KafkaCallTimedOut.self) {
                try attempt.transactions.prepare(Epoch(1), timeoutMillis: 200)
            }
            try attempt.write("1 late, of writer 1", by: 1)
            try attempt.writers[1].endEpoch(Epoch(1))
            try attempt.commit(1)
            try attempt.end(2)
            try attempt.commit(2)
            #expect(try attempt.visible() == ["1 of writer 0", "1 late, of writer 1", "2 of writer 0"])
            attempt.close()
        }

        @Test func writer_isNotReadyWhileItsBufferIsFull_andBecomesReadyWhenTheEpochOpens() throws {
            let broker = try broker()
            let attempt = try Attempt(broker.bootstrap, writers: 2)
            try attempt.begin()
            try attempt.writers[0].endEpoch(Epoch(1))
            for index in 0..<20_000 { try attempt.writers[0].write((key: nil, value: "\(index)")) }
            #expect(!attempt.writers[0].isReady)
            try attempt.writers[1].endEpoch(Epoch(1))
            try waitUntil("the writer is ready") { attempt.writers[0].isReady }
            try attempt.commit(1)
            try attempt.end(2)
            try attempt.commit(2)
            var driven = try Driven(try seenSource(broker.bootstrap, ["out"], group: "reader"))
            try driven.take(20_000)
            #expect(driven.kept.elements.map(\.value) == (0..<20_000).map { "\($0)" })
            driven.reader.close()
            attempt.close()
        }

        @Test func olderOwner_isFencedAtItsCommit_andWritesNothing() throws {
            let broker = try broker()
            let older = try Attempt(broker.bootstrap)
            try older.begin()
            try older.write("zombie")
            try older.end(1)
            try older.transactions.prepare(Epoch(1), timeoutMillis: 10_000)
            let newer = try Attempt(broker.bootstrap)
            #expect(newer.recovered?.checkpoint.epoch == .genesis)
            #expect(throws: KafkaFenced.self) { try older.transactions.commit(decision(older.owner, 1)) }
            #expect(throws: (any Error).self) { try older.write("more") }
            try newer.begin()
            try newer.write("heir")
            try newer.end(1)
            try newer.commit(1)
            #expect(try newer.visible() == ["heir"])
            older.close()
            newer.close()
        }

        @Test func crashAfterTheCommitBeforeItsReply_goesOnFromThatCommit() throws {
            let broker = try broker()
            let crashed = try Attempt(broker.bootstrap)
            try crashed.begin()
            try crashed.write("1")
            try crashed.end(1)
            try crashed.commit(1, next: ["in/0": 7, "in/1": 9])
            // Nobody hears of it: the object is dropped with epoch 2 half written.
            try crashed.write("2 half written")
            let next = try Attempt(broker.bootstrap)
            #expect(next.recovered == decision(crashed.owner, 1, next: ["in/0": 7, "in/1": 9]))
            #expect(try next.visible() == ["1"])
            next.close()
            crashed.close()
        }

        @Test func idleEpochs_commitOffsetsOfEverySplit_withTheCheckpointId() throws {
            let broker = try broker()
            let attempt = try Attempt(broker.bootstrap)
            try attempt.begin()
            for epoch in 1...5 {
                try attempt.end(UInt64(epoch))
                try attempt.commit(UInt64(epoch))
            }
            attempt.close()
            let starts = try seenSource(broker.bootstrap, ["in"], start: .committed).discoverSplits(sourceContext())
            #expect(starts.map(\.start) == [0, 0])
            #expect(try Attempt(broker.bootstrap).recovered?.checkpoint.epoch == Epoch(5))
        }

        @Test func sameObject_recoversAgainAfterClose() throws {
            let broker = try broker()
            let first = try Attempt(broker.bootstrap)
            try first.begin()
            try first.write("1")
            try first.end(1)
            try first.commit(1)
            first.close()
            first.close()
            let second = try Attempt(broker.bootstrap, transactions: first.transactions)
            #expect(second.recovered?.checkpoint.epoch == Epoch(1))
            #expect(throws: (any Error).self) { try first.write("an old writer reaches nobody") }
            second.close()
        }

        @Test func islands_haveTheirOwnIdsAndPartitions() throws {
            let broker = try broker()
            let zero = try KafkaTransactions(KafkaConfiguration(bootstrapServers: broker.bootstrap))
            let two = try KafkaTransactions(KafkaConfiguration(bootstrapServers: broker.bootstrap))
            let ownerZero = try owner(island: 0)
            let ownerTwo = try owner(island: 2)
            #expect(try zero.recover(ownerZero) == nil)
            try zero.commit(decision(ownerZero, 0))
            #expect(try two.recover(ownerTwo) == nil)
            try two.commit(decision(ownerTwo, 0))
            try zero.begin(Epoch(1), writers: 0)
            try zero.prepare(Epoch(1), timeoutMillis: 5_000)
            try zero.commit(decision(ownerZero, 1))
            zero.close()
            two.close()
            #expect(try zero.recover(ownerZero)?.checkpoint.epoch == Epoch(1))
            #expect(try two.recover(ownerTwo)?.checkpoint.epoch == .genesis)
            zero.close()
            two.close()
        }

        @Test func epochOpenLongerThanItsBudget_isGivenUp() throws {
            let broker = try broker()
            let clock = MovableClock()
            let transactions = KafkaTransactions(
                try KafkaConfiguration(bootstrapServers: broker.bootstrap), epochBudgetMillis: 60_000, clock: clock)
            let attempt = try Attempt(broker.bootstrap, transactions: transactions)
            try attempt.begin()
            try attempt.write("late")
            clock.advance(millis: 60_001)
            try waitUntil("the epoch is given up, though nobody asks about it") { attempt.woken.isSet }
            #expect(throws: KafkaEpochExpired.self) { try attempt.end(1) }
            attempt.close()
            #expect(try attempt.visible().isEmpty)
        }

        @Test func tooLongTransactionTimeout_saysWhichSettingToChange() throws {
            let broker = try broker()
            let transactions = KafkaTransactions(
                try KafkaConfiguration(bootstrapServers: broker.bootstrap), epochBudgetMillis: 3_600_000)
            let owner = try owner()
            #expect { try transactions.recover(owner) } throws: {
                "\($0)".contains("epochBudgetMillis") && "\($0)".contains("transaction.max.timeout.ms")
            }
        }

        @Test func brokerDownAtRecover_waitsAndCanBeCancelled_andCloseIsBounded() throws {
            let broker = try TestBroker(started: false)
            let lines = LogLines()
            let transactions = try KafkaTransactions(KafkaConfiguration(bootstrapServers: broker.bootstrap))
            let owner = try owner(
                log: lines.log, isCancelled: lines.cancels(after: "waiting for the transaction coordinator"))
            #expect(throws: KafkaCancelled.self) { try transactions.recover(owner) }
            #expect(lines.contains("waiting for the transaction coordinator"))
        }

        /// Between transactions: the stand-in broker forgets open ones at a restart and then confirms their
        /// commit, which no Kafka broker does.
        @Test func brokerRestart_betweenEpochs_isWaitedForAndTheAttemptGoesOn() throws {
            let broker = try broker()
            let lines = LogLines()
            let attempt = try Attempt(broker.bootstrap, log: lines.log)
            try attempt.begin()
            try attempt.write("1")
            try attempt.end(1)
            try attempt.commit(1)
            broker.stop()
            try attempt.write("2")
            try waitUntil("the client notices") { lines.contains("kafka producer:") }
            try broker.start()
            try attempt.end(2)
            try attempt.commit(2)
            #expect(try attempt.visible() == ["1", "2"])
            attempt.close()
        }

        @Test func close_withTheBrokerDownAndATransactionOpen_isBounded() throws {
            let broker = try broker()
            let attempt = try Attempt(broker.bootstrap)
            try attempt.begin()
            try attempt.write("1")
            var reader = try Driven(try seenSource(broker.bootstrap, ["out"], group: "reader"))
            try waitUntil("the broker has the record, undecided") {
                _ = try reader.reader.poll(into: &reader.kept, budget: 10)
                return reader.reader.lag().contains { $0.records > 0 }
            }
            #expect(reader.kept.elements.isEmpty)
            reader.reader.close()
            broker.stop()
            let start = Date()
            attempt.close()
            // A limit for what would not end; no measure of speed.
            #expect(Date().timeIntervalSince(start) < 120)
        }
    }
}
