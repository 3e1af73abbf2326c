import ConnectorKafka
import CRdKafka
import Foundation
import StreamRuntime
import Testing

/// librdkafka's in-process cluster: real protocol, scripted errors. It keeps no transactions and no
/// committed offsets: error paths only, never a proof of exactly-once.
///
/// `@unchecked Sendable`: librdkafka locks what it scripts.
final class MockCluster: @unchecked Sendable {
    private let handle: KafkaToolHandle
    private let cluster: OpaquePointer
    let bootstrap: String

    init(_ topics: [String]) throws {
        handle = try KafkaToolHandle("", properties: [])
        guard let made = rd_kafka_mock_cluster_new(handle.pointer, 1),
            let address = rd_kafka_mock_cluster_bootstraps(made)
        else { throw TestFailure("no mock cluster") }
        cluster = made
        bootstrap = String(cString: address)
        for topic in topics { rd_kafka_mock_topic_create(made, topic, 2, 1) }
    }

    deinit { rd_kafka_mock_cluster_destroy(cluster) }

    /// The next requests of that kind fail so.
    func push(_ apiKey: Int16, _ errors: [rd_kafka_resp_err_t]) {
        rd_kafka_mock_push_request_errors_array(cluster, apiKey, errors.count, errors)
    }

    /// Metadata says this of the topic from now on.
    func set(_ topic: String, _ error: rd_kafka_resp_err_t) { rd_kafka_mock_topic_set_error(cluster, topic, error) }

    func loseLeader(_ topic: String, _ partition: Int32) { rd_kafka_mock_partition_set_leader(cluster, topic, partition, -1) }

    func down() { rd_kafka_mock_broker_set_down(cluster, 1) }

    static let addPartitions: Int16 = 24
    static let endTransaction: Int16 = 26
    static let offsetCommit: Int16 = 28
    static let produce: Int16 = 0
    static let fetch: Int16 = 1
    static let findCoordinator: Int16 = 10
}

extension KafkaTests {
    @Suite struct ScriptedErrors {
        /// An attempt on a mock cluster with epoch 1 ready to be committed.
        private func prepared(_ lines: LogLines = LogLines()) throws -> (MockCluster, Attempt) {
            let cluster = try MockCluster(["in", "out", "weir-decisions"])
            let attempt = try Attempt(cluster.bootstrap, log: lines.log)
            try attempt.begin()
            try attempt.write("1")
            try attempt.end(1)
            try attempt.transactions.prepare(Epoch(1), timeoutMillis: 10_000)
            return (cluster, attempt)
        }

        @Test(arguments: [RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH])
        func endTxn_fenced_isTheTypedError(_ code: rd_kafka_resp_err_t) throws {
            let (cluster, attempt) = try prepared()
            cluster.push(MockCluster.endTransaction, [code])
            #expect(throws: KafkaFenced.self) { try attempt.transactions.commit(decision(attempt.owner, 1)) }
            #expect(throws: KafkaFenced.self) { try attempt.write("2") }
            attempt.close()
        }

        /// The host was suspended in the middle of a commit, for longer than the broker lets a transaction live.
        @Test(arguments: [RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH])
        func endTxn_fencedAfterAStandstill_isRestartable(_ code: rd_kafka_resp_err_t) throws {
            let cluster = try MockCluster(["in", "out", "weir-decisions"])
            let standstill = Standstill(millis: 120_001)
            let transactions = KafkaTransactions(
                try KafkaConfiguration(bootstrapServers: cluster.bootstrap), epochBudgetMillis: 60_000, clock: standstill.clock)
            let attempt = IslandOwner(
                job: job, jobName: "kafka", island: 0, attempt: .random(), splits: [], log: .silent, isCancelled: { false },
                faults: standstill)
            #expect(try transactions.recover(attempt) == nil)
            try transactions.commit(decision(attempt, 0))
            try transactions.begin(Epoch(1), writers: 0)
            try transactions.prepare(Epoch(1), timeoutMillis: 10_000)
            cluster.push(MockCluster.endTransaction, [code])
            #expect(throws: KafkaEpochExpired.self) { try transactions.commit(decision(attempt, 1)) }
            transactions.close()
        }

        @Test(arguments: [RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR])
        func endTxn_coordinatorAway_isRetriedAndCommits(_ code: rd_kafka_resp_err_t) throws {
            let (cluster, attempt) = try prepared()
            cluster.push(MockCluster.endTransaction, [code])
            try attempt.transactions.commit(decision(attempt.owner, 1))
            try attempt.write("2")
            try attempt.end(2)
            try attempt.commit(2)
            attempt.close()
        }

        @Test func everyRequestAnswered_producersAreKept() throws {
            let lines = LogLines()
            let (cluster, attempt) = try prepared(lines)
            defer { withExtendedLifetime(cluster) {} }
            try attempt.transactions.commit(decision(attempt.owner, 1))
            for epoch in 2...5 {
                try attempt.write("\(epoch)")
                try attempt.end(UInt64(epoch))
                try attempt.commit(UInt64(epoch))
            }
            attempt.close()
            #expect(!lines.contains("the producer is replaced"))
        }

        @Test func endTxn_connectionClosed_commits_andTheProducerIsReplacedBeforeItsNextEpoch() throws {
            let lines = LogLines()
            let (cluster, attempt) = try prepared(lines)
            cluster.push(MockCluster.endTransaction, [RD_KAFKA_RESP_ERR__TRANSPORT])
            try attempt.transactions.commit(decision(attempt.owner, 1))
            #expect(lines.contains("was never answered"))
            for epoch in 2...4 {
                try attempt.write("\(epoch)")
                try attempt.end(UInt64(epoch))
                try attempt.commit(UInt64(epoch))
            }
            attempt.close()
        }

        @Test func txnOffsetCommit_illegalGeneration_endsTheAttempt() throws {
            let (cluster, attempt) = try prepared()
            cluster.push(MockCluster.offsetCommit, [RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION])
            #expect { try attempt.transactions.commit(decision(attempt.owner, 1)) } throws: {
                "\($0)".contains("send_offsets_to_transaction for group 'g'")
            }
            #expect(throws: (any Error).self) { try attempt.write("2") }
            attempt.close()
        }

        @Test func endTxn_invalidState_endsTheAttempt() throws {
            let (cluster, attempt) = try prepared()
            cluster.push(MockCluster.endTransaction, [RD_KAFKA_RESP_ERR_INVALID_TXN_STATE])
            #expect { try attempt.transactions.commit(decision(attempt.owner, 1)) } throws: {
                "\($0)".contains("commit_transaction of epoch 1")
            }
            attempt.close()
            let again = try Attempt(cluster.bootstrap, transactions: attempt.transactions)
            again.close()
        }

        /// The client drops the records of such a transaction, and says only that.
        @Test func aTopicThatMayNotBeWritten_isTheReason_notThatItsRecordsAreDropped() throws {
            let cluster = try MockCluster(["in", "out", "weir-decisions"])
            let attempt = try Attempt(cluster.bootstrap)
            try attempt.begin()
            cluster.push(MockCluster.addPartitions, [RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED])
            #expect {
                try attempt.write("1")
                try attempt.end(1)
                try attempt.commit(1)
            } throws: { "\($0)".contains("Topic authorization failed") }
            attempt.close()
        }

        @Test func undeliverableRecord_failsTheAttempt() throws {
            let (cluster, attempt) = try prepared()
            try attempt.transactions.commit(decision(attempt.owner, 1))
            cluster.push(MockCluster.produce, [RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED])
            try attempt.write("2")
            #expect(throws: (any Error).self) {
                try attempt.end(2)
                try attempt.commit(2)
            }
            attempt.close()
        }

        @Test func undeliverableRecord_failsAnAtLeastOnceWriter() throws {
            let cluster = try MockCluster(["out"])
            var writer = try stringSink(cluster.bootstrap, "out", .atLeastOnce).makeWriter(writerContext())
            cluster.push(MockCluster.produce, [RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED])
            try writer.write((key: nil, value: "x"))
            try writer.endEpoch(Epoch(1))
            #expect {
                try waitUntil("the writer fails") { try writer.isAcknowledged(through: Epoch(1)) }
            } throws: { "\($0)".contains("not delivered") && "\($0)".contains("TOPIC_AUTHORIZATION_FAILED") }
            writer.close()
        }

        @Test func commit_withTheBrokerGone_isUncertainOrTimesOut_andCloseIsBounded() throws {
            let cluster = try MockCluster(["in", "out", "weir-decisions"])
            let transactions = KafkaTransactions(
                try KafkaConfiguration(bootstrapServers: cluster.bootstrap), epochBudgetMillis: 2_000)
            let attempt = try Attempt(cluster.bootstrap, transactions: transactions)
            try attempt.begin()
            try attempt.write("1")
            try attempt.end(1)
            try attempt.transactions.prepare(Epoch(1), timeoutMillis: 10_000)
            cluster.down()
            let start = Date()
            #expect(throws: (any Error).self) { try attempt.transactions.commit(decision(attempt.owner, 1)) }
            attempt.close()
            // A limit for what would not end; no measure of speed.
            #expect(Date().timeIntervalSince(start) < 120)
        }
    }
}

/// Time passes, all at once, while a commit is under way.
private final class Standstill: FaultInjector {
    let clock = MovableClock()
    private let millis: Int64

    init(millis: Int64) { self.millis = millis }

    func reached(_ point: FaultPoint) throws {
        if point == .decisionSent { clock.advance(millis: millis) }
    }
}
