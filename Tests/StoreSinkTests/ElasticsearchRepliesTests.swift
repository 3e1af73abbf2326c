import ConnectorElasticsearch
import Foundation
import StreamRuntime
import Synchronization
import TestServers
import Testing

/// What a cluster under load answers, and its stand-in never does.
@Suite struct ElasticsearchRepliesTests {
    private let index = freshName("readings-")

    private func server(_ replies: [ScriptedServer.Reply]) async throws -> ScriptedServer {
        try await ScriptedServer(to: try TestServer.elasticsearch.port(), replies: replies) { $0.path.hasPrefix("/_bulk") }
    }

    private func client(_ server: ScriptedServer, timeoutMillis: Int = 10_000) throws -> ElasticsearchClient {
        try ElasticsearchClient("elasticsearch://127.0.0.1:\(server.port)?timeout-ms=\(timeoutMillis)")
    }

    /// One bulk at a time, of everything that is given to it.
    private func run(
        _ client: ElasticsearchClient, _ readings: [Reading],
        onRefused: (@Sendable ([RefusedDocument]) async throws -> Void)? = nil
    ) async throws {
        let index = index
        let sink = ElasticsearchSink<Reading>(
            client, index: { _ in index }, id: { "\($0.sensor)-\($0.number)" },
            options: BatchingOptions(BatchLimits(countMax: readings.count, ageMax: .seconds(60)), inFlightMax: 1),
            onRefused: onRefused
        ) { reading, json in json += reading.json.utf8 }
        try await SinkBench { $0.sink(sink) }.run(readings)
    }

    private func count(_ client: ElasticsearchClient) async throws -> Int {
        _ = try await client.call(.post, "/\(index)/_refresh")
        let (_, answer) = try await client.call(.get, "/\(index)/_count")
        return try #require(try JSONSerialization.jsonObject(with: answer) as? [String: Any])["count"] as? Int ?? -1
    }

    private static let rejected =
        #"{"type":"es_rejected_execution_exception","reason":"rejected execution of coordinating operation"}"#
    private let readings = (Int64(0)..<10).map { Reading($0) }

    @Test func aBulkThatIsRefusedForNowIsSentAgainAsItWas() async throws {
        let server = try await server([
            .answer(.init(429, ["content-type": "application/json"], #"{"error":\#(Self.rejected),"status":429}"#)),
            .answer(.init(429, [:], "Too Many Requests")), .answer(.init(503, [:], "<html>no JSON at all</html>")),
            .answer(.init(500, [:], #"{"error":"an old proxy's text","status":500}"#)), .answer(.init(502)),
        ])
        let client = try client(server)
        try await run(client, readings)
        #expect(try await count(client) == 10)
        #expect(server.requests.count == 6)
        #expect(Set(server.requests.map(\.body)).count == 1)
        await client.close()
        await server.stop()
    }

    /// The cluster's queue of writes was full for half of a bulk, twice; what was stored already is told by a 409.
    @Test func itemsThatAreRefusedForNowAreSentAgainWithoutDoublingTheOthers() async throws {
        // Of every two documents the first is stored.
        let half = ScriptedServer.Reply.change(
            body: { body in
                let lines = body.split(separator: "\n")
                return stride(from: 0, to: lines.count, by: 4).map { "\(lines[$0])\n\(lines[$0 + 1])\n" }.joined()
            },
            answer: { answer in
                guard let object = try? JSONSerialization.jsonObject(with: Data(answer.body.utf8)) as? [String: Any],
                    let stored = object["items"] as? [Any],
                    let rejected = try? JSONSerialization.jsonObject(with: Data(Self.rejected.utf8))
                else { return answer }
                let items = stored.flatMap { [$0, ["create": ["status": 429, "error": rejected]]] }
                let body = try? JSONSerialization.data(withJSONObject: ["took": 1, "errors": true, "items": items])
                return .init(200, ["content-type": "application/json"], String(decoding: body ?? Data(), as: UTF8.self))
            })
        let server = try await server([half, half])
        let client = try client(server)
        try await run(client, readings)
        #expect(try await count(client) == 10)
        #expect(server.requests.count == 3)
        await client.close()
        await server.stop()
    }

    @Test func answersThatAreMalformedOrLostAfterTheEffectDoubleNothing() async throws {
        func garbled(_ body: String) -> ScriptedServer.Reply { .change(body: { $0 }, answer: { _ in .init(200, [:], body) }) }
        let server = try await server([
            garbled("<html>a proxy's page</html>"), garbled(#"{"items":[]}"#),
            garbled(#"{"items":[{"create":{"status":"201"}}]}"#),
            .passAndHangUp, .cut(.init(200, [:], #"{"took":1,"errors":false,"items":["#)), .passAndFallSilent,
        ])
        let client = try client(server, timeoutMillis: 1000)
        try await run(client, readings)
        #expect(try await count(client) == 10)
        #expect(server.requests.count == 7)
        await client.close()
        await server.stop()
    }

    @Test(arguments: [
        (400, #"{"error":{"type":"illegal_argument_exception","reason":"no write index"},"status":400}"#, "no write index"),
        (401, #"{"error":{"type":"security_exception","reason":"missing authentication"},"status":401}"#, "check the user"),
        (413, "too large", "HTTP 413"),
    ])
    func whatIsFinalFailsTheJobAtOnceInTheClustersWords(_ status: Int, _ body: String, _ words: String) async throws {
        let server = try await server([.answer(.init(status, [:], body))])
        let client = try client(server)
        let error = await #expect(throws: JobFailure.self) { try await run(client, [Reading(1)]) }
        let said = "\(error?.cause ?? CancellationError())"
        #expect(said.contains("POST /_bulk") && said.contains(words), "\(said)")
        #expect(server.requests.count == 1)
        await client.close()
        await server.stop()
    }

    /// An item that is refused for good beside one that is refused for now: put aside once, when the bulk is through.
    @Test func whatIsRefusedForGoodIsPutAsideOnceHoweverOftenItsBulkIsSent() async throws {
        let bad = #"{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"no number"}}}"#
        let server = try await server(
            [429, 429, 201].map { .answer(.init(200, [:], #"{"items":[\#(bad),{"create":{"status":\#($0)}}]}"#)) })
        let client = try client(server)
        let refused = Mutex<[RefusedDocument]>([])
        try await run(client, [Reading(1), Reading(2)]) { documents in refused.withLock { $0 += documents } }
        #expect(refused.withLock { $0.map(\.reason) } == ["mapper_parsing_exception: no number"])
        #expect(server.requests.count == 3)
        await client.close()
        await server.stop()
    }
}
