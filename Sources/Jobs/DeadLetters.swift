import StreamRuntime
import TraceContext

/// A record that a job cannot use, on its way to the topic beside the one it came from, and why.
struct DeadLetter: Sendable {
    /// Why, in a word for metrics; the record's headers tell it in full.
    enum Reason: String, CaseIterable, Sendable {
        /// The bytes are no such record.
        case undecodable
        /// It decodes, and says what cannot be.
        case senseless
        /// A store will never take it.
        case refused
    }

    let record: OutgoingRecord
    let reason: Reason

    /// The bytes as read, with why, where from and who says so in the headers, and the trace they came with: several jobs read
    /// a topic, and each puts aside what it cannot use.
    /// - Parameter consumer: the job's consumer group.
    init(
        _ reason: Reason, topic: String, partition: Int32, offset: Int64, key: [UInt8]?, value: [UInt8]?, trace: TraceHeaders,
        error: any Error, consumer: String
    ) {
        self.reason = reason
        let told = [
            ("error", "\(error)"), ("source-topic", topic), ("source-partition", "\(partition)"), ("source-offset", "\(offset)"),
            ("consumer", consumer),
        ]
        record = OutgoingRecord(
            topic: TradingTopics.deadLetters(of: topic), key: key, value: value,
            headers: (told + trace.fields).map { (name: $0.0, value: Array($0.1.utf8)) })
    }
}

extension IncomingRecord {
    func deadLetter(_ reason: DeadLetter.Reason, _ error: any Error, _ consumer: String) -> DeadLetter {
        DeadLetter(
            reason, topic: topic, partition: partition, offset: offset, key: key.map { Array($0) },
            value: value.map { Array($0) }, trace: trace, error: error, consumer: consumer)
    }
}

extension Stream where Element == DeadLetter {
    /// The records, counted as those of `topic`.
    func counted(of topic: String) -> Stream<Stage<C, CountDeadLetters>> {
        apply("dead-letter-count") { CountDeadLetters($0.metrics, topic: TradingTopics.deadLetters(of: topic)) }
    }
}

/// Counts dead letters by their reason.
struct CountDeadLetters: Operator {
    typealias Output = OutgoingRecord
    private let cells: [DeadLetter.Reason: MetricRegistry.Cell]

    init(_ metrics: MetricRegistry, topic: String) {
        cells = Dictionary(
            uniqueKeysWithValues: DeadLetter.Reason.allCases.map { reason in
                (reason, metrics.counter(.deadLetters, labels: ["topic": topic, "reason": reason.rawValue]))
            })
    }

    mutating func process<Down: Collector>(_ input: DeadLetter, into down: inout Down) throws where Down.Element == Output {
        cells[input.reason]?.add()
        try down.collect(input.record)
    }
}

extension MetricDescription {
    static let deadLetters = counter(
        "weir_dead_letters_total", in: "records",
        by: [
            MetricLabel("topic", "the dead-letter topic", bound: "topics of the job"),
            MetricLabel(
                "reason", "why the record was put aside: `undecodable`, `senseless`, `refused`",
                bound: "\(DeadLetter.Reason.allCases.count)"),
        ], "Records a job could not use and put into a dead-letter topic; what is read again after a restart counts again.")
}
