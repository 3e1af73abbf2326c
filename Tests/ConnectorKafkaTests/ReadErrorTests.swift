import ConnectorKafka
import StreamRuntime
import Testing

/// What a reader says that cannot go on, and by which flags one can.
@Suite struct KafkaReadErrorTests {
    private func text(_ position: Int64, _ held: Range<Int64>?) -> String {
        KafkaOffsetOutOfRange(topic: "t", partition: 3, position: position, held: held).description
    }

    @Test func deletedByRetention_namesTheSettingAndTheWayOn() {
        let told = text(2, 5..<10)
        #expect(told.hasPrefix("offset 2 of t/3 is out of range (it holds 5 to 10): retention has deleted"))
        #expect(told.contains("retention.ms") && told.contains("--namespace") && told.contains("Nothing was skipped"))
        #expect(!told.contains("--from-checkpoint"), "what came before has positions before this one")
    }

    @Test func behindTheEnd_namesTheCheckpointsBefore() {
        for told in [text(11, 5..<10), text(1, 0..<0)] {
            #expect(told.contains("recreated") && told.contains("--from-savepoint") && told.contains("--namespace"))
        }
    }

    @Test func ofAnUnknownRange_saysBoth() {
        let told = text(7, nil)
        #expect(told.hasPrefix("offset 7 of t/3 is out of range: retention"))
        #expect(told.contains("recreated") && told.contains("retention.ms"))
    }

    @Test func noRestartCanHelp() {
        let errors: [any Error] = [
            KafkaOffsetOutOfRange(topic: "t", partition: 0, position: 1, held: nil),
            KafkaTopicGone(topic: "t", bootstrapServers: "kafka-1:9092"),
        ]
        #expect(errors.allSatisfy { $0 is any DataLossError })
        #expect("\(errors[1])".contains("'t'") && "\(errors[1])".contains("weir provision"))
    }
}
