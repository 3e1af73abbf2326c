import ConnectorKafka
import CRdKafka
import Foundation
import StreamRuntime
import Testing

extension KafkaTests {
    @Suite struct Recovery {
        /// A cluster on which the job has decided epoch 1 at offsets 3 and 4.
        private func decided() throws -> (TestBroker, Decision) {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["in"], partitions: 2)
            try makeTopics(broker.bootstrap, ["out"], partitions: 1)
            let attempt = try Attempt(broker.bootstrap)
            try attempt.begin()
            try attempt.end(1)
            try attempt.commit(1, next: ["in/0": 3, "in/1": 4])
            attempt.close()
            return (broker, decision(attempt.owner, 1, next: ["in/0": 3, "in/1": 4]))
        }

        private func refusal(_ bootstrap: String, acceptBareOffsets: Bool = false) throws -> String? {
            let transactions = KafkaTransactions(
                try KafkaConfiguration(bootstrapServers: bootstrap), acceptBareOffsets: acceptBareOffsets)
            defer { transactions.close() }
            do {
                _ = try transactions.recover(owner(seenSource(bootstrap, ["in"])))
                return nil
            } catch let refusal as RecoveryRefusal {
                return refusal.description
            }
        }

        /// Writes to the partition of decisions; `nil` deletes.
        private func write(_ records: [(key: String, value: String?)], to broker: TestBroker) throws {
            let sink = KafkaSink<(key: String, value: String?)>(
                try KafkaConfiguration(bootstrapServers: broker.bootstrap), topic: "weir-decisions", delivery: .atLeastOnce
            ) { element, message in
                message.partition = 0
                message.setKey(element.key)
                if let value = element.value { message.setValue(value) }
            }
            var writer = try sink.makeWriter(writerContext())
            defer { writer.close() }
            for record in records { try writer.write(record) }
            try writer.endEpoch(Epoch(1))
            try waitUntil("acknowledged") { try writer.isAcknowledged(through: Epoch(1)) }
        }

        @Test func plainCommit_thatBlanksTheMetadata_isRefusedByPartition() throws {
            let (broker, _) = try decided()
            try GroupTool(broker.bootstrap).commit(["in": [1: 4]])
            let text = try #require(try refusal(broker.bootstrap))
            #expect(text.contains("in/1 of group 'g'") && text.contains("no checkpoint id"))
            #expect(text.contains("--delete-offsets"))
        }

        @Test func foreignMetadata_isRefused() throws {
            let (broker, _) = try decided()
            try GroupTool(broker.bootstrap).commit(["in": [0: 3]], metadata: "someone else")
            #expect(try #require(try refusal(broker.bootstrap)).contains("'someone else'"))
        }

        @Test func otherOffset_withTheSameMetadata_isRefused() throws {
            let (broker, decision) = try decided()
            try GroupTool(broker.bootstrap).commit(["in": [0: 2]], metadata: decision.checkpoint.description)
            #expect(try #require(try refusal(broker.bootstrap)).contains("is 2, but the decision"))
        }

        @Test func oneOffsetDeleted_isRefused_allDeleted_goesOnFromTheDecision() throws {
            let (broker, decision) = try decided()
            let tool = try GroupTool(broker.bootstrap)
            try tool.delete("in", [0])
            #expect(try #require(try refusal(broker.bootstrap)).contains("in/0 of group 'g' has no committed offset"))
            try tool.delete("in", [1])
            let transactions = try KafkaTransactions(KafkaConfiguration(bootstrapServers: broker.bootstrap))
            let lines = LogLines()
            let found = try transactions.recover(
                owner(seenSource(broker.bootstrap, ["in"]), log: lines.log))
            #expect(found == decision)
            #expect(lines.contains("going on from the decision alone"))
            transactions.close()
        }

        @Test func offsetsWithoutDecision_areRefused_unlessBareOffsetsAreAccepted() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["in"], partitions: 2)
            try GroupTool(broker.bootstrap).commit(["in": [0: 1, 1: 1]])
            let text = try #require(try refusal(broker.bootstrap))
            #expect(text.contains("no decision") && text.contains("acceptBareOffsets"))
            #expect(try refusal(broker.bootstrap, acceptBareOffsets: true) == nil)
        }

        @Test func decisionTopicLost_isRefused_evenWhenBareOffsetsAreAccepted() throws {
            let (broker, _) = try decided()
            try KafkaAdmin(KafkaConfiguration(bootstrapServers: broker.bootstrap)).deleteTopics(["weir-decisions"])
            #expect(try #require(try refusal(broker.bootstrap, acceptBareOffsets: true)).contains("was deleted"))
        }

        @Test func unreadableDecision_isRefused() throws {
            let (broker, decision) = try decided()
            try write([(key: "\(decision.checkpoint.job)/0", value: "no JSON")], to: broker)
            #expect(try #require(try refusal(broker.bootstrap)).contains("is unreadable"))
        }

        /// Also when the deleted decision lies further back than a start looks at first.
        @Test func deletedDecision_isNone() throws {
            let (broker, decision) = try decided()
            let others = (0..<3_000).map { (key: "other-\($0)/0", value: Optional("{}")) }
            try write(others + [(key: "\(decision.checkpoint.job)/0", value: nil)], to: broker)
            #expect(try #require(try refusal(broker.bootstrap)).contains("was deleted"), "its offsets are still there")
            try GroupTool(broker.bootstrap).delete("in", [0, 1])
            let transactions = try KafkaTransactions(KafkaConfiguration(bootstrapServers: broker.bootstrap))
            #expect(try transactions.recover(owner(seenSource(broker.bootstrap, ["in"]))) == nil)
            transactions.close()
        }

        /// As while the brokers of a cluster come up one after another.
        @Test func fewerBrokersThanReplicas_isWaitedFor_andRefusedAfterAMinute() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["in"], partitions: 2)
            let clock = MovableClock()
            let lines = LogLines()
            let transactions = KafkaTransactions(
                try KafkaConfiguration(bootstrapServers: broker.bootstrap), decisionReplicationFactor: 3, clock: clock)
            defer { transactions.close() }
            let owner = try owner(
                seenSource(broker.bootstrap, ["in"]), log: lines.log,
                isCancelled: {
                    if lines.contains("waiting for the decision topic") { clock.advance(millis: 60_000) }
                    return false
                })
            #expect { try transactions.recover(owner) } throws: {
                $0 is RecoveryRefusal && "\($0)".contains("INVALID_REPLICATION_FACTOR")
            }
            #expect(lines.contains("waiting for the decision topic"), "not refused at once")
        }

        @Test func decision_isFoundBehindThousandsOfOtherJobsDecisions() throws {
            let (broker, decision) = try decided()
            try write((0..<30_000).map { (key: "other-\($0)/0", value: "{}") }, to: broker)
            let transactions = try KafkaTransactions(KafkaConfiguration(bootstrapServers: broker.bootstrap))
            #expect(try transactions.recover(owner(seenSource(broker.bootstrap, ["in"]))) == decision)
            transactions.close()
        }

        @Test func monitoringCommit_doesNotTouchAGroupThatATransactionCarries() throws {
            let (broker, decision) = try decided()
            let attempt = try Attempt(broker.bootstrap)
            #expect(attempt.recovered == decision)
            var driven = try Driven(try seenSource(broker.bootstrap, ["in"]))
            driven.reader.checkpointDecided([SplitPosition(split: "in/0", next: 1)])
            try driven.pollFor(millis: 500)
            attempt.close()
            #expect(try refusal(broker.bootstrap) == nil)
        }
    }
}

/// What an operator's tools do to a group's offsets.
struct GroupTool {
    private let handle: KafkaToolHandle

    init(_ bootstrap: String) throws { handle = try KafkaToolHandle(bootstrap) }

    func commit(_ offsets: [String: [Int32: Int64]], metadata: String? = nil) throws {
        let list = rd_kafka_topic_partition_list_new(4)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for (topic, partitions) in offsets {
            for (partition, offset) in partitions {
                guard let entry = rd_kafka_topic_partition_list_add(list, topic, partition) else { continue }
                entry.pointee.offset = offset
                guard let metadata else { continue }
                entry.pointee.metadata = UnsafeMutableRawPointer(strdup(metadata))
                entry.pointee.metadata_size = metadata.utf8.count
            }
        }
        let code = rd_kafka_commit(handle.pointer, list, 0)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw TestFailure("commit: \(String(cString: rd_kafka_err2str(code)))") }
    }

    func delete(_ topic: String, _ partitions: [Int32]) throws {
        let list = rd_kafka_topic_partition_list_new(4)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for partition in partitions { rd_kafka_topic_partition_list_add(list, topic, partition) }
        var wanted = rd_kafka_DeleteConsumerGroupOffsets_new("g", list)
        defer { rd_kafka_DeleteConsumerGroupOffsets_destroy(wanted) }
        let queue = rd_kafka_queue_new(handle.pointer)
        defer { rd_kafka_queue_destroy(queue) }
        rd_kafka_DeleteConsumerGroupOffsets(handle.pointer, &wanted, 1, nil, queue)
        guard let event = rd_kafka_queue_poll(queue, 10_000) else { throw TestFailure("delete offsets timed out") }
        defer { rd_kafka_event_destroy(event) }
        let code = rd_kafka_event_error(event)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw TestFailure("delete offsets: \(String(cString: rd_kafka_err2str(code)))")
        }
    }
}

/// A bare client of group `g`.
final class KafkaToolHandle {
    let pointer: OpaquePointer

    init(_ bootstrap: String, properties: [(String, String)] = []) throws {
        let conf = rd_kafka_conf_new()
        for (name, value) in [("bootstrap.servers", bootstrap), ("group.id", "g")] + properties {
            guard rd_kafka_conf_set(conf, name, value, nil, 0) == RD_KAFKA_CONF_OK else {
                throw TestFailure("property \(name)")
            }
        }
        guard let made = rd_kafka_new(RD_KAFKA_CONSUMER, conf, nil, 0) else { throw TestFailure("no client") }
        pointer = made
    }

    deinit { rd_kafka_destroy_flags(pointer, Int32(RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)) }
}
