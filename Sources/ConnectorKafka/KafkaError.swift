import StreamRuntime
import CRdKafka

/// Something a Kafka client or broker refused: what was being done, to what, and what the client said.
public struct KafkaError: Error, CustomStringConvertible {
    /// librdkafka's numeric code; negative ones are the client's own.
    public let code: Int32
    /// The code's name, e.g. `TOPIC_AUTHORIZATION_FAILED`.
    public let name: String
    /// What failed, where, why, and what to do about it.
    public let description: String
    /// Trying the same call again later may succeed.
    public let isRetriable: Bool
    /// A record is refused for what it is.
    let isOfTheRecord: Bool

    package init(
        _ code: rd_kafka_resp_err_t, _ doing: String, detail: String? = nil, isRetriable: Bool? = nil,
        isOfTheRecord: Bool = false
    ) {
        self.code = code.rawValue
        name = String(cString: rd_kafka_err2name(code))
        description =
            "\(doing): \(detail ?? String(cString: rd_kafka_err2str(code))) (\(name))"
            + (KafkaRemedies.remedy(code).map { "; \($0)" } ?? "")
        self.isRetriable = isRetriable ?? code.isTransient
        self.isOfTheRecord = isOfTheRecord
    }

    package init(code: rd_kafka_resp_err_t, message: String) {
        self.code = code.rawValue
        name = String(cString: rd_kafka_err2name(code))
        description = message
        isRetriable = false
        isOfTheRecord = false
    }

    package var response: rd_kafka_resp_err_t { rd_kafka_resp_err_t(rawValue: code) }
}

/// A newer owner of the same island has taken over: this attempt must stop and write nothing more.
/// Normal for the older of two runs; for the only run of a job it means that two were started.
public struct KafkaFenced: UnrestartableError, CustomStringConvertible {
    public let description: String
}

/// The commit of an epoch was asked for, but its outcome is not known. The producer is given up; the next
/// `recover` reads what the broker decided.
public struct KafkaCommitUncertain: Error, CustomStringConvertible {
    public let epoch: UInt64
    public let description: String
}

/// An epoch was open for more than half of the transaction time-out and is given up (rule 9), or the broker has done so
/// already.
public struct KafkaEpochExpired: EpochExpiry, CustomStringConvertible {
    public let epoch: UInt64
    public let description: String
}

/// A blocking client call did not return by its deadline; its client is abandoned.
public struct KafkaCallTimedOut: Error, CustomStringConvertible {
    public let description: String
}

/// The job is being stopped while the connector waits for a broker.
public struct KafkaCancelled: Error, CustomStringConvertible {
    public let waitingFor: String
    public var description: String { "stopped while waiting for \(waitingFor)" }
}

extension rd_kafka_resp_err_t {
    /// Errors that pass when a broker, a leader or a coordinator comes back.
    var isTransient: Bool {
        switch self {
        case RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
            RD_KAFKA_RESP_ERR__RESOLVE, RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
            RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
            RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
            RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT, RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR, RD_KAFKA_RESP_ERR_NOT_CONTROLLER,
            RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            RD_KAFKA_RESP_ERR_PREFERRED_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_LISTENER_NOT_FOUND,
            RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
            RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, RD_KAFKA_RESP_ERR__WAIT_CACHE:
            true
        default: false
        }
    }

    /// Another producer with the same transactional id has taken over.
    var isFencing: Bool {
        switch self {
        case RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
            RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
            true
        default: false
        }
    }
}

/// An `rd_kafka_error_t`, read out and freed.
struct KafkaAPIError {
    let code: rd_kafka_resp_err_t
    let text: String
    let isFatal: Bool
    let isRetriable: Bool
    let requiresAbort: Bool

    /// Takes ownership of `error`; `nil` when there is none.
    init?(consuming error: OpaquePointer?) {
        guard let error else { return nil }
        code = rd_kafka_error_code(error)
        text = String(cString: rd_kafka_error_string(error))
        isFatal = rd_kafka_error_is_fatal(error) != 0
        isRetriable = rd_kafka_error_is_retriable(error) != 0
        requiresAbort = rd_kafka_error_txn_requires_abort(error) != 0
        rd_kafka_error_destroy(error)
    }
}
