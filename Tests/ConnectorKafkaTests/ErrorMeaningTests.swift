import CRdKafka
import ConnectorKafka
import StreamRuntime
import Testing

/// What brokers and clients say, and what is made of it.
@Suite struct KafkaErrorMeaningTests {
    @Test(arguments: [
        (RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "topic"), (RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, "group"),
        (RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "transactional id"),
        (RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, "IdempotentWrite"),
        (RD_KAFKA_RESP_ERR__AUTHENTICATION, "sasl.*"), (RD_KAFKA_RESP_ERR__SSL, "ssl.*"),
        (RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, "message.max.bytes"), (RD_KAFKA_RESP_ERR_INVALID_RECORD, "compacted"),
        (RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, "a group of its own"), (RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, "2.5"),
        (RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, "weir provision"),
    ])
    func whatSomebodyCanMendIsSaid_andNotWaitedFor(_ code: rd_kafka_resp_err_t, _ remedy: String) {
        let error = KafkaError(code, "reading t/0")
        #expect(error.description.hasPrefix("reading t/0: "))
        #expect(error.description.contains("(\(error.name)); ") && error.description.contains(remedy), "\(error)")
        #expect(!error.isRetriable)
    }

    @Test(arguments: [
        RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH, RD_KAFKA_RESP_ERR_LISTENER_NOT_FOUND,
        RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
    ])
    func whatPassesByItselfIsWaitedFor(_ code: rd_kafka_resp_err_t) {
        #expect(KafkaError(code, "reading t/0").isRetriable)
    }

    /// As on managed clusters, which bound the size of segments.
    @Test func aTopicIsMadeWithoutItsWishes_whereTheyAreRefused_andOnlyThen() throws {
        let spec = KafkaTopicSpec(
            "t", partitions: 1, settings: ["cleanup.policy": "compact"], wishes: KafkaTopicSpec.smallSegments)
        for code in [RD_KAFKA_RESP_ERR_POLICY_VIOLATION, RD_KAFKA_RESP_ERR_INVALID_CONFIG] {
            let plain = try #require(spec.withoutWishes(refused: code))
            #expect(plain == KafkaTopicSpec("t", partitions: 1, settings: ["cleanup.policy": "compact"]))
            #expect(plain.withoutWishes(refused: code) == nil, "refused for something else")
        }
        #expect(spec.withoutWishes(refused: RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) == nil)
    }

    @Test func aWorkerThatHasEndedAnswersAtOnce() throws {
        let worker = BlockingWorker(name: "test")
        #expect(try worker.run("one", deadlineMillis: 60_000) { 1 } == 1)
        worker.end()
        #expect(throws: KafkaCancelled.self) { try worker.run("two", deadlineMillis: 1_000) { 2 } }
    }
}

extension KafkaTests {
    @Suite struct RefusedRecords {
        @Test(arguments: [RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_POLICY_VIOLATION])
        func aRecordThatTheBrokerRefuses_failsTheJobForGood(_ code: rd_kafka_resp_err_t) throws {
            let cluster = try MockCluster(["out"])
            var writer = try stringSink(cluster.bootstrap, "out", .atLeastOnce).makeWriter(writerContext())
            defer { writer.close() }
            cluster.push(MockCluster.produce, [code])
            try writer.write((key: nil, value: "x"))
            try writer.endEpoch(Epoch(1))
            #expect {
                try waitUntil("the writer fails") { try writer.isAcknowledged(through: Epoch(1)) }
            } throws: { $0 is any UnrestartableError && ($0 as? KafkaMessageRefused).map { "\($0)".contains("out/") } ?? false }
        }

        @Test func whatMayBeDeliveredAnotherTime_isNoReasonToGiveUp() throws {
            let cluster = try MockCluster(["out"])
            var writer = try stringSink(cluster.bootstrap, "out", .atLeastOnce).makeWriter(writerContext())
            defer { writer.close() }
            cluster.push(MockCluster.produce, [RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED])
            try writer.write((key: nil, value: "x"))
            try writer.endEpoch(Epoch(1))
            #expect {
                try waitUntil("the writer fails") { try writer.isAcknowledged(through: Epoch(1)) }
            } throws: { $0 is KafkaError && !($0 is any UnrestartableError) }
        }

        /// The cause would otherwise only be in the client's log, which tools do not show.
        @Test func aTimeOutTellsWhyTheLastConnectionFailed() throws {
            let broker = try TestBroker(started: false)
            let admin = try KafkaAdmin(KafkaConfiguration(bootstrapServers: broker.bootstrap), timeoutMillis: 2_000)
            #expect { try admin.describe(["t"]) } throws: {
                "\($0)".contains("the last connection failed") && "\($0)".contains(broker.bootstrap)
            }
        }
    }
}
