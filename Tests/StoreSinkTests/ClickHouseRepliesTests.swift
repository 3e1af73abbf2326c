import ConnectorClickHouse
import StoreKit
import StreamRuntime
import TestServers
import Testing

/// What a server under load answers. ClickHouse tells by codes of its own what is wrong; once the head of an answer is out, also
/// behind the status 200.
@Suite struct ClickHouseRepliesTests {
    private let table = freshName("readings_")

    private static func exception(_ code: Int, _ text: String, status: Int = 500) -> ScriptedServer.Reply {
        .answer(.init(status, ["x-clickhouse-exception-code": "\(code)"], "Code: \(code). DB::Exception: \(text). (VERSION)\n"))
    }

    private func server(_ replies: [ScriptedServer.Reply], when word: String = "INSERT") async throws -> ScriptedServer {
        try await ScriptedServer(to: try TestServer.clickhouse.port(), replies: replies) {
            $0.path.contains(word) || $0.body.contains(word)
        }
    }

    private func client(_ server: ScriptedServer, timeoutMillis: Int = 10_000) async throws -> ClickHouseClient {
        let client = try ClickHouseClient("clickhouse://127.0.0.1:\(server.port)/default?timeout-ms=\(timeoutMillis)")
        try await client.execute(
            """
            CREATE TABLE IF NOT EXISTS \(table) (sensor String, number Int64) ENGINE = ReplacingMergeTree \
            ORDER BY (sensor, number) SETTINGS non_replicated_deduplication_window = 100
            """)
        return client
    }

    /// Rows behind cuts: each insert has a token. Counted without FINAL, so that a row inserted twice would show.
    private func insert(_ client: ClickHouseClient, _ readings: [Reading]) async throws {
        let table = table
        let limits = BatchLimits(countMax: readings.count, ageMax: .seconds(60))
        try await SinkBench { source in
            source.cuts(limits) { (partition: $0.sensor, offset: $0.number) }
                .sink(
                    ClickHouseSink(client, table: table, name: { "readings/\($0)" }) { (reading: Reading, json: inout [UInt8]) in
                        json += reading.json.utf8
                    })
        }.run(readings)
    }

    private func count(_ client: ClickHouseClient) async throws -> String? {
        try await client.rows("SELECT count() FROM \(table)").first.map { String($0[0]) }
    }

    private let readings = (Int64(0)..<10).map { Reading($0) }

    @Test func anInsertThatIsRefusedForNowIsSentAgainUnderItsToken() async throws {
        let replies: [ScriptedServer.Reply] = [
            .answer(.init(503, [:], "<html>no server behind this one</html>")), .answer(.init(429)),
            Self.exception(252, "Too many parts"), Self.exception(241, "Memory limit (total) exceeded"),
            Self.exception(202, "Too many simultaneous queries", status: 503), Self.exception(159, "Timeout exceeded"),
            Self.exception(242, "Table is in readonly mode"),
        ]
        let server = try await server(replies)
        let client = try await client(server)
        try await insert(client, readings)
        #expect(try await count(client) == "10")
        #expect(server.requests.count == replies.count + 1)
        #expect(Set(server.requests.map { $0.path + $0.body }).count == 1)
        #expect(server.requests.allSatisfy { $0.path.contains("insert_deduplication_token=readings%2Fs1%2F0-9") })
        await client.close()
        await server.stop()
    }

    /// The status 200 and an exception behind it: in the header, at the end of the body, or between the marks of later versions.
    @Test func anExceptionBehindTheStatus200IsNoSuccess() async throws {
        let memory = "Code: 241. DB::Exception: Memory limit (total) exceeded: would use 9.00 GiB. (MEMORY_LIMIT_EXCEEDED)"
        let server = try await server([
            Self.exception(241, "Memory limit (total) exceeded", status: 200), .answer(.init(200, [:], memory + "\n")),
            .answer(
                .init(200, [:], "__exception__\r\nabcdefghijklmnop\r\n\(memory)\r\n106 abcdefghijklmnop\r\n__exception__\r\n")),
        ])
        let client = try await client(server)
        try await insert(client, readings)
        #expect(try await count(client) == "10")
        #expect(server.requests.count == 4)
        await client.close()
        await server.stop()
    }

    @Test func anAnswerThatIsLostAfterTheEffectDoublesNothing() async throws {
        let server = try await server([.passAndHangUp, .passAndFallSilent, .cut(.init(200))])
        let client = try await client(server, timeoutMillis: 1500)
        try await insert(client, readings)
        #expect(try await count(client) == "10")
        #expect(server.requests.count == 4)
        await client.close()
        await server.stop()
    }

    @Test func rowsBeforeAnExceptionAreNotTakenForTheWholeAnswer() async throws {
        let server = try await server(
            [
                .answer(.init(200, [:], "1\n2\n3\nCode: 241. DB::Exception: Memory limit exceeded (MEMORY_LIMIT_EXCEEDED)\n")),
                .answer(.init(200, [:], "1\n2\nCode: 62. DB::NetException: Syntax error\n")), .cut(.init(200, [:], "1\n2\n")),
            ], when: "SELECT")
        let client = try await client(server)
        let throttled = await #expect(throws: StoreError.self) { try await client.rows("SELECT number FROM \(table)") }
        #expect(throttled?.kind == "throttled")
        // Rows are somebody's data: they are not part of the message.
        #expect(throttled?.description.hasPrefix("throttled: select on 127.0.0.1:\(server.port): HTTP 200 Code: 241.") == true)
        let invalid = await #expect(throws: StoreError.self) { try await client.rows("SELECT number FROM \(table)") }
        #expect(invalid?.kind == "invalid")
        let cut = await #expect(throws: StoreError.self) { try await client.rows("SELECT number FROM \(table)") }
        #expect(cut?.kind == "unavailable")
        await client.close()
        await server.stop()
    }

    @Test(arguments: [
        (60, "Table default.readings does not exist", "weir provision"), (27, "Cannot parse input", "Cannot parse input"),
    ])
    func whatIsFinalFailsTheJobAtOnceInTheServersWords(_ code: Int, _ text: String, _ words: String) async throws {
        let server = try await server([Self.exception(code, text, status: 400)])
        let client = try await client(server)
        let error = await #expect(throws: JobFailure.self) { try await insert(client, [Reading(1)]) }
        let said = "\(error?.cause ?? CancellationError())"
        #expect(said.contains("insert on 127.0.0.1") && said.contains(words), "\(said)")
        #expect(server.requests.count == 1)
        await client.close()
        await server.stop()
    }
}
