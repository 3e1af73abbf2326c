import CRdKafka
import ConnectorKafka
import Foundation
import Jobs
import StreamRuntime

/// A broker of a run's own, on empty data. The binary is the one the tests use (`scripts/servers install kafka`).
final class BenchBroker {
    let bootstrap: String
    private let process = Process()

    init(folder: String) throws {
        guard let binary = ProcessInfo.processInfo.environment["WEIR_TEST_KAFKA_BIN"], !binary.isEmpty else {
            throw BenchFailure(
                "no broker: run `scripts/servers install kafka`, then set the WEIR_TEST_KAFKA_BIN that `scripts/servers env` prints"
            )
        }
        let port = 20_000 + Int(getpid()) % 20_000
        bootstrap = "127.0.0.1:\(port)"
        process.executableURL = URL(fileURLWithPath: binary)
        process.arguments = ["start", "--data-dir", "\(folder)/kafka", "--only", "kafka", "--kafka-port", "\(port)"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
    }

    deinit {
        // SIGTERM is blocked in it, as in the thread that starts it; its data goes with the run.
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Waits until the broker is done with what it does after writes (this one saves its whole state, for seconds
    /// and with all cores), so that every run begins on an idle machine; half a minute at most.
    func waitUntilIdle() {
        var quietRounds = 0
        var used = cpuTicks()
        for _ in 0..<300 where quietRounds < 15 {
            usleep(100_000)
            let now = cpuTicks()
            quietRounds = now - used <= 1 ? quietRounds + 1 : 0
            used = now
        }
    }

    /// User and system time so far, in hundredths of a second: fields 14 and 15 of /proc/PID/stat.
    private func cpuTicks() -> Int {
        let stat = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/stat", encoding: .utf8)) ?? ""
        let fields = (stat.split(separator: ")").last ?? "").split(separator: " ")
        return fields.count > 12 ? (Int(fields[11]) ?? 0) + (Int(fields[12]) ?? 0) : 0
    }
}

/// Kafka to Kafka: Weir's exactly-once copy, or the bare client doing the same without any guarantee.
struct KafkaCopy {
    static let partitions: Int32 = 4
    let folder: String
    let records: Int
    let options: JobOptions

    func run(bare: Bool) throws -> Measurement.Result {
        let broker = try BenchBroker(folder: folder)
        let configuration = try KafkaConfiguration(
            bootstrapServers: broker.bootstrap, properties: ["linger.ms": "5", "batch.num.messages": "10000"])
        try waitAndMakeTopics(configuration)
        try preload(configuration)
        broker.waitUntilIdle()
        let clock = SystemClock()
        let (began, cpu) = (clock.monotonicNanos(), Usage.cpuSeconds())
        var result = Measurement.Result()
        result.records = records
        func finished() {
            result.seconds = Double(clock.monotonicNanos() - began) / 1e9
            result.cpuSeconds = Usage.cpuSeconds() - cpu
            result.peakMemoryMiB = Usage.peakMemoryMiB()
        }
        if bare {
            try RawKafkaLoop(bootstrap: broker.bootstrap, partitions: Self.partitions)
                .copy("from", "to", records, finished: finished)
        } else {
            let (first, last) = try copyExactlyOnce(configuration)
            finished()
            let (start, flow) = (Double(first - began) / 1e9, Double(last - first) / 1e9)
            result.note = String(
                format: "of it %.2f s until the first record, %.2f s from the last one to the end, %.0f k/s between",
                start, result.seconds - start - flow, Double(records) / flow / 1e3)
        }
        return result
    }

    private func waitAndMakeTopics(_ configuration: KafkaConfiguration) throws {
        let admin = try KafkaAdmin(configuration)
        let topics = ["from", "to"].map { KafkaTopicSpec($0, partitions: Self.partitions, settings: ["retention.ms": "-1"]) }
        for attempt in 1...50 {
            do { return try admin.ensure(topics) } catch {
                if attempt == 50 { throw error }
                usleep(100_000)
            }
        }
    }

    private func preload(_ configuration: KafkaConfiguration) throws {
        let value = [UInt8](repeating: 97, count: 150)
        let sink = KafkaSink<Int>(configuration, topic: "from", delivery: .atLeastOnce) { number, message in
            message.setKey(String(number))
            message.setValue(value)
        }
        var writer = try sink.makeWriter(
            SinkWriterContext(
                operatorID: "preload", job: JobID(namespace: "bench", jobName: "preload"), subtask: 0, parallelism: 1,
                log: .silent, wake: {}, metrics: MetricRegistry(), clock: SystemClock()))
        defer { writer.close() }
        for number in 0..<records {
            while !writer.isReady { usleep(500) }
            try writer.write(number)
        }
        try writer.flush()
        try writer.endEpoch(Epoch(1))
        while try !writer.isAcknowledged(through: Epoch(1)) { usleep(1000) }
    }

    /// Returns when the first record and when all had been written. Before the first, two producers are fenced, the
    /// decision and the offsets read, and the genesis decided; after the last, the last epoch is.
    private func copyExactlyOnce(_ configuration: KafkaConfiguration) throws -> (firstNanos: Int64, lastNanos: Int64) {
        let metrics = MetricRegistry()
        let job = CopyJob(transport: .kafka(configuration, KafkaTransactions(configuration)), from: "from", to: "to")
        let runner = try JobRunner(job, options: options, environment: JobEnvironment(metrics: metrics))
        let count = records
        let first = FirstRecord()
        let last = FirstRecord()
        let watcher = Thread {
            func written() -> Double { metrics.sum("weir_operator_records_in_total", where: ["operator": "output"]) }
            while written() == 0 { usleep(500) }
            first.note()
            while written() < Double(count) { usleep(1000) }
            last.note()
            runner.stop(drain: false)
        }
        watcher.start()
        try runner.run()
        return (first.atNanos, last.atNanos)
    }
}

/// What the C client does on its own: read batches, write batches, no transaction, no state. It reads as far ahead
/// as it likes, because this client pauses for a second once its limit is reached.
struct RawKafkaLoop {
    let bootstrap: String
    let partitions: Int32
    private static let batch = 4096

    /// `finished` is called when everything is acknowledged, before the clients are taken down.
    func copy(_ from: String, _ to: String, _ records: Int, finished: () -> Void) throws {
        let consumer = try client(
            RD_KAFKA_CONSUMER,
            [
                "group.id": "raw", "enable.auto.commit": "false", "receive.message.max.bytes": "2000000000",
                "fetch.wait.max.ms": "10", "queued.min.messages": "10000000",
            ])
        let producer = try client(
            RD_KAFKA_PRODUCER, ["linger.ms": "5", "batch.num.messages": "10000", "enable.idempotence": "true"])
        defer {
            rd_kafka_consumer_close(consumer)
            rd_kafka_destroy(consumer)
            rd_kafka_destroy(producer)
        }
        let assignment = rd_kafka_topic_partition_list_new(partitions)
        for partition in 0..<partitions {
            rd_kafka_topic_partition_list_add(assignment, from, partition).pointee.offset = 0
        }
        rd_kafka_poll_set_consumer(consumer)
        rd_kafka_assign(consumer, assignment)
        rd_kafka_topic_partition_list_destroy(assignment)
        guard let queue = rd_kafka_queue_get_consumer(consumer), let topic = rd_kafka_topic_new(producer, to, nil) else {
            throw BenchFailure("the bare client gave no queue")
        }
        defer {
            rd_kafka_queue_destroy(queue)
            rd_kafka_topic_destroy(topic)
        }
        try pump(queue, producer, topic, records)
        rd_kafka_flush(producer, 30_000)
        finished()
    }

    private func pump(_ queue: OpaquePointer, _ producer: OpaquePointer, _ topic: OpaquePointer, _ records: Int) throws {
        let read = UnsafeMutablePointer<UnsafeMutablePointer<rd_kafka_message_t>?>.allocate(capacity: Self.batch)
        let written = UnsafeMutablePointer<rd_kafka_message_t>.allocate(capacity: Self.batch)
        defer {
            read.deallocate()
            written.deallocate()
        }
        var copied = 0
        while copied < records {
            let count = rd_kafka_consume_batch_queue(queue, 50, read, Self.batch)
            var usable: Int32 = 0
            for index in 0..<max(0, count) {
                guard let message = read[index], message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
                written[Int(usable)] = rd_kafka_message_t()
                written[Int(usable)].payload = message.pointee.payload
                written[Int(usable)].len = message.pointee.len
                written[Int(usable)].key = message.pointee.key
                written[Int(usable)].key_len = message.pointee.key_len
                usable += 1
            }
            var sent: Int32 = 0
            while sent < usable {
                sent += rd_kafka_produce_batch(topic, -1, Int32(RD_KAFKA_MSG_F_COPY), written + Int(sent), usable - sent)
                rd_kafka_poll(producer, sent < usable ? 5 : 0)
            }
            copied += Int(usable)
            for index in 0..<max(0, count) { rd_kafka_message_destroy(read[index]) }
        }
    }

    private func client(_ type: rd_kafka_type_t, _ properties: [String: String]) throws -> OpaquePointer {
        let configuration = rd_kafka_conf_new()
        var text = [CChar](repeating: 0, count: 512)
        for (name, value) in properties.merging(["bootstrap.servers": bootstrap], uniquingKeysWith: { $1 }) {
            guard rd_kafka_conf_set(configuration, name, value, &text, text.count) == RD_KAFKA_CONF_OK else {
                throw BenchFailure("\(name): the client refuses '\(value)'")
            }
        }
        guard let made = rd_kafka_new(type, configuration, &text, text.count) else {
            throw BenchFailure("no Kafka client could be made")
        }
        return made
    }
}
