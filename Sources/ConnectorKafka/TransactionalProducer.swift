import CRdKafka
import StreamRuntime

/// One of an island's two transactional producers: librdkafka's transaction calls with their errors sorted
/// out. All but `producer` block: only on the session's worker. Not reused after an error.
final class TransactionalProducer: Sendable {
    let producer: KafkaProducer
    let transactionalID: String
    private let timeoutMillis: Int

    init(
        _ configuration: KafkaConfiguration, transactionalID: String, timeoutMillis: Int, log: RuntimeLog,
        onEvent: @escaping @Sendable (ProducerEvent) -> Void
    ) throws {
        self.transactionalID = transactionalID
        self.timeoutMillis = timeoutMillis
        producer = try KafkaProducer(
            configuration,
            settings: [
                ("transactional.id", transactionalID), ("transaction.timeout.ms", "\(timeoutMillis)"),
                ("message.timeout.ms", "\(timeoutMillis)"), ("acks", "all"), ("enable.idempotence", "true"),
                // Success shows in flush and commit; only failures need reports.
                ("delivery.report.only.error", "true"),
            ], log: log, name: transactionalID, onEvent: onEvent)
    }

    private var client: OpaquePointer { producer.handle.pointer }

    /// Fences older owners of the id and ends what they left open. Resumes when called again after a
    /// retriable error.
    func initTransactions(sliceMillis: Int32) throws {
        guard let error = KafkaAPIError(consuming: rd_kafka_init_transactions(client, sliceMillis)) else { return }
        if error.code == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT
            || producer.handle.fatalError?.response == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT
        {
            throw KafkaError(
                code: RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT,
                message: """
                    the broker refuses a transaction time-out of \(timeoutMillis) ms: it is above its \
                    transaction.max.timeout.ms. Lower epochBudgetMillis (half the time-out) to at most half of that \
                    setting, or raise the setting
                    """)
        }
        throw failure("init_transactions", error)
    }

    func begin() throws { try check("begin_transaction", rd_kafka_begin_transaction(client)) }

    func sendOffsets(_ offsets: [(TopicPartition, Int64)], group: String, metadata: String) throws {
        let list = PartitionList(offsets, metadata: metadata)
        let member = rd_kafka_consumer_group_metadata_new(group)
        defer { rd_kafka_consumer_group_metadata_destroy(member) }
        try check(
            "send_offsets_to_transaction for group '\(group)'",
            list.withPointer { rd_kafka_send_offsets_to_transaction(client, $0, member, Int32(clamping: timeoutMillis)) })
    }

    func sendDecision(_ value: [UInt8], key: String, to partition: TopicPartition) throws {
        let batch = MessageBatch()
        var message = KafkaMessageBuilder(batch: batch, defaultTopic: partition.topic)
        message.partition = partition.partition
        message.setKey(key)
        message.setValue(value)
        batch.entries.append(message.entry)
        var attempts = 0
        // The queue can be full of the next epoch's records only on the other producer; here it drains.
        while try producer.produce(batch, from: 0, tag: 0) == 0 {
            attempts += 1
            guard attempts < 600 else {
                throw KafkaError(RD_KAFKA_RESP_ERR__QUEUE_FULL, "the decision record", isRetriable: false)
            }
            _ = producer.flush(timeoutMillis: 100)
        }
    }

    /// The decision. `KafkaCommitUncertain` when its outcome is not known.
    func commit(epoch: Epoch) throws {
        // -1, as the client's header advises: bounded by what is left of the transaction's time-out.
        guard let error = KafkaAPIError(consuming: rd_kafka_commit_transaction(client, -1)) else { return }
        if error.isRetriable, !error.requiresAbort, !error.isFatal {
            throw KafkaCommitUncertain(
                epoch: epoch.rawValue,
                description: "the commit of epoch \(epoch) by '\(transactionalID)' was not answered: \(error.text)")
        }
        throw failure("commit_transaction of epoch \(epoch)", error)
    }

    func abort(timeoutMillis: Int32) {
        _ = KafkaAPIError(consuming: rd_kafka_abort_transaction(client, timeoutMillis))
    }

    /// True when a request that changes the transaction was sent and its answer never came: a late copy
    /// could still reach a broker and hit this producer's next transaction (docs/proof.md: doubtful-producer).
    var hasUnansweredRequests: Bool { producer.handle.context.controlRequests.isAnyUnanswered }

    private func check(_ doing: String, _ result: OpaquePointer?) throws {
        if let error = KafkaAPIError(consuming: result) { throw failure(doing, error) }
    }

    private func failure(_ doing: String, _ error: KafkaAPIError) -> any Error {
        let fatal = producer.handle.fatalError
        if error.code.isFencing || fatal?.response.isFencing == true {
            return KafkaFenced(
                description: "\(doing): '\(transactionalID)' was taken over by a newer owner of the island "
                    + "(\(error.text)). This attempt wrote nothing more; if no other run was started, look for a "
                    + "second process with the same job id")
        }
        return KafkaError(
            error.code, "\(doing) by '\(transactionalID)'", detail: producer.handle.detail(of: error.code, error.text),
            isRetriable: error.isRetriable && !error.requiresAbort && !error.isFatal)
    }
}
