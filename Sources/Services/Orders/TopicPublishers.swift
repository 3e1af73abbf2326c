import ConnectorKafka
import ConnectorLog
import Jobs
import StoreKit
import Synchronization
import TraceContext
import Trading

/// Orders into the embedded log: one small transaction each; concurrent ones share their syncs. The log's other writers
/// in this process (jobs) commit beside it.
package final class LogOrderPublisher: OrderPublisher {
    private let store: LogStore
    private let topic: String
    private let isClosed = Atomic<Bool>(false)

    package init(_ store: LogStore, topic: String = TradingTopics().orders) {
        self.store = store
        self.topic = topic
    }

    package func publish(_ order: Order, trace: TraceHeaders) async throws(StoreError) {
        let record = LogRecord(
            topic: topic, key: Array(order.userID.text.utf8), value: order.encoded(),
            headers: headers(trace).map { LogRecord.Header($0.name, $0.value) })
        try await ping()
        do {
            _ = try await store.append([record])
        } catch {
            throw .unavailable("the order is not known to be on the log: \(error)")
        }
    }

    package func ping() async throws(StoreError) {
        if isClosed.load(ordering: .relaxed) { throw .unavailable("the publisher is closed") }
        if store.isClosed { throw .unavailable("the log is closed") }
    }

    /// The log stays open: it belongs to the process, not to this publisher.
    package func close() async { isClosed.store(true, ordering: .relaxed) }
}

/// Orders into Kafka, each acknowledged by all in-sync replicas.
package final class KafkaOrderPublisher: OrderPublisher {
    private let publisher: KafkaPublisher
    private let topic: String

    package init(_ publisher: KafkaPublisher, topic: String = TradingTopics().orders) {
        self.publisher = publisher
        self.topic = topic
    }

    package func publish(_ order: Order, trace: TraceHeaders) async throws(StoreError) {
        do {
            try await publisher.send(
                topic: topic, key: Array(order.userID.text.utf8), value: order.encoded(), headers: headers(trace))
        } catch {
            throw meaning(of: error)
        }
    }

    package func ping() async throws(StoreError) {
        do { try await publisher.ping() } catch { throw meaning(of: error) }
    }

    package func close() async { publisher.close() }

    private func meaning(of error: any Error) -> StoreError {
        switch error {
        case let error as KafkaError where error.name == "_MSG_TIMED_OUT": .timeout("\(error)")
        case let error as KafkaError where error.name == "_QUEUE_FULL": .throttled("\(error)")
        // An order is small and its topic is provisioned: whatever the broker says is the system's trouble.
        default: .unavailable("\(error)")
        }
    }
}

private func headers(_ trace: TraceHeaders) -> [(name: String, value: [UInt8])] {
    [("content-type", Array("application/json".utf8))] + trace.fields.map { ($0.name, Array($0.value.utf8)) }
}
