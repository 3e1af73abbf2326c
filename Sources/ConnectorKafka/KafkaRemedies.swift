import CRdKafka

/// What can be done about what a broker or the client says, as it is added to an error's text. Pure.
enum KafkaRemedies {
    static func remedy(_ code: rd_kafka_resp_err_t) -> String? {
        switch code {
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
            "make it with `weir provision`, or correct the name"
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
            "let the client's user read (Read, Describe) or write (Write, Describe) the topic"
        case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED: "let the client's user use the group (Read)"
        case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            "let the client's user use the transactional id (Write, Describe)"
        case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
            "let the client's user use the cluster (IdempotentWrite; Create to make topics)"
        case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, RD_KAFKA_RESP_ERR__AUTHENTICATION:
            "look at the sasl.* properties"
        case RD_KAFKA_RESP_ERR__SSL: "look at the ssl.* properties, and at the broker's certificate"
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
            "raise the client's message.max.bytes or the topic's max.message.bytes, or send less; several records in one batch "
                + "count together at the broker (batch.size)"
        case RD_KAFKA_RESP_ERR_INVALID_RECORD: "the topic may be compacted, and the record without a key"
        case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP: "the topic bounds times (message.timestamp.*), or the record's is wrong"
        case RD_KAFKA_RESP_ERR_POLICY_VIOLATION: "a policy of the cluster forbids it: ask who runs it"
        case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT,
            RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
            "brokers have to be of Kafka 2.5 or later, and topics without an older message format"
        case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
            "the brokers were away, or too few replicas of the partition in sync (min.insync.replicas)"
        case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS:
            "another program consumes in this group: give the source a group of its own"
        default: nil
        }
    }

    /// A broker that refuses a record for one of these refuses it whenever it comes.
    static func concernsTheRecord(_ code: rd_kafka_resp_err_t) -> Bool {
        switch code {
        case RD_KAFKA_RESP_ERR_INVALID_RECORD, RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, RD_KAFKA_RESP_ERR_POLICY_VIOLATION,
            RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT:
            true
        default: false
        }
    }
}
