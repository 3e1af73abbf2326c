import ConnectorKafka
import Foundation
import StreamRuntime
import TestServers
import Testing

extension KafkaTests {
    /// What an operator sees of transactions that nobody ends, and does about them.
    @Suite struct OpenTransactions {
        private func broker() throws -> TestBroker {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["in"], partitions: 2)
            try makeTopics(broker.bootstrap, ["out"], partitions: 1)
            return broker
        }

        private func withheld(_ admin: KafkaAdmin) throws -> Int64 {
            try admin.partitionEnds(of: ["out"]).reduce(0) { $0 + $1.withheld }
        }

        @Test func anOpenTransaction_isSeenWhereItHoldsReadersBack_andAbortingItSetsThemFree() throws {
            let broker = try broker()
            let admin = try KafkaAdmin(KafkaConfiguration(bootstrapServers: broker.bootstrap))
            try produce(broker.bootstrap, "out", [(key: "k", value: "before")])
            #expect(try withheld(admin) == 0)
            let attempt = try Attempt(broker.bootstrap)
            try attempt.begin()
            try attempt.write("1a", "1b")
            try waitUntil("records are at the broker") { try withheld(admin) == 2 }
            let all = try admin.partitionEnds(of: nil)
            #expect(
                all.first { $0.topic == "out" }
                    == KafkaPartitionEnd(topic: "out", partition: 0, end: 3, stable: 1))
            #expect(all.filter { $0.topic == "in" }.map(\.withheld) == [0, 0])

            for id in KafkaTransactionalID.all(of: job, island: 0) {
                try admin.abortTransaction(id.description, limitMillis: 20_000)
            }
            #expect(try withheld(admin) == 0)
            #expect(try attempt.visible() == ["before"])

            // Whoever used the ids is fenced, and the next one is not.
            #expect(throws: (any Error).self) {
                try attempt.end(1)
                try attempt.commit(1)
            }
            attempt.close()
            let next = try Attempt(broker.bootstrap)
            try next.begin()
            try next.write("1 again")
            try next.end(1)
            try next.commit(1)
            #expect(try next.visible() == ["before", "1 again"])
            next.close()
        }

        @Test func anIdThatWasNeverUsed_isNoError_andAMissingTopicIsOne() throws {
            let broker = try broker()
            let admin = try KafkaAdmin(KafkaConfiguration(bootstrapServers: broker.bootstrap))
            try admin.abortTransaction("weir-doctor", limitMillis: 20_000)
            #expect(throws: KafkaError.self) { try admin.partitionEnds(of: ["out", "nowhere"]) }
            #expect(try admin.cluster().brokers.count == 1)
            try admin.checkGroup("g", topic: "in")
        }

        @Test func aPartitionWithoutALeader_isNamed_andTheOthersAreAsked() throws {
            let cluster = try MockCluster(["in", "out"])
            cluster.loseLeader("out", 1)
            let admin = try KafkaAdmin(KafkaConfiguration(bootstrapServers: cluster.bootstrap))
            let found = try admin.reachablePartitionEnds(of: nil)
            #expect(found.leaderless == ["out/1"])
            #expect(
                found.ends
                    == [("in", 0), ("in", 1), ("out", 0)].map {
                        KafkaPartitionEnd(topic: $0, partition: $1, end: 0, stable: 0)
                    })
            #expect(try admin.reachablePartitionEnds(of: ["in"]).leaderless.isEmpty)
        }

        @Test func brokersThatDoNotAnswer_areGivenUpOnInTime() throws {
            let away = try KafkaConfiguration(bootstrapServers: "127.0.0.1:1")
            let admin = try KafkaAdmin(away, timeoutMillis: 500)
            #expect(throws: KafkaError.self) { try admin.partitionEnds(of: nil) }
            #expect(throws: KafkaError.self) { try admin.cluster() }
            do {
                try admin.abortTransaction("weir-doctor", limitMillis: 500)
                Issue.record("nobody can have answered")
            } catch let error as KafkaError {
                #expect(error.isRetriable)
            }
        }
    }
}

@Suite struct TransactionalIDTests {
    @Test func idsAreReadAsTheyAreWritten_andNothingElseIs() {
        let ids = KafkaTransactionalID.all(of: job, island: 12)
        #expect(ids.map(\.description) == ["weir-\(job)-12-a", "weir-\(job)-12-b"])
        #expect(ids.map { KafkaTransactionalID($0.description) } == ids)
        for text in [
            "", "weir", "weir-\(job)-1", "weir-\(job)-1-c", "weir-\(job)--1-a", "weir-\(job)-01-a", "weir-x-0-a",
            "other-\(job)-0-a", "weir-\(job)-0-a-",
        ] {
            #expect(KafkaTransactionalID(text) == nil, "\(text)")
        }
    }
}

@Suite struct BrokerLimitsTests {
    private func levels(_ settings: [String: String], brokers: Int = 3) -> [String: BrokerLimits.Remark.Level] {
        Dictionary(
            uniqueKeysWithValues: BrokerLimits(settings, brokersCount: brokers).remarks.map { ($0.setting, $0.level) })
    }

    @Test func limitsThatJobsDoNotFitIn_areTold_withARemedy() {
        let settings = [
            "inter.broker.protocol.version": "2.4-IV1", "transaction.max.timeout.ms": "59999", "message.max.bytes": "999",
            "offsets.retention.minutes": "60", "unclean.leader.election.enable": "true", "min.insync.replicas": "1",
            "transaction.state.log.replication.factor": "1", "transaction.state.log.min.isr": "1",
            "offsets.topic.replication.factor": "2",
        ]
        let levels = levels(settings)
        #expect(levels.count == settings.count)
        #expect(
            Set(levels.filter { $0.value == .wrong }.keys) == [
                "inter.broker.protocol.version", "transaction.max.timeout.ms", "unclean.leader.election.enable",
            ])
        #expect(!levels.values.contains(.fine))
        for remark in BrokerLimits(settings, brokersCount: 3).remarks { #expect(remark.remedy != nil, "\(remark.setting)") }
    }

    @Test func aBrokerAsItComes_isFine_andOneThatTellsNothingSaysNothing() {
        let settings = [
            "inter.broker.protocol.version": "3.6-IV2", "transaction.max.timeout.ms": "900000", "message.max.bytes": "1048588",
            "offsets.retention.minutes": "10080", "unclean.leader.election.enable": "false",
        ]
        #expect(Set(levels(settings).values) == [.fine])
        #expect(levels([:]).isEmpty)
        #expect(levels(["transaction.max.timeout.ms": "many", "inter.broker.protocol.version": "x"]).isEmpty)
        // A single broker has no second replica to ask for.
        #expect(levels(["min.insync.replicas": "1", "offsets.topic.replication.factor": "1"], brokers: 1).isEmpty)
    }
}
