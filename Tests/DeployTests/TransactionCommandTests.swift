import CRdKafka
import ConnectorKafka
import Foundation
import StreamRuntime
import TestKit
import TestServers
import Testing

/// `txn` and `doctor` against a broker.
@Suite struct TransactionCommandTests {
    @Test func whatADeadJobHasOpenIsFoundAndAbortedAndALivingOneIsLeftAlone() async throws {
        let kafka = try TestServer.kafka.url()
        let name = freshName("txn")
        let (from, to) = ("\(name)-from", "\(name)-to")
        let admin = try KafkaAdmin(try KafkaConfiguration(bootstrapServers: kafka))
        try admin.ensure([KafkaTopicSpec(from, partitions: 1), KafkaTopicSpec(to, partitions: 1)])
        try await publish(["a", "b"], to: from, kafka)
        let folder = TemporaryFolder()
        let place = [
            "--checkpoint-dir", "\(folder.path)/checkpoints", "--namespace", name, "--set", "server.url=http://127.0.0.1:9",
        ]

        let job = Process()
        job.executableURL = URL(fileURLWithPath: try BuiltExecutable.path("weir"))
        // Its first epoch stays open.
        job.arguments =
            ["run", "copy", "--metrics-port", "0", "--checkpoint-interval", "1h"] + place + [
                "--set", "data=\(folder.path)/data", "--set", "transport=kafka://\(kafka)", "--set", "copy.from=\(from)", "--set",
                "copy.to=\(to)",
            ]
        (job.standardOutput, job.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try job.run()
        defer { kill(job.processIdentifier, SIGKILL) }
        let deadline = ContinuousClock.now + .seconds(60)
        while try admin.partitionEnds(of: [to]).allSatisfy({ $0.withheld == 0 }) {
            try #require(ContinuousClock.now < deadline, "the job wrote nothing")
            try await Task.sleep(for: .milliseconds(100))
        }

        let abort = ["txn", "abort", "--job", "copy", "--brokers", kafka] + place
        let refused = try WeirRun(abort)
        #expect(refused.status == 1 && refused.errors.contains("a process of this machine"), "\(refused.errors)")

        kill(job.processIdentifier, SIGKILL)
        job.waitUntilExit()
        let list = ["txn", "list", "--brokers", kafka, "--topic", to, "--interval", "300ms"] + place
        let standing = try WeirRun(list)
        #expect(standing.status == 1 && standing.output.contains("STANDS STILL"), "\(standing.output) \(standing.errors)")
        let ids = KafkaTransactionalID.all(of: JobID(namespace: name, jobName: "copy"), island: 0).map(\.description)
        for id in ids { #expect(standing.output.contains(id)) }

        let aborted = try WeirRun(abort + ["--output", "json"])
        #expect(aborted.status == 0, "\(aborted.errors)")
        struct Aborted: Decodable { let aborted: [String] }
        #expect(try JSONDecoder().decode(Aborted.self, from: Data(aborted.output.utf8)).aborted == ids)
        let settled = try WeirRun(list)
        #expect(settled.status == 0 && settled.output.contains("no open transactions on 1 partitions"), "\(settled.output)")
    }

    /// A broker is gone, and with it the only copy of a partition. On librdkafka's in-process cluster.
    @Test func whatCanBeAskedIsListedAndPartitionsWithoutALeaderAreNamed() throws {
        let client = try #require(rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), nil, 0))
        defer { rd_kafka_destroy(client) }
        let cluster = try #require(rd_kafka_mock_cluster_new(client, 1))
        defer { rd_kafka_mock_cluster_destroy(cluster) }
        let brokers = String(cString: try #require(rd_kafka_mock_cluster_bootstraps(cluster)))
        rd_kafka_mock_topic_create(cluster, "out", 2, 1)
        rd_kafka_mock_partition_set_leader(cluster, "out", 1, -1)
        let list = try WeirRun([
            "txn", "list", "--all", "--brokers", brokers, "--set", "server.url=http://127.0.0.1:9", "--output", "json",
        ])
        #expect(list.status == 1 && list.errors.contains("for want of a leader: out/1;"), "\(list.errors)")
        struct Report: Decodable {
            struct Partition: Decodable { let topic: String, partition: Int, state: String }
            let partitions: [Partition]
            let leaderless: [String]
        }
        let report = try JSONDecoder().decode(Report.self, from: Data(list.output.utf8))
        #expect(report.partitions.map { "\($0.topic)/\($0.partition) \($0.state)" } == ["out/0 settled"])
        #expect(report.leaderless == ["out/1"])
    }

    @Test func idsOfNobodyAndMissingClustersAreRefused() throws {
        let kafka = try TestServer.kafka.url()
        let foreign = try WeirRun(["txn", "abort", "somebody-elses", "--brokers", kafka])
        #expect(foreign.status == 2 && foreign.errors.contains("--force"), "\(foreign.errors)")
        #expect(try WeirRun(["txn", "abort", "--brokers", kafka]).status == 2)
        let embedded = try WeirRun(["txn", "list"])
        #expect(embedded.status == 2 && embedded.errors.contains("--brokers"), "\(embedded.errors)")
        let unknown = try WeirRun(["txn", "list", "--brokers", kafka, "--topic", freshName("none")])
        #expect(unknown.status == 1 && unknown.errors.contains("UNKNOWN_TOPIC"), "\(unknown.errors)")
    }

    @Test func doctorTriesWhatJobsDoOnTheBrokers() throws {
        struct Finding: Decodable {
            let level: String
            let what: String
            let detail: String
            let remedy: String?
        }
        let run = try WeirRun([
            "doctor", "--output", "json", "--parallelism", "9", "--set", "transport=kafka://\(try TestServer.kafka.url())",
        ])
        let findings = try JSONDecoder().decode([Finding].self, from: Data(run.output.utf8))
        func levels(_ what: String) -> [String] { findings.filter { $0.what.hasPrefix(what) }.map(\.level) }
        for what in [
            "checkpoints folder", "data folder", "server folder", "sync to disk", "open files", "threads of this user", "clock",
        ] {
            #expect(levels(what).count == 1, "\(what)")
        }
        #expect(levels("kafka brokers") == ["ok"])
        #expect(levels("kafka transactions") == ["ok"], "\(findings)")
        #expect(levels("kafka release").count == 1 && levels("kafka permissions").count == 1, "\(findings)")
        #expect(levels("kafka group") == ["ok", "ok", "ok", "ok"], "\(findings)")
        for finding in findings where finding.level != "ok" { #expect(finding.remedy != nil, "\(finding.what)") }
        let away = try WeirRun(["doctor", "--output", "json", "--set", "transport=kafka://127.0.0.1:1"])
        #expect(away.status == 1 && away.output.contains("kafka brokers"), "\(away.errors)")
    }

    private func publish(_ values: [String], to topic: String, _ kafka: String) async throws {
        let publisher = try KafkaPublisher(try KafkaConfiguration(bootstrapServers: kafka))
        defer { publisher.close() }
        for value in values {
            try await publisher.send(topic: topic, key: Array("k".utf8), value: Array(value.utf8))
        }
    }
}
