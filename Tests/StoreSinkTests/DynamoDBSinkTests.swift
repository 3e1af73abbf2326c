import ConnectorDynamoDB
import Foundation
import StoreKit
import StreamRuntime
import TestServers
import TestKit
import Testing

@Suite struct DynamoDBSinkTests {
    private let table = ReadingsTable()

    private func url(port: Int? = nil) throws -> String {
        let endpoint = try port.map { "http://127.0.0.1:\($0)" } ?? TestServer.dynamodb.url()
        return "dynamodb://us-east-1?endpoint=\(endpoint)\(port == nil ? "" : "&timeout-ms=1000")"
    }

    private func sink(
        _ guarding: DynamoDBSink<Reading>.Guarding, port: Int? = nil
    ) throws -> DynamoDBSink<Reading> {
        try DynamoDBSink(try url(port: port), table: table.name, key: "sensor", guarding: guarding, environment: [:]) {
            ["sensor": .string($0.sensor), "number": .number($0.number)]
        }
    }

    @Test func theFirstItemOfAKeyStays() async throws {
        let client = try await table.make()
        let sink = try sink(.firstWins)
        for number in Int64(1)...2 { try await SinkBench { $0.sink(sink) }.run([Reading(number, sensor: "a")]) }
        #expect(try await table.stored(client) == ["a": 1])
        await client.close()
    }

    @Test func theNewestItemOfAKeyStaysWhateverComesAfter() async throws {
        let client = try await table.make()
        let sink = try sink(.newestWins(by: "number"))
        for number in [5, 9, 7, 9] as [Int64] { try await SinkBench { $0.sink(sink) }.run([Reading(number, sensor: "a")]) }
        #expect(try await table.stored(client) == ["a": 9])
        await client.close()
    }

    @Test func anOutagePausesTheJobAndLosesNothing() async throws {
        let client = try await table.make()
        let proxy = try await FaultProxy(to: try TestServer.dynamodb.port())
        let sink = try sink(.firstWins, port: proxy.port)
        let bench = try SinkBench { $0.sink(sink) }
        async let ended: Void = bench.runner.run()
        proxy.set(.down)
        let readings = (Int64(0)..<60).map { Reading($0, sensor: "s\($0)") }
        bench.source.push(contentsOf: readings)
        try await eventually("the job is paused") { bench.isPaused }
        proxy.set(.losingAnswers)
        try await eventually("answers are lost") { proxy.answersLost >= 1 }
        proxy.set(.passing)
        bench.source.finish()
        try await ended
        #expect(try await table.stored(client) == Dictionary(uniqueKeysWithValues: readings.map { ($0.sensor, $0.number) }))
        await client.close()
        await proxy.stop()
    }

    @Test func anItemWithoutItsKeyFailsTheJobAndSaysWhich() async throws {
        let sink = try DynamoDBSink<Reading>(try url(), table: table.name, key: "id", environment: [:]) {
            ["number": .number($0.number)]
        }
        let error = await #expect(throws: JobFailure.self) { try await SinkBench { $0.sink(sink) }.run([Reading(1)]) }
        let words = "\(error?.cause ?? CancellationError())"
        #expect(words.contains("'id'"))
    }
}
