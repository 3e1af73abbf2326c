import ConnectorLog
import Foundation
import Jobs
import TestKit
import Testing
import Trading

@Suite struct PriceCacheTests {
    /// Neither bytes that are no tick nor a tick that no store takes hold up the prices behind them.
    @Test func whatIsNoUsableTickGoesToTheDeadLettersAndTheRestFlows() async throws {
        let bench = try TradingBench()
        let unusable = [
            #"{"symbol":"AAPL","price":"1.00""#, #"{"symbol":"AAPL","price":"0.00","seq":2,"ts":1}"#,
            #"{"symbol":"AAPL","price":"1.00","seq":-1,"ts":1}"#,
        ]
        for text in unusable + [#"{"symbol":"AAPL","price":"7.00","seq":3,"ts":1}"#] {
            _ = try await bench.log.append([LogRecord(topic: "market_data", key: "AAPL", text: text)])
        }
        let runner = try bench.runner(PriceCacheJob(transport: .log(bench.log), prices: bench.prices))
        async let ended: Void = runner.run()
        try await eventually("the price is cached and the unusable ones are dead letters") {
            try bench.prices.cached(bench.apple) != nil && bench.values("market_data.dlq").count >= 3
        }
        runner.stop()
        try await ended
        #expect(bench.prices.cached(bench.apple)?.price == (try Price("7.00")))
        let letters = try bench.values("market_data.dlq")
        #expect(letters.map { String(decoding: $0.value ?? [], as: UTF8.self) } == unusable)
        func counted(_ reason: String) -> Double? {
            bench.metrics.value("weir_dead_letters_total", labels: ["topic": "market_data.dlq", "reason": reason])
        }
        #expect(counted("undecodable") == 1 && counted("senseless") == 2)
        #expect(letters.allSatisfy { $0.headers.contains { $0.name == "consumer" && $0.value == Array("price-cache".utf8) } })
        #expect(bench.metrics.value("weir_job_restarts_total") ?? 0 == 0)
    }
}
