import ConnectorDynamoDB
import Foundation
import StreamRuntime
import TestServers
import TestKit
import Testing

/// What AWS answers now and then and its stand-in never does.
@Suite struct DynamoDBRepliesTests {
    private let table = ReadingsTable()

    private static func exception(_ name: String, _ message: String = "as scripted", status: Int = 400) -> ScriptedServer.Reply {
        .answer(.init(status, [:], #"{"__type":"com.amazonaws.dynamodb.v20120810#\#(name)","message":"\#(message)"}"#))
    }

    private static let passing: [ScriptedServer.Reply] = [
        exception("ProvisionedThroughputExceededException"), exception("ThrottlingException"), exception("RequestLimitExceeded"),
        exception("TransactionConflictException"), exception("InternalServerError", status: 500),
        .answer(.init(503, [:], "<html>no JSON at all</html>")), .cut(.init(200, [:], "{")),
    ]

    private func sink(_ server: ScriptedServer, timeoutMillis: Int = 5000) throws -> DynamoDBSink<Reading> {
        try DynamoDBSink(
            "dynamodb://us-east-1?endpoint=http://127.0.0.1:\(server.port)&timeout-ms=\(timeoutMillis)", table: table.name,
            key: "sensor",
            environment: [:]
        ) { ["sensor": .string($0.sensor), "number": .number($0.number)] }
    }

    @Test func whatIsRefusedForNowIsPutAgainUntilItIsTaken() async throws {
        let client = try await table.make()
        let server = try await ScriptedServer(to: try TestServer.dynamodb.port(), replies: Self.passing)
        try await SinkBench { [sink = try sink(server)] in $0.sink(sink) }.run([Reading(1, sensor: "a")])
        #expect(try await table.stored(client) == ["a": 1])
        // Not one request more than there were refusals: nothing is hammered while the breaker is open.
        #expect(server.requests.count == Self.passing.count + 1)
        #expect(Set(server.requests.map(\.body)).count == 1)
        await server.stop()
        await client.close()
    }

    @Test func throttlingThatLastsPausesTheJobUnderItsName() async throws {
        let client = try await table.make()
        let server = try await ScriptedServer(
            to: try TestServer.dynamodb.port(),
            replies: Array(repeating: Self.exception("ProvisionedThroughputExceededException"), count: 6))
        let bench = try SinkBench { [sink = try sink(server)] in $0.sink(sink) }
        async let ended: Void = bench.runner.run()
        bench.source.push(contentsOf: [Reading(1, sensor: "a")])
        try await eventually("the job is paused") {
            guard case .paused(let reasons) = bench.runner.status else { return false }
            return reasons.contains { $0.contains("dynamodb is throttled") }
        }
        bench.source.finish()
        try await ended
        #expect(try await table.stored(client) == ["a": 1])
        await server.stop()
        await client.close()
    }

    @Test func anAnswerThatIsLostAfterTheEffectDoublesNothing() async throws {
        let client = try await table.make()
        let server = try await ScriptedServer(
            to: try TestServer.dynamodb.port(), replies: [.passAndHangUp, .passAndFallSilent, .passAndHangUp])
        let sink = try sink(server, timeoutMillis: 1000)
        try await SinkBench { $0.sink(sink) }.run((1...5).map { Reading($0, sensor: "s\($0)") })
        #expect(try await table.stored(client) == ["s1": 1, "s2": 2, "s3": 3, "s4": 4, "s5": 5])
        #expect(server.requests.count == 5 + 3)
        await server.stop()
        await client.close()
    }

    @Test(arguments: [
        ("ValidationException", "One or more parameter values were invalid"), ("AccessDeniedException", "not authorized"),
        ("ResourceNotFoundException", "weir provision"),
    ])
    func whatIsFinalFailsTheJobAtOnceInTheServersWords(_ name: String, _ words: String) async throws {
        let server = try await ScriptedServer(to: try TestServer.dynamodb.port(), replies: [Self.exception(name, words)])
        let sink = try sink(server)
        let error = await #expect(throws: JobFailure.self) { try await SinkBench { $0.sink(sink) }.run([Reading(1)]) }
        let said = "\(error?.cause ?? CancellationError())"
        #expect(said.contains("PutItem: \(name)") && said.contains(words), "\(said)")
        #expect(server.requests.count == 1)
        await server.stop()
    }
}
