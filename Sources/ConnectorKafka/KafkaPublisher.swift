import CRdKafka
import Dispatch
import StreamRuntime
import Synchronization

/// Sends messages one by one, each acknowledged by all in-sync replicas before `send` returns: for services that
/// must know. The client is idempotent: its own retries neither double nor reorder. Concurrent sends share batches.
///
/// Callable from any thread. Must be closed, or its thread keeps it.
public final class KafkaPublisher: Sendable {
    private typealias Waiter = CheckedContinuation<Void, any Error>
    private struct State {
        /// Absent after a fatal error, until the next send, and once closed.
        var producer: KafkaProducer?
        var waiting: [UInt: Waiter] = [:]
        var lastTag: UInt = 0
        var isClosed = false
    }

    private let configuration: KafkaConfiguration
    private let deliveryMillisMax: Int
    private let log: RuntimeLog
    private let state = Mutex(State())

    /// - Parameter deliveryMillisMax: when a message has not been acknowledged for so long its `send` fails; it
    ///   may or may not be on the topic then.
    ///
    /// Throws for properties the client does not take. No broker is contacted yet.
    public init(_ configuration: KafkaConfiguration, deliveryMillisMax: Int = 8_000, log: RuntimeLog = .silent) throws {
        self.configuration = configuration
        self.deliveryMillisMax = deliveryMillisMax
        self.log = log
        _ = try producer()  // made under the lock: it may fail for good before it is put where `startOver` finds it
    }

    /// Returns when the message is acknowledged; its partition is chosen by the key (Kafka's murmur2). Throws
    /// `KafkaError`: after `_MSG_TIMED_OUT` the message may be on the topic. A cancelled task gets
    /// `CancellationError` at once, and the message goes on by itself.
    public func send(
        topic: String, key: [UInt8]?, value: [UInt8], headers: [(name: String, value: [UInt8])] = []
    ) async throws {
        let batch = MessageBatch()
        var message = KafkaMessageBuilder(batch: batch, defaultTopic: topic)
        if let key { message.setKey(key) }
        message.setValue(value)
        for header in headers { message.addHeader(header.name, header.value) }
        batch.entries.append(message.entry)
        let tag = state.withLock { state in
            state.lastTag += 1
            return state.lastTag
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                state.withLock { $0.waiting[tag] = waiter }
                do {
                    if Task.isCancelled { throw CancellationError() }
                    guard try producer().produce(batch, from: 0, tag: tag) == 1 else {
                        throw KafkaError(RD_KAFKA_RESP_ERR__QUEUE_FULL, "a message to '\(topic)'")
                    }
                } catch {
                    finish(tag, .failure(error))
                }
            }
        } onCancel: {
            finish(tag, .failure(CancellationError()))
        }
    }

    /// Throws when no broker answers within `timeoutMillis`.
    public func ping(timeoutMillis: Int = 1_500) async throws {
        let producer = try producer()
        try await withCheckedThrowingContinuation { (done: Waiter) in
            // Blocks: not on a thread of Swift's own pool.
            DispatchQueue.global().async {
                done.resume(with: Result { try producer.handle.ping(timeoutMillis: Int32(clamping: timeoutMillis)) })
            }
        }
    }

    /// Ends the client. What is not acknowledged fails, and may be on the topic or not. Idempotent.
    public func close() {
        let (producer, waiting) = state.withLock { state in
            defer {
                state.isClosed = true
                state.producer = nil
                state.waiting = [:]
            }
            return (state.producer, state.waiting)
        }
        producer?.purge()
        producer?.stop()
        for waiter in waiting.values { waiter.resume(throwing: Self.closed) }
    }

    private static var closed: KafkaError { KafkaError(RD_KAFKA_RESP_ERR__DESTROY, "the publisher is closed") }

    private func producer() throws -> KafkaProducer {
        try state.withLock { state in
            if state.isClosed { throw Self.closed }
            if let known = state.producer { return known }
            let made = try makeProducer()
            state.producer = made
            return made
        }
    }

    private func makeProducer() throws -> KafkaProducer {
        try KafkaProducer(
            configuration,
            settings: [
                ("enable.idempotence", "true"), ("acks", "all"), ("message.timeout.ms", "\(deliveryMillisMax)"),
            ], log: log, name: "weir-kafka-publish"
        ) { [weak self] in self?.handle($0) }
    }

    private func handle(_ event: ProducerEvent) {
        switch event {
        case .failed(let error, let tag): finish(tag, .failure(error))
        case .delivered(let counts): for tag in counts.keys { finish(tag, .success(())) }
        case .fatal(let error): startOver(error)
        case .tick: break
        }
    }

    /// A client that failed for good fails everybody who waits; the next send makes another one.
    private func startOver(_ error: KafkaError) {
        let (producer, waiting) = state.withLock { state in
            defer {
                state.producer = nil
                state.waiting = [:]
            }
            return (state.producer, state.waiting)
        }
        producer?.stop()
        for waiter in waiting.values { waiter.resume(throwing: error) }
    }

    private func finish(_ tag: UInt, _ result: Result<Void, any Error>) {
        let waiter = state.withLock { $0.waiting.removeValue(forKey: tag) }
        waiter?.resume(with: result)
    }
}
