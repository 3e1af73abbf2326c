import ConnectorKafka
import ConnectorLog
import Foundation
import Services
import StreamRuntime
import TestKit
import TestServers
import Testing
import TraceContext
import Trading

/// The implementations of `OrderPublisher` the suite runs against; the first one is the model.
enum OrderPublisherKind: String, CaseIterable, CustomTestStringConvertible {
    case memory, log, kafka

    var testDescription: String { rawValue }

    /// What another reader finds on the topic.
    struct Published: Hashable {
        let order: Order
        let trace: TraceHeaders
    }

    /// Runs `body` with a publisher into an empty topic. `read` gives what is on it, once it is at least that much; of each
    /// user in the topic's order.
    func withPublisher(
        _ body: (_ publisher: any OrderPublisher, _ read: (_ count: Int) async throws -> [Published]) async throws -> Void
    ) async throws {
        switch self {
        case .memory:
            let publisher = ScriptedPublisher()
            try await body(publisher) { _ in
                zip(publisher.orders, publisher.traces).map { Published(order: $0, trace: $1) }
            }
        case .log:
            let folder = TemporaryFolder()
            let log = try LogStore(path: folder.path)
            defer { log.close() }
            try await body(LogOrderPublisher(log, topic: "orders")) { _ in
                let partitions = try log.topic("orders")?.partitions ?? 0
                return try (0..<partitions).flatMap { partition in
                    let id = LogTopicPartition(topic: "orders", partition: partition)
                    return try log.reader(id, at: try log.offsets(id).lowerBound).read(limit: 10_000)
                }.map { record in
                    try Self.published(record.key, record.value, record.headers.map { ($0.name, $0.value) })
                }
            }
        case .kafka:
            let configuration = try KafkaConfiguration(bootstrapServers: try TestServer.kafka.url())
            let topic = freshName("orders-")
            try KafkaAdmin(configuration).ensure([KafkaTopicSpec(topic, partitions: 4)])
            let publisher = KafkaOrderPublisher(try KafkaPublisher(configuration), topic: topic)
            do {
                try await body(publisher) { count in try KafkaRecords(configuration, topic).read(count) }
            } catch {
                await publisher.close()
                throw error
            }
            await publisher.close()
        }
    }

    /// What a record says, its wire form checked.
    fileprivate static func published(
        _ key: [UInt8]?, _ value: [UInt8]?, _ headers: [(name: String, value: [UInt8])]
    ) throws -> Published {
        let order = try Order.decode(value ?? [])
        let texts = Dictionary(headers.map { ($0.name, String(decoding: $0.value, as: UTF8.self)) }, uniquingKeysWith: { $1 })
        #expect(key == Array(order.userID.text.utf8) && value == order.encoded())
        #expect(texts["content-type"] == "application/json" && texts.count == headers.count)
        #expect(Set(texts.keys).isSubset(of: ["content-type", TraceHeaders.parentName, TraceHeaders.stateName]))
        return Published(
            order: order,
            trace: TraceHeaders(traceparent: texts[TraceHeaders.parentName], tracestate: texts[TraceHeaders.stateName]))
    }
}

/// A topic of Kafka as any consumer reads it, from its beginning.
private struct KafkaRecords {
    private typealias Record = (key: [UInt8]?, value: [UInt8]?, headers: [(name: String, value: [UInt8])])
    private let source: KafkaSource<Record>

    init(_ configuration: KafkaConfiguration, _ topic: String) {
        source = KafkaSource<Record>(configuration, topics: [topic], groupID: "reads-\(topic)", start: .earliest) { record in
            (record.key.map { Array($0) }, record.value.map { Array($0) }, record.headers.map { ($0.name, $0.value ?? []) })
        }
    }

    /// All records, once there are `count`: then it looks a few times more, for one too many.
    func read(_ count: Int) throws -> [OrderPublisherKind.Published] {
        let context = SourceContext(
            operatorID: "in", job: JobID(namespace: "tests", jobName: "publisher"), jobName: "publisher", log: .silent,
            isCancelled: { false })
        let splits = try source.discoverSplits(context)
        var reader = try source.makeReader(
            SourceReaderContext(
                source: context, subtask: 0, parallelism: 1,
                assignments: splits.map { SplitPosition(split: $0.id, next: $0.start) }, backPressure: BackPressure(), wake: {},
                metrics: MetricRegistry(), clock: SystemClock()))
        defer { reader.close() }
        var kept = Kept()
        let deadline = Date(timeIntervalSinceNow: 60)
        while kept.records.count < count {
            _ = try reader.poll(into: &kept, budget: 1_000)
            try #require(Date() < deadline, "\(kept.records.count) of \(count) records arrived")
            usleep(1_000)
        }
        for _ in 0..<100 {
            _ = try reader.poll(into: &kept, budget: 1_000)
            usleep(1_000)
        }
        return try kept.records.map { try OrderPublisherKind.published($0.key, $0.value, $0.headers) }
    }

    private struct Kept: Collector {
        var records: [Record] = []
        mutating func collect(_ element: Record) { records.append(element) }
        mutating func handle(_ signal: ChainSignal) {}
    }
}
