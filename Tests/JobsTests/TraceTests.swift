import ConnectorLog
import Foundation
import Jobs
import StreamRuntime
import Testing
import TraceContext
import Trading
import TradingStores

/// What becomes of the trace an order came with, where nobody traces.
@Suite struct TraceTests {
    static let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func anOrdersTraceIsHandedOnToItsOutcome() async throws {
        let bench = try TradingBench()
        let store = MemoryPortfolioStore()
        _ = try await store.openAccount(UserID("ada")!, cash: Money(units: 1_000_0000))
        try await bench.price("10.00")
        let traced = bench.order("1"), plain = bench.order("2"), odd = bench.order("3")
        _ = try await bench.log.append([
            record(traced, [("traceparent", Self.parent), ("tracestate", "congo=t61rcWkgMzE")]),
            record(plain, []), record(odd, [("traceparent", "00-not-a-trace")]),
        ])
        try await bench.run(store, until: 3)
        var headers: [OrderID: [String: String]] = [:]
        for executed in try bench.values("trade_executed") {
            let trade = try Trade.decode(executed.value ?? [])
            headers[trade.orderID] = Dictionary(
                uniqueKeysWithValues: executed.headers.map { ($0.name, String(decoding: $0.value, as: UTF8.self)) })
        }
        #expect(headers[traced.orderID]?["traceparent"] == Self.parent)
        #expect(headers[traced.orderID]?["tracestate"] == "congo=t61rcWkgMzE")
        #expect(headers[plain.orderID] == ["content-type": "application/json"])
        #expect(headers[odd.orderID] == ["content-type": "application/json"])
    }

    @Test func aTraceLivesInTheCheckpointWithItsOrder() throws {
        let bench = try TradingBench()
        for trace in [TraceHeaders(traceparent: Self.parent, tracestate: "a=1"), TraceHeaders(traceparent: Self.parent), .none] {
            let order = IncomingOrder(
                order: bench.order("1"), position: SourcePosition(topic: "trade_orders", partition: 3, offset: 17), trace: trace)
            var writer = ByteWriter()
            order.encode(into: &writer)
            let restored = try writer.bytes.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                return try IncomingOrder(from: &reader)
            }
            #expect(restored == order)
        }
    }

    private func record(_ order: Order, _ headers: [(String, String)]) -> LogRecord {
        LogRecord(
            topic: "trade_orders", key: Array(order.userID.text.utf8), value: order.encoded(),
            headers: headers.map { LogRecord.Header($0.0, Array($0.1.utf8)) })
    }
}
