import ConnectorKafka
import Foundation
import StreamRuntime
import TradingDrills

/// The drills' own hands on the servers: what is put in before, what is read after.
struct KafkaSide {
    let bootstrap: String
    private static let job = JobID(namespace: "drill", jobName: "outside")

    static let missing =
        "run the drills with `make test`, or `scripts/servers up kafka redis dynamodb elasticsearch clickhouse` and the variables of `scripts/servers env`"

    static func environment(_ name: String) throws -> String {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else {
            throw DrillFailure("\(name) is not set: \(missing)")
        }
        return value
    }

    init() throws { self.init(bootstrap: try Self.environment("WEIR_TEST_KAFKA")) }

    init(bootstrap: String) { self.bootstrap = bootstrap }

    /// Of the broker, which is on this machine.
    var port: Int {
        get throws {
            guard let port = bootstrap.split(separator: ":").last.flatMap({ Int($0) }) else {
                throw DrillFailure("'\(bootstrap)' names no port: \(Self.missing)")
            }
            return port
        }
    }

    func delete(_ names: [String]) throws {
        let admin = try KafkaAdmin(KafkaConfiguration(bootstrapServers: bootstrap))
        let present = try admin.describe(names)
        try admin.deleteTopics(names.filter { present[$0] != nil })
    }

    func makeTopics(_ names: [String]) throws {
        try delete(names)
        try KafkaAdmin(KafkaConfiguration(bootstrapServers: bootstrap)).ensure(
            names.map { KafkaTopicSpec($0, partitions: 4, settings: ["retention.ms": "-1"]) })
    }

    /// Produces and waits for the acknowledgements.
    func produce(_ topic: String, _ records: [(key: [UInt8], value: [UInt8])]) throws {
        let sink = KafkaSink<(key: [UInt8], value: [UInt8])>(
            try KafkaConfiguration(bootstrapServers: bootstrap), topic: topic, delivery: .atLeastOnce
        ) { record, message in
            message.setKey(record.key)
            message.setValue(record.value)
        }
        var writer = try sink.makeWriter(
            SinkWriterContext(
                operatorID: "out", job: Self.job, subtask: 0, parallelism: 1, log: .silent, wake: {},
                metrics: MetricRegistry(), clock: SystemClock()))
        defer { writer.close() }
        for record in records {
            while !writer.isReady { usleep(1000) }
            try writer.write(record)
        }
        try writer.flush()
        try writer.endEpoch(Epoch(1))
        let deadline = Date(timeIntervalSinceNow: 60)
        while try !writer.isAcknowledged(through: Epoch(1)) {
            guard Date() < deadline else { throw DrillFailure("Kafka did not acknowledge \(records.count) records") }
            usleep(2000)
        }
    }

    /// Everything committed in a topic, per partition in order: read_committed, to the end.
    func readCommitted(_ topic: String) throws -> [[UInt8]] {
        try KafkaTail(try KafkaConfiguration(bootstrapServers: bootstrap), topics: [topic]).readToEnd(quietMillis: 1_000).map(
            \.value)
    }
}
