import StreamRuntime

/// What Kafka sources and sinks tell.
extension MetricDescription {
    public static let kafka: [MetricDescription] = [kafkaRecordsRead, kafkaRecordsSent, kafkaBytesSent]

    static let kafkaRecordsRead = counter(
        "weir_kafka_records_read_total", in: "records", by: [.operatorID], "Records read from Kafka.")
    static let kafkaRecordsSent = counter(
        "weir_kafka_records_sent_total", in: "records", by: ofSink, "Records handed to the Kafka client.")
    static let kafkaBytesSent = counter(
        "weir_kafka_bytes_sent_total", in: "bytes", by: ofSink,
        "Bytes of keys, values and headers handed to the Kafka client.")

    private static let ofSink: [MetricLabel] = [
        .operatorID, MetricLabel("topic", "the sink's topic, also where records name others", bound: "one for each sink"),
    ]
}
