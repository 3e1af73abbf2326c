import ConnectorClickHouse
import NIOCore
import StoreKit
import StreamRuntime
import TestServers
import TestKit
import Testing

@Suite struct ClickHouseSinkTests {
    private let table = freshName("readings_")

    private func client(port: Int? = nil) async throws -> ClickHouseClient {
        let url = try port.map { "clickhouse://127.0.0.1:\($0)/default?timeout-ms=2000" } ?? TestServer.clickhouse.url()
        let client = try ClickHouseClient(url)
        if port == nil {
            try await client.execute(
                """
                CREATE TABLE IF NOT EXISTS \(table) (sensor String, number Int64) ENGINE = ReplacingMergeTree \
                ORDER BY (sensor, number) SETTINGS non_replicated_deduplication_window = 100
                """)
        }
        return client
    }

    private func numbers(_ client: ClickHouseClient, final: Bool = true) async throws -> [Int64] {
        try await client.rows("SELECT number FROM \(table) \(final ? "FINAL" : "") ORDER BY number").map { Int64($0[0]) ?? -1 }
    }

    private var limits: BatchLimits { BatchLimits(countMax: 100, ageMax: .milliseconds(5)) }

    @Test func rowsAreInsertedInBlocksAndCountOnceByTheirKey() async throws {
        let client = try await client()
        let readings = (Int64(0)..<1000).map { Reading($0) }
        for _ in 0..<2 {
            let sink = ClickHouseSink<Reading>(client, table: table, options: BatchingOptions(limits)) { reading, json in
                json += reading.json.utf8
            }
            try await SinkBench { $0.sink(sink) }.run(readings)
        }
        #expect(try await numbers(client) == Array(0..<1000))
        await client.close()
    }

    /// The same cuts again: the server knows them by their token, so even without FINAL nothing is there twice.
    @Test func aCutInsertedAgainIsRecognisedByItsToken() async throws {
        let client = try await client()
        let (table, limits) = (table, limits)
        for _ in 0..<2 {
            try await SinkBench { readings in
                readings.cuts(limits) { (partition: $0.sensor, offset: $0.number) }
                    .sink(
                        ClickHouseSink(client, table: table, name: { "readings/\($0)" }) {
                            (reading: Reading, json: inout [UInt8]) in
                            json += reading.json.utf8
                        })
            }.run((Int64(0)..<300).map { Reading($0) })
        }
        #expect(try await numbers(client, final: false).count == 300)
        await client.close()
    }

    /// A topic made anew has the same offsets again, and other records under them.
    @Test func otherRowsUnderTheSameOffsetsAreInserted() async throws {
        let client = try await client()
        let (table, limits) = (table, limits)
        for first in [Int64(0), 1000] {
            try await SinkBench { readings in
                readings.cuts(limits) { (partition: $0.sensor, offset: $0.number % 1000) }
                    .sink(
                        ClickHouseSink(client, table: table, name: { "readings/\($0)" }) {
                            (reading: Reading, json: inout [UInt8]) in
                            json += reading.json.utf8
                        })
            }.run((first..<first + 300).map { Reading($0) })
        }
        #expect(try await numbers(client, final: false) == Array(0..<300) + Array(1000..<1300))
        await client.close()
    }

    @Test func aTokenIsOfTheNameAndTheRows() {
        let token = ClickHouseClient.token(of: "t/0/5-9", ByteBuffer(string: "{}\n"))
        #expect(token == ClickHouseClient.token(of: "t/0/5-9", ByteBuffer(string: "{}\n")))
        #expect(token != ClickHouseClient.token(of: "t/0/5-9", ByteBuffer(string: "{} \n")))
        #expect(token != ClickHouseClient.token(of: "t/1/5-9", ByteBuffer(string: "{}\n")))
        #expect(token.hasPrefix("t/0/5-9/"))
    }

    @Test func anOutagePausesTheJobAndLosesNothing() async throws {
        let direct = try await client()
        let proxy = try await FaultProxy(to: try TestServer.clickhouse.port())
        let client = try await client(port: proxy.port)
        let sink = ClickHouseSink<Reading>(client, table: table, options: BatchingOptions(limits)) { reading, json in
            json += reading.json.utf8
        }
        let bench = try SinkBench { $0.sink(sink) }
        async let ended: Void = bench.runner.run()
        proxy.set(.down)
        bench.source.push(contentsOf: (Int64(0)..<200).map { Reading($0) })
        try await eventually("the job is paused") { bench.isPaused }
        proxy.set(.losingAnswers)
        try await eventually("answers are lost") { proxy.answersLost >= 1 }
        proxy.set(.passing)
        bench.source.finish()
        try await ended
        #expect(try await numbers(direct) == Array(0..<200))
        await client.close()
        await direct.close()
        await proxy.stop()
    }

    @Test func aRowTheServerCannotTakeFailsTheJobInItsOwnWords() async throws {
        let client = try await client()
        let sink = ClickHouseSink<Reading>(client, table: table, options: BatchingOptions(limits)) { _, json in
            json += #"{"sensor":"x","number":"no number"}"#.utf8
        }
        let error = await #expect(throws: JobFailure.self) { try await SinkBench { $0.sink(sink) }.run([Reading(1)]) }
        let words = "\(error?.cause ?? CancellationError())"
        #expect(words.contains("insert on 127.0.0.1"))
        await client.close()
    }
}
