import ConnectorKafka
import StreamRuntime
import Testing

extension KafkaTests {
    @Suite struct Configuration {
        @Test(arguments: [
            ("isolation.level", "read_uncommitted"), ("enable.auto.commit", "true"), ("auto.offset.reset", "earliest"),
            ("transactional.id", "mine"), ("acks", "1"), ("enable.idempotence", "false"), ("group.id", "g"),
            ("transaction.timeout.ms", "1000"), ("bootstrap.servers", "other:1"),
        ])
        func ownedProperty_setDifferently_isRefusedByName(_ property: String, _ value: String) {
            #expect {
                try KafkaConfiguration(bootstrapServers: "127.0.0.1:9092", properties: [property: value])
            } throws: { error in
                (error as? KafkaConfigurationError)?.property == property && "\(error)".contains("'\(value)'")
            }
        }

        @Test func ownedProperty_setToWhatIsNeeded_isAccepted() throws {
            _ = try KafkaConfiguration(
                bootstrapServers: "127.0.0.1:9092",
                properties: ["acks": "all", "isolation.level": "read_committed", "auto.offset.reset": "error"])
        }

        @Test func secrets_neverShow() throws {
            let configuration = try KafkaConfiguration(
                bootstrapServers: "127.0.0.1:9092",
                properties: ["sasl.password": "hunter2", "ssl.key.password": "hunter2", "compression.codec": "lz4"])
            var dumped = ""
            dump(configuration, to: &dumped)
            for text in [configuration.description, configuration.debugDescription, "\(configuration)", dumped] {
                #expect(!text.contains("hunter2"))
                #expect(text.contains("compression.codec=lz4"))
            }
        }

        @Test func unknownProperty_isReportedWhenAClientIsMade() throws {
            let configuration = try KafkaConfiguration(
                bootstrapServers: "127.0.0.1:9092", properties: ["no.such.thing": "1"])
            #expect(throws: KafkaConfigurationError.self) { try KafkaAdmin(configuration) }
        }

        @Test func badValue_isReportedWithoutTheValue() throws {
            let configuration = try KafkaConfiguration(
                bootstrapServers: "127.0.0.1:9092", properties: ["security.protocol": "hunter2"])
            #expect {
                try KafkaAdmin(configuration)
            } throws: {
                "\($0)".contains("security.protocol") && !"\($0)".contains("hunter2")
            }
        }

        @Test func identity_doesNotDependOnTheOrderOfBrokers() throws {
            let one = try KafkaConfiguration(bootstrapServers: "b:1, a:2")
            #expect(one.identity == "kafka://a:2,b:1")
            #expect(throws: KafkaConfigurationError.self) { try KafkaConfiguration(bootstrapServers: " ") }
        }
    }

    @Suite struct Partitioner {
        @Test func sink_choosesPartitionsByMurmur2OfTheKey() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 7)
            try produce(broker.bootstrap, "t", (0..<200).map { ("key-\($0)", "v") })
            var driven = try Driven(try seenSource(broker.bootstrap, ["t"]))
            try driven.take(200)
            #expect(driven.kept.elements.count == 200)
            for seen in driven.kept.elements {
                let expected = Array((seen.key ?? "").utf8).withUnsafeBytes { Murmur2.partition(ofKey: $0, partitions: 7) }
                #expect(seen.partition == expected)
            }
        }
    }
}
