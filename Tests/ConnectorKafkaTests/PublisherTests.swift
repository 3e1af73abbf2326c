import CRdKafka
import ConnectorKafka
import Foundation
import StreamRuntime
import TestServers
import Testing

extension KafkaTests {
    /// Single acknowledged messages of services.
    @Suite struct Publisher {
        private func publisher(_ bootstrap: String, deliveryMillisMax: Int = 8_000) throws -> KafkaPublisher {
            try KafkaPublisher(KafkaConfiguration(bootstrapServers: bootstrap), deliveryMillisMax: deliveryMillisMax)
        }

        @Test func whatWasSentIsOnTheTopicWhenSendReturns() async throws {
            let bootstrap = try TestBroker.sharedBootstrap()
            let topic = "publisher-\(UUID())"
            try makeTopics(bootstrap, [topic], partitions: 4)
            let publisher = try publisher(bootstrap)
            try await publisher.ping()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        try await publisher.send(
                            topic: topic, key: Array("user-\(number % 20)".utf8), value: Array("\(number)".utf8),
                            headers: [("content-type", Array("application/json".utf8))])
                    }
                }
                try await group.waitForAll()
            }
            var driven = try Driven(try seenSource(bootstrap, [topic]))
            defer { driven.reader.close() }
            try driven.take(200)
            #expect(Set(driven.kept.elements.compactMap(\.value)) == Set((0..<200).map(String.init)))
            // One key, one partition: the one every other producer of the system chooses.
            let partitions = Dictionary(grouping: driven.kept.elements, by: \.key).mapValues { Set($0.map(\.partition)) }
            #expect(partitions.count == 20 && partitions.values.allSatisfy { $0.count == 1 })
            publisher.close()
        }

        @Test func aBrokerThatIsAwayFailsTheSendInTime() async throws {
            let publisher = try publisher("127.0.0.1:1", deliveryMillisMax: 300)
            defer { publisher.close() }
            let error = await #expect(throws: KafkaError.self) {
                try await publisher.send(topic: "t", key: nil, value: [1])
            }
            #expect(error?.name == "_MSG_TIMED_OUT")
            await #expect(throws: KafkaError.self) { try await publisher.ping(timeoutMillis: 200) }
        }

        @Test func aRefusedMessageFailsAloneAndTheNextOneGoes() async throws {
            let cluster = try MockCluster(["t"])
            let publisher = try publisher(cluster.bootstrap)
            defer { publisher.close() }
            try await publisher.send(topic: "t", key: [1], value: [1])
            cluster.push(MockCluster.produce, [RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE])
            await #expect(throws: KafkaError.self) { try await publisher.send(topic: "t", key: [1], value: [2]) }
            try await publisher.send(topic: "t", key: [1], value: [3])
        }

        @Test func aCancelledSendReturnsAtOnce() async throws {
            let publisher = try publisher("127.0.0.1:1", deliveryMillisMax: 60_000)
            let task = Task { try await publisher.send(topic: "t", key: nil, value: [1]) }
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            publisher.close()
        }

        @Test func closingFailsWhoStillWaits() async throws {
            let publisher = try publisher("127.0.0.1:1", deliveryMillisMax: 60_000)
            let sent = Task { try await publisher.send(topic: "t", key: nil, value: [1]) }
            // Whether the send comes before or after, it fails.
            publisher.close()
            await #expect(throws: KafkaError.self) { try await sent.value }
        }
    }
}
