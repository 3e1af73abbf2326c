import ConnectorKafka
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
        /// From org.apache.kafka.common.utils.UtilsTest.testMurmur2.
        @Test(arguments: [
            ("21", -973_932_308), ("foobar", -790_332_482), ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971), ("abc", 479_470_107),
        ])
        func murmur2_matchesKafkasVectors(_ text: String, _ expected: Int) {
            let hash = Array(text.utf8).withUnsafeBytes { KafkaPartitioner.murmur2($0) }
            #expect(Int(Int32(bitPattern: hash)) == expected)
        }

        @Test func sinkAndPartitioner_agree() throws {
            let broker = try TestBroker()
            try makeTopics(broker.bootstrap, ["t"], partitions: 7)
            try produce(broker.bootstrap, "t", (0..<200).map { ("key-\($0)", "v") })
            var driven = try Driven(try seenSource(broker.bootstrap, ["t"]))
            try driven.take(200)
            #expect(driven.kept.elements.count == 200)
            for seen in driven.kept.elements {
                let key = Array((seen.key ?? "").utf8)
                #expect(KafkaPartitioner.partition(forKey: key, partitions: 7) == seen.partition)
            }
        }
    }
}
