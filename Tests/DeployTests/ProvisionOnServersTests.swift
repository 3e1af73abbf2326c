import ConnectorKafka
import ConnectorLog
import Foundation
import Jobs
import StoreKit
import TestKit
import TestServers
import Testing
import TradingStores

/// The providers against the servers they are for.
@Suite struct ProvisionOnServersTests {
    @Test func kafkaTopicsAreMadeWithTheirSettings() async throws {
        let kafka = try KafkaConfiguration(bootstrapServers: try TestServer.kafka.url())
        let plan = TopicPlan(names: Self.namesOfItsOwn(), partitions: 3)
        let topics = KafkaTopics(kafka, plan)
        let made = try await Provisioning.run([topics], creates: true)
        #expect(made.filter { !$0.isInPlace }.isEmpty, "\(made.filter { !$0.isInPlace })")

        let described = try KafkaAdmin(kafka).topics([plan.names.orders, plan.names.executed, TopicPlan.decisions])
        #expect(described[plan.names.orders]?.partitions == 3)
        #expect(described[plan.names.orders]?.settings["retention.ms"] == "604800000")
        #expect(described[plan.names.executed]?.settings["retention.ms"] == "-1")
        #expect(described[TopicPlan.decisions]?.settings["cleanup.policy"] == "compact")

        let again = try await Provisioning.run([KafkaTopics(kafka, plan)], creates: true)
        #expect(again.allSatisfy { if case .present = $0.outcome { true } else { false } }, "\(again)")
    }

    @Test func aTopicWithOtherPartitionsIsToldAndKept() async throws {
        let kafka = try KafkaConfiguration(bootstrapServers: try TestServer.kafka.url())
        var plan = TopicPlan(names: Self.namesOfItsOwn(), partitions: 2)
        _ = try await Provisioning.run([KafkaTopics(kafka, plan)], creates: true)
        plan.partitions = 5
        let report = try await Provisioning.run([KafkaTopics(kafka, plan)], creates: true)
        let orders = try #require(report.first { $0.resource.name == plan.names.orders })
        guard case .differs(let differences) = orders.outcome else { Issue.record("\(orders)"); return }
        #expect(differences.map(\.description) == ["partitions is 2, required is 5"])
        #expect(try KafkaAdmin(kafka).describe([plan.names.orders]) == [plan.names.orders: 2])
    }

    @Test func aBrokerThatIsAwayIsNamed() async throws {
        let kafka = try KafkaConfiguration(bootstrapServers: "127.0.0.1:1", properties: ["socket.timeout.ms": "1000"])
        await #expect(throws: ProvisioningFailure.self) {
            try await Provisioning.run([KafkaTopics(kafka, TopicPlan(), timeoutMillis: 1_000)], creates: true)
        }
    }

    @Test func logTopicsAreMadeWithTheirPartitions() async throws {
        let folder = TemporaryFolder()
        let log = try LogStore(path: folder.path)
        defer { log.close() }
        let plan = TopicPlan(partitions: 7)
        let made = try await Provisioning.run([LogTopics(log, plan)], creates: true)
        #expect(made.filter { !$0.isInPlace }.isEmpty)
        #expect(try log.topic("trade_orders")?.partitions == 7)
        let other = try await Provisioning.run([LogTopics(log, TopicPlan(partitions: 8))], creates: true)
        #expect(other.allSatisfy { !$0.isInPlace })
    }

    @Test func aTableWithAnotherKeyIsToldAndOneThatNeverExpiresToo() async throws {
        let store = try Self.dynamoDB()
        let tables = store.tables
        let strange = RequiredResource(
            kind: "table", name: try #require(tables.required.first { $0.name.hasSuffix("executions") }).name, purpose: "",
            properties: [ResourceProperty("key", "id (S)")])
        try await tables.create(strange)
        let report = try await Provisioning.run([tables], creates: true)
        await store.close()
        let executions = try #require(report.first { $0.resource.name == strange.name })
        guard case .differs(let differences) = executions.outcome else { Issue.record("\(executions)"); return }
        #expect(
            differences.map(\.description) == [
                "key is id (S), required is orderId (S)", "expiry is not set, required is expires_at",
            ])
        #expect(report.filter { !$0.isInPlace }.count == 1)
    }

    @Test func theCommandMakesEverythingOnce() throws {
        let (kafka, dynamodb) = (try TestServer.kafka.url(), try TestServer.dynamodb.url())
        let prefix = freshName("p") + "-"
        let arguments = [
            "provision", "--output", "json", "--set", "transport=kafka://\(kafka)",
            "--set", "portfolios=dynamodb://eu-west-1?endpoint=\(dynamodb)&table-prefix=\(prefix)",
        ]
        let looked = try WeirRun(arguments + ["--dry-run"])
        #expect(looked.status == 1)
        #expect(try Self.states(looked)["\(prefix)orders"] == "missing")

        let made = try WeirRun(arguments)
        #expect(made.status == 0, "\(made.errors)")
        #expect(try Self.states(made)["\(prefix)orders"] == "created")

        let again = try WeirRun(arguments)
        #expect(again.status == 0, "\(again.errors)")
        let states = try Self.states(again)
        #expect(Set(states.values) == ["present"])
        #expect(states.count == TopicPlan().onKafka.count + DynamoDBTables.required(prefix: "").count)
    }

    private static func states(_ run: WeirRun) throws -> [String: String] {
        struct Row: Decodable {
            let name: String
            let state: String
        }
        let rows = try JSONDecoder().decode([Row].self, from: Data(run.output.utf8))
        return Dictionary(uniqueKeysWithValues: rows.map { ($0.name, $0.state) })
    }

    private static func namesOfItsOwn() -> TradingTopics {
        let prefix = freshName("p") + "-"
        var names = TradingTopics()
        names.marketData = prefix + names.marketData
        names.orders = prefix + names.orders
        names.executed = prefix + names.executed
        names.rejected = prefix + names.rejected
        return names
    }

    private static func dynamoDB() throws -> DynamoDBPortfolioStore {
        let endpoint = try TestServer.dynamodb.url()
        let url = "dynamodb://eu-west-1?endpoint=\(endpoint)&table-prefix=\(freshName("p"))-"
        return try #require(try PortfolioStores.open(url, environment: [:]) as? DynamoDBPortfolioStore)
    }
}
