import ConnectorKafka
import ConnectorLog
import Foundation
import TradingDrills
import WeirKit

/// A drill's eyes on the topics, whatever carries them.
final class DrillTail {
    let transportName: String
    private let inputs: any TopicTail
    private let outputs: any TopicTail
    private let makeTail: ([String]) -> any TopicTail
    private let kafka: KafkaConfiguration?
    /// Committed records of a dead process show at once on the log, and on Kafka when the next fetch is answered.
    private let quietMillis: Int
    private static let quietMillisKafka = 150
    private static let quietMillisEnd = 2_000

    init(_ resources: TradingResources, inputs: [String], outputs: [String]) throws {
        kafka = try resources.kafkaConfiguration()
        if let kafka {
            transportName = "Kafka"
            quietMillis = Self.quietMillisKafka
            makeTail = { [kafka] in KafkaTail(kafka, topics: $0) }
        } else {
            guard resources.configuration[TradingSettings.transport] == nil else {
                throw ConfigurationRefusal([
                    "transport: '\(resources.transportURL)' is no cluster; without the setting a drill has a log of its own"
                ])
            }
            transportName = "the embedded log"
            quietMillis = 0
            let folder = try LogStore.folder(of: resources.transportURL)
            makeTail = { LogTail(folder, topics: $0) }
        }
        self.inputs = makeTail(inputs)
        self.outputs = makeTail(outputs)
    }

    /// What has come since the last call. Outputs are read first: no output is there before its input.
    func read() throws -> (inputs: [TailedRecord], outputs: [TailedRecord]) {
        let results = try outputs.read()
        return (try inputs.read(), results)
    }

    /// Calls `look` until what a dead process had committed has been seen.
    func settle(_ look: () throws -> Int) throws { try Quiet.wait(millis: quietMillis, look) }

    /// Calls `look` until there is nothing more.
    func toEnd(_ look: () throws -> Int) throws {
        let millis = kafka == nil ? quietMillis : Self.quietMillisEnd
        try Quiet.wait(millis: millis, isAtEnd: { inputs.isAtEnd && outputs.isAtEnd }, look)
    }

    /// What a reader who begins now finds in `topics`, from their beginning to their end: who has watched while transactions
    /// were aborted has seen what the broker told then, who begins later what is there.
    func contents(of topics: [String]) throws -> [TailedRecord] {
        try makeTail(topics).readToEnd(quietMillis: Self.quietMillisEnd)
    }

    /// On Kafka; an embedded log makes its topics itself. Refused when one of them exists.
    func makeTopics(_ names: [String], partitions: Int32) throws {
        guard let kafka else { return }
        let admin = try KafkaAdmin(kafka)
        if let present = try admin.describe(names).keys.sorted().first {
            throw CommandFailure(
                "the topic '\(present)' exists already: a drill puts its own load into it, and would meet what others have "
                    + "written. Drill on a cluster of its own, or delete the topic")
        }
        try admin.ensure(names.map { KafkaTopicSpec($0, partitions: partitions, settings: ["retention.ms": "-1"]) })
    }

    func deleteTopics(_ names: [String]) throws {
        guard let kafka else { return }
        try KafkaAdmin(kafka).deleteTopics(names)
    }
}
