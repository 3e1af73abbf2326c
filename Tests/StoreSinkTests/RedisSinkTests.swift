import ConnectorRedis
import StoreKit
import StreamRuntime
import TestServers
import TestKit
import Testing

@Suite struct RedisSinkTests {
    private let prefix = freshName("reading:")

    private func sink(_ url: String) throws -> RedisSink<Reading> {
        let prefix = prefix
        return try RedisSink(url, versionField: "number") { reading in
            RedisEntry(key: "\(prefix):\(reading.sensor)", value: Array(reading.json.utf8), version: reading.number)
        }
    }

    private func value(_ sensor: String) throws -> String? {
        let connection = try RedisConnection(
            RedisConnection.Address(host: "127.0.0.1", port: Int32(try TestServer.redis.port())))
        connection.append([Array("GET".utf8), Array("\(prefix):\(sensor)".utf8)])
        if case .text(let bytes) = try connection.reply() { return String(decoding: bytes, as: UTF8.self) }
        return nil
    }

    @Test func onlyNewerValuesAreTaken() async throws {
        let sink = try sink(try TestServer.redis.url())
        try await SinkBench { $0.sink(sink) }.run([Reading(3), Reading(9), Reading(4), Reading(1, sensor: "other")])
        #expect(try value("s1") == Reading(9).json)
        try await SinkBench { $0.sink(sink) }.run([Reading(8), Reading(1_700_000_000_000_000_001)])
        #expect(try value("s1") == Reading(1_700_000_000_000_000_001).json)
        #expect(try value("other") == Reading(1, sensor: "other").json)
    }

    @Test func anOutagePausesTheJobAndTheNewestValueArrives() async throws {
        let proxy = try await FaultProxy(to: try TestServer.redis.port())
        let sink = try sink("redis://127.0.0.1:\(proxy.port)?timeout-ms=300")
        let bench = try SinkBench { $0.sink(sink) }
        async let ended: Void = bench.runner.run()
        proxy.set(.down)
        bench.source.push(contentsOf: (Int64(0)..<50).map { Reading($0) })
        try await eventually("the job is paused") { bench.isPaused }
        proxy.set(.passing)
        bench.source.finish()
        try await ended
        #expect(try value("s1") == Reading(49).json)
        await proxy.stop()
    }

    @Test func aNameThatCouldBreakTheScriptIsRefused() throws {
        #expect(throws: StoreError.self) {
            try RedisSink<Reading>("redis://127.0.0.1", versionField: "a.b") { _ in RedisEntry(key: "", value: [], version: 0) }
        }
    }
}

@Suite struct RedisRefusalTests {
    @Test(arguments: [
        "LOADING Redis is loading the dataset in memory", "OOM command not allowed",
        "NOREPLICAS Not enough good replicas to write.",
        "ERR max number of clients reached",
    ])
    func whatPassesIsTriedAgain(_ words: String) { #expect(RedisRefusal.isPassing(words)) }

    @Test(arguments: ["WRONGTYPE Operation against a key", "NOAUTH Authentication required.", "ERR syntax error"])
    func whatDoesNotPassIsNot(_ words: String) { #expect(!RedisRefusal.isPassing(words)) }
}
