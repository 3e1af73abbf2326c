import ConnectorClickHouse
import ConnectorDynamoDB
import ConnectorElasticsearch
import ConnectorRedis
import Foundation
import StreamRuntime
import StreamRuntimeTesting
import Synchronization
import TestKit
import TestServers
import Testing

/// The examples of docs/sinks.md, as they stand there but for the servers' addresses.
@Suite struct DocExampleTests {
    struct Click: CodableState, Sendable, Hashable {
        var id: String
        var user = "ann"
        var day = "2026-05-01"
        var millis: Int64
        var partition: Int32 = 0
        var offset: Int64

        init(_ number: Int64) {
            id = "click-\(number)"
            millis = number
            offset = number
        }
        var json: String { #"{"id":"\#(id)","user":"\#(user)","at":\#(millis)}"# }
    }

    final class AuditService: Sendable {
        struct Away: Error {}
        private let written = Mutex<[String]>([])
        var ids: [String] { written.withLock { $0 } }
        func write(_ clicks: [Click]) async throws { written.withLock { $0 += clicks.map(\.id) } }
        func rejected(of clicks: [Click]) async throws -> [String] {
            try await write(clicks)
            return clicks.map(\.id).filter { $0.hasSuffix("9") }
        }
    }

    private func run(_ connect: @escaping (StreamRuntime.Stream<SourceHead<TestSource<Click>>>) throws -> Void) async throws {
        struct Job: StreamJob {
            static var name: String { "doc" }
            let connect: (Flow) throws -> Void
            func build(_ flow: Flow) throws { try connect(flow) }
        }
        let source = TestSource((Int64(0)..<100).map { Click($0) })
        source.finish()
        let folder = TemporaryFolder()
        var options = JobOptions()
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        options.checkpointIntervalMillis = 20
        options.restart = .none
        let job = Job { try connect($0.source(source, id: "clicks")) }
        try await JobRunner(job, options: options, environment: JobEnvironment()).run()
    }

    @Test func elasticsearch() async throws {
        struct Log { func warn(_ text: String) { Issue.record("\(text)") } }
        let log = Log()
        let search = try ElasticsearchClient(try TestServer.elasticsearch.url())
        let index = freshName("clicks-")
        try await run { clicks in
            clicks.sink(
                ElasticsearchSink(
                    search, index: { "\(index)-\($0.day)" }, id: { $0.id },
                    onRefused: { documents in
                        for document in documents { log.warn("\(document.document.id): \(document.reason)") }
                    }
                ) { click, json in json += click.json.utf8 })
        }
        let (status, _) = try await search.call(.get, "/\(index)-2026-05-01/_doc/click-99")
        #expect(status == 200)
        await search.close()
    }

    @Test func clickHouseRowsAndCuts() async throws {
        let warehouse = try ClickHouseClient(try TestServer.clickhouse.url())
        let table = freshName("clicks_")
        try await warehouse.execute(
            "CREATE TABLE \(table) (id String, user String, at Int64) ENGINE = ReplacingMergeTree ORDER BY id")
        try await run { clicks in
            clicks.sink(ClickHouseSink(warehouse, table: table) { click, json in json += click.json.utf8 })
        }
        try await run { clicks in
            clicks.cuts(BatchLimits(countMax: 10_000, ageMax: .milliseconds(50))) { (partition: $0.partition, offset: $0.offset) }
                .sink(
                    ClickHouseSink(warehouse, table: table, name: { "clicks/\($0)" }) { (click: Click, json: inout [UInt8]) in
                        json += click.json.utf8
                    })
        }
        #expect(try await warehouse.rows("SELECT count() FROM \(table) FINAL").first == ["100"])
        await warehouse.close()
    }

    @Test func dynamoDB() async throws {
        let endpoint = try TestServer.dynamodb.url()
        let table = freshName("clicks-")
        let client = try DynamoDBClient(DynamoDBClient.Settings(region: "eu-west-1", endpoint: endpoint), environment: [:])
        _ = try await client.call(
            "CreateTable",
            DynamoDBRequest.data([
                "TableName": table, "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [["AttributeName": "id", "AttributeType": "S"]],
                "KeySchema": [["AttributeName": "id", "KeyType": "HASH"]],
            ]))
        try await run { clicks in
            clicks.sink(
                try DynamoDBSink("dynamodb://eu-west-1?endpoint=\(endpoint)", table: table, key: "id", environment: [:]) {
                    click in
                    ["id": .string(click.id), "user": .string(click.user), "at": .number(click.millis)]
                })
        }
        let answer = DynamoDBRequest.object(
            try await client.call("Scan", DynamoDBRequest.data(["TableName": table, "Select": "COUNT"])))
        #expect(answer["Count"] as? Int == 100)
        await client.close()
    }

    @Test func redis() async throws {
        let url = try TestServer.redis.url()
        let prefix = freshName("last-click:")
        try await run { clicks in
            clicks.sink(
                try RedisSink(url, versionField: "at") { click in
                    RedisEntry(key: "\(prefix):\(click.user)", value: Array(click.json.utf8), version: click.millis)
                })
        }
        let connection = try RedisConnection(
            RedisConnection.Address(host: "127.0.0.1", port: Int32(try TestServer.redis.port())))
        connection.append([Array("GET".utf8), Array("\(prefix):ann".utf8)])
        guard case .text(let value) = try connection.reply() else { Issue.record("no value"); return }
        #expect(String(decoding: value, as: UTF8.self) == Click(99).json)
    }

    @Test func aStoreOfYourOwn() async throws {
        let audit = AuditService()
        let deadLetters = CollectSink<String>()
        try await run { clicks in
            clicks.sink(
                BatchingSink(
                    BatchingOptions(BatchLimits(countMax: 500, ageMax: .milliseconds(100)), inFlightMax: 2),
                    failures: .waitOut("the audit service is down", when: { $0 is AuditService.Away })
                ) { batch in try await audit.write(batch) }, id: "audit")
            clicks.batched(BatchLimits(countMax: 500, ageMax: .milliseconds(100)))
                .asyncMap(
                    .unordered, AsyncOptions(capacity: 4, timeout: .seconds(30)), failures: .waitOut("the audit service is down")
                ) {
                    batch in try await audit.rejected(of: batch)
                }
                .flatMap { $0 }
                .sink(deadLetters)
        }
        #expect(Set(audit.ids).count == 100)
        #expect(deadLetters.elements.count == 10)
    }
}
