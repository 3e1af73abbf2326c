import ConnectorKafka
import Foundation
import StreamRuntime
import Testing

extension KafkaTests {
    @Suite struct Sink {
        @Test func atLeastOnce_isAcknowledgedOnlyAfterDelivery_evenAcrossABrokerRestart() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            var writer = try stringSink(broker.bootstrap, "t", .atLeastOnce).makeWriter(writerContext())
            try writer.write((key: nil, value: "1"))
            try writer.endEpoch(Epoch(4))
            try waitUntil("epoch 4 is acknowledged") { try writer.isAcknowledged(through: Epoch(4)) }
            broker.stop()
            try writer.write((key: nil, value: "2"))
            try writer.endEpoch(Epoch(5))
            // What is tested is that time alone acknowledges nothing.
            try expectThroughout(millis: 300) { try !writer.isAcknowledged(through: Epoch(5)) }
            #expect(try writer.isAcknowledged(through: Epoch(4)))
            try writer.write((key: nil, value: "3"))
            try broker.start()
            try waitUntil("epoch 5 is acknowledged") { try writer.isAcknowledged(through: Epoch(5)) }
            try writer.endEpoch(Epoch(6))
            try waitUntil("epoch 6 is acknowledged") { try writer.isAcknowledged(through: Epoch(6)) }
            writer.close()
            var driven = try Driven(try seenSource(broker.bootstrap, ["t"]))
            try driven.take(3)
            #expect(driven.kept.elements.map(\.value) == ["1", "2", "3"])
            driven.reader.close()
        }

        @Test func fullLocalQueue_isBackPressure_notABlockedThread_andNothingIsLost() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            try produce(broker.bootstrap, "t", [(nil, "warm")])
            let configuration = try KafkaConfiguration(
                bootstrapServers: broker.bootstrap,
                properties: ["queue.buffering.max.messages": "100", "compression.codec": "lz4"])
            let sink = KafkaSink<Int>(configuration, topic: "t", delivery: .atLeastOnce) { element, message in
                message.setValue("\(element)")
            }
            let woken = Flag()
            var writer = try sink.makeWriter(
                SinkWriterContext(
                    operatorID: "out", job: job, subtask: 0, parallelism: 1, log: .silent, wake: { woken.set() },
                    metrics: MetricRegistry(), clock: SystemClock()))
            broker.stop()
            // A write that waited for room would not return: nobody takes anything from the queue now.
            for element in 0..<20_000 { try writer.write(element) }
            #expect(!writer.isReady)
            try broker.start()
            try waitUntil("the writer is woken") { woken.isSet && writer.isReady }
            try writer.endEpoch(Epoch(1))
            try waitUntil("acknowledged") { try writer.isAcknowledged(through: Epoch(1)) }
            writer.close()
            var driven = try Driven(try seenSource(broker.bootstrap, ["t"]))
            try driven.take(20_001)
            #expect(driven.kept.elements.dropFirst().map(\.value) == (0..<20_000).map { "\($0)" })
            driven.reader.close()
        }

        @Test func tooLargeMessage_failsTheWriterAndSaysWhere() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 1)
            var writer = try stringSink(broker.bootstrap, "t", .atLeastOnce).makeWriter(writerContext())
            #expect {
                try writer.write((key: nil, value: String(repeating: "x", count: 2_000_000)))
                try writer.flush()
            } throws: {
                "\($0)".contains("2000000 bytes to 't'") && "\($0)".contains("MSG_SIZE_TOO_LARGE") && $0 is any UnrestartableError
            }
            writer.close()
        }

        @Test func exactlyOnceWriter_beforeRecover_isRefused() throws {
            let transactions = try KafkaTransactions(KafkaConfiguration(bootstrapServers: "127.0.0.1:1"))
            let sink = try stringSink("127.0.0.1:1", "t", .exactlyOnce(transactions))
            #expect(sink.transactions?.identity == "kafka://127.0.0.1:1")
            #expect(throws: KafkaError.self) { try sink.makeWriter(writerContext()) }
        }

        @Test func sharedBroker_ofTheTestRun_answers() throws {
            _ = try KafkaAdmin(KafkaConfiguration(bootstrapServers: TestBroker.sharedBootstrap())).describe(["any"])
        }
    }
}
