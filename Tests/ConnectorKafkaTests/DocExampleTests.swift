import ConnectorKafka
import Foundation
import StreamRuntime
import TestKit
import Testing

/// The example of docs/kafka.md.
struct VisitsPerPage: StreamJob {
    static let name = "visits-per-page"
    let kafka: KafkaConfiguration
    let transactions: KafkaTransactions
    var partitionCheckMillis = 60_000

    init(bootstrapServers: String) throws {
        kafka = try KafkaConfiguration(bootstrapServers: bootstrapServers, properties: ["compression.codec": "lz4"])
        transactions = KafkaTransactions(kafka)
    }

    func build(_ flow: Flow) {
        let visits = KafkaSource<String>(
            kafka, topics: ["visits"], groupID: "visits-per-page", start: .earliest, partitionCheckMillis: partitionCheckMillis
        ) { record in record.keyString }
        let counts = KafkaSink<(page: String, count: Int)>(
            kafka, topic: "counts", delivery: .exactlyOnce(transactions)
        ) { visits, message in
            message.setKey(visits.page)
            message.setValue("\(visits.count)")
        }
        flow.source(visits, id: "visits")
            .keyed(by: { $0 }).fold(0) { count, _ in count += 1 }.id("count")
            .map { (page: $0.key, count: $0.value) }.id("visits-of-page")
            .sink(counts, id: "counts")
    }
}

extension KafkaTests {
    @Suite struct DocExample {
        /// With a partition that comes while the job runs: it is read, and the job has not failed.
        @Test func visitsArePublishedOnceEach() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["visits"], partitions: 1)
            try makeTopics(broker.bootstrap, ["counts"], partitions: 1)
            try produce(broker.bootstrap, "visits", [("home", ""), ("about", ""), ("home", "")])
            var job = try VisitsPerPage(bootstrapServers: broker.bootstrap)
            job.partitionCheckMillis = 200
            let folder = TemporaryFolder()
            var options = JobOptions()
            (options.checkpointRoot, options.workRoot) = (folder.path + "/checkpoints", folder.path + "/work")
            options.checkpointIntervalMillis = 100
            options.restart = .none
            let runner = try JobRunner(job, options: options, environment: JobEnvironment())
            let ended = DispatchSemaphore(value: 0)
            let thread = Thread {
                do { try runner.run() } catch { Issue.record(error) }
                ended.signal()
            }
            thread.start()
            var seen = try Driven(try seenSource(broker.bootstrap, ["counts"]))
            try seen.take(3)
            try KafkaAdmin(KafkaConfiguration(bootstrapServers: broker.bootstrap)).createPartitions("visits", total: 4)
            try produce(broker.bootstrap, "visits", (0..<20).map { ("page-\($0)", "") })
            try seen.take(23)
            runner.stop()
            ended.wait()
            let counts = seen.kept.elements.map { "\($0.key ?? "") \($0.value ?? "")" }
            #expect(counts.sorted() == (["about 1", "home 1", "home 2"] + (0..<20).map { "page-\($0) 1" }).sorted())
            #expect(runner.failures.isEmpty && runner.status == .finished)
            seen.reader.close()
        }
    }
}
