import ConnectorKafka
import Testing

/// What `doctor` concludes from what brokers tell.
@Suite struct AccessTests {
    private static let ada = "User:ada"
    private let visible = KafkaAccessRule(.cluster, KafkaAccess.clusterName, principal: ada, .describe)

    private func access(_ rules: [KafkaAccessRule], principal: String? = ada) -> KafkaAccess {
        KafkaAccess(rules + [visible], principal: principal)
    }

    @Test func whatIsAllowedIncludesToDescribe() {
        for (allowed, others) in [
            (KafkaAccessRule.Operation.read, [KafkaAccessRule.Operation.describe]), (.write, [.describe]), (.describe, []),
            (.all, [.read, .write, .describe]),
        ] {
            let access = access([KafkaAccessRule(.topic, "orders", principal: Self.ada, allowed)])
            for operation in [KafkaAccessRule.Operation.read, .write, .describe] {
                let expected = operation == allowed || others.contains(operation)
                #expect(access.allows(operation, .topic, "orders") == expected, "\(allowed) \(operation)")
            }
            #expect(!access.allows(allowed, .topic, "orders2") && !access.allows(allowed, .group, "orders"))
        }
    }

    @Test func namesAreMetWholeByPrefixOrAsAll() {
        let prefix = access([KafkaAccessRule(.topic, "trade_", isPrefix: true, principal: Self.ada, .read)])
        #expect(prefix.allows(.read, .topic, "trade_orders") && !prefix.allows(.read, .topic, "trades"))
        let all = access([KafkaAccessRule(.topic, "*", principal: "User:*", .read)])
        #expect(all.allows(.read, .topic, "anything"))
        let others = access([KafkaAccessRule(.topic, "orders", principal: "User:bob", .read)])
        #expect(!others.allows(.read, .topic, "orders"))
    }

    @Test func whatIsDeniedIsRefusedWhateverAllowsIt() {
        let allow = KafkaAccessRule(.topic, "*", principal: Self.ada, .all)
        for operation in [KafkaAccessRule.Operation.write, .all] {
            let access = access([allow, KafkaAccessRule(.topic, "orders", principal: "User:*", operation, allows: false)])
            #expect(!access.allows(.write, .topic, "orders") && access.allows(.write, .topic, "others"), "\(operation)")
        }
        // Of another host, perhaps.
        let elsewhere = access([
            allow, KafkaAccessRule(.topic, "orders", principal: "User:*", host: "10.0.0.1", .write, allows: false),
        ])
        #expect(elsewhere.allows(.write, .topic, "orders"))
    }

    @Test func idempotentWritingIsAllowedOnTheClusterOrByWriting() {
        let topics = ["a", "b"]
        #expect(!access([]).allowsIdempotentWrite(to: topics))
        #expect(access([KafkaAccessRule(.topic, "b", principal: Self.ada, .write)]).allowsIdempotentWrite(to: topics))
        let onCluster = KafkaAccessRule(.cluster, KafkaAccess.clusterName, principal: Self.ada, .idempotentWrite)
        #expect(access([onCluster]).allowsIdempotentWrite(to: topics))
    }

    @Test func rulesThatDoNotLetTheirReaderReadThemAreNotItsOwn() {
        #expect(access([]).isBelievable)
        #expect(!access([], principal: "User:bob").isBelievable && !access([], principal: nil).isBelievable)
        let everybody = KafkaAccessRule(.cluster, KafkaAccess.clusterName, principal: "User:*", .alter)
        #expect(KafkaAccess([everybody], principal: nil).isBelievable)
    }

    @Test func aUsersNameFollowsFromItsPropertiesWhereItDoes() throws {
        func principal(_ properties: [String: String]) throws -> String? {
            try KafkaConfiguration(bootstrapServers: "a:1", properties: properties).principal
        }
        #expect(try principal([:]) == "User:ANONYMOUS")
        #expect(
            try principal(["security.protocol": "SASL_SSL", "sasl.mechanisms": "PLAIN", "sasl.username": "ada"]) == "User:ada")
        let scram = ["security.protocol": "sasl_plaintext", "sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "ada"]
        #expect(try principal(scram) == "User:ada")
        #expect(try principal(["security.protocol": "ssl"]) == nil)
        #expect(try principal(["security.protocol": "sasl_ssl", "sasl.mechanism": "OAUTHBEARER", "sasl.username": "ada"]) == nil)
        #expect(try principal(["security.protocol": "sasl_ssl"]) == nil)
    }

    @Test func aReleaseIsToldByWhatCameWithIt() {
        func release(_ newest: [Int: Int]) -> String? { KafkaRelease(newest: newest)?.description }
        #expect(release([:]) == nil)
        #expect(release([1: 11, 28: 2]) == "before 2.5")
        #expect(release([1: 11, 28: 3]) == "2.5 or 2.6")
        #expect(release([1: 12, 2: 6, 28: 3, 60: 0]) == "2.8")
        #expect(release([1: 13, 2: 7, 26: 3, 28: 3, 60: 0]) == "3.1 to 3.4")
        #expect(release([1: 17, 2: 9, 26: 4, 28: 4, 60: 1]) == "3.8 or 3.9")
        #expect(release([1: 17, 2: 10, 26: 5, 28: 5, 60: 2]) == "4.0 or later")
        #expect(KafkaRelease(newest: [1: 11])?.hasTransactionsOfGroups == false)
        #expect(KafkaRelease(newest: [28: 3])?.hasTransactionsOfGroups == true)
    }

    @Test func theClientsLinesAboutItsBrokersAreRead() {
        func read(_ line: String) -> [String]? { BrokerVersions.read(line).map { [$0.broker, "\($0.request)", "\($0.newest)"] } }
        let prefix = "kafka client: [thrd:127.0.0.1:9092/bootstrap]: "
        #expect(read(prefix + "127.0.0.1:9092/bootstrap:   ApiKey Fetch (1) Versions 0..13") == ["127.0.0.1:9092", "1", "13"])
        let unknown = "sasl_ssl://b-1.example:9096/2:   ApiKey Unknown-68? (68) Versions 0..0"
        #expect(read(prefix + unknown) == ["b-1.example:9096", "68", "0"])
        #expect(read(prefix + "GroupCoordinator/2:   ApiKey Fetch (1) Versions 0..13") == nil)
        #expect(read(prefix + "127.0.0.1:9092/1: Broker API support:") == nil)
    }

    @Test func limitsOfAllBrokersCountAndTheWorstIsTold() throws {
        let same = BrokerLimits.remarks(
            [1: ["transaction.max.timeout.ms": "900000"], 2: ["transaction.max.timeout.ms": "900000"]], brokersCount: 2)
        #expect(same.map(\.level) == [.fine] && same.first?.detail.contains("broker") == false)
        let differing = BrokerLimits.remarks(
            [
                1: ["transaction.max.timeout.ms": "900000", "message.max.bytes": "1048588"], 2: [:],
                3: ["transaction.max.timeout.ms": "1000", "unclean.leader.election.enable": "true"],
            ], brokersCount: 3)
        let timeout = try #require(differing.first { $0.setting == "transaction.max.timeout.ms" })
        #expect(timeout.level == .wrong && timeout.remedy != nil)
        #expect(timeout.detail.contains("broker 1: 900000") && timeout.detail.contains("broker 3: 1000"), "\(timeout.detail)")
        #expect(
            differing.map(\.setting) == ["transaction.max.timeout.ms", "message.max.bytes", "unclean.leader.election.enable"])
        #expect(differing.map(\.level) == [.wrong, .fine, .wrong])
        #expect(BrokerLimits.remarks([:], brokersCount: 1).isEmpty)
    }
}
