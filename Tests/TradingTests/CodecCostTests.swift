import Testing
import Trading

/// Reported, not asserted: what the codecs cost on this machine.
@Suite struct CodecCostTests {
    @Test func codecsAreMeasured() throws {
        let generator = OrderGenerator(OrderGenerator.Settings(startMillis: 1_700_000_000_000))
        let orders = (0..<1_000).map { generator.order(at: $0) }
        let records = orders.map { $0.encoded() }
        let rounds = 200
        var sum: Int64 = 0
        var started = ContinuousClock.now
        for _ in 0..<rounds {
            for record in records { sum &+= try record.withUnsafeBytes { try Order.decode($0) }.quantity }
        }
        let decoded = (ContinuousClock.now - started) / .nanoseconds(1) / Double(rounds * records.count)
        var output: [UInt8] = []
        output.reserveCapacity(1 << 20)
        started = .now
        for _ in 0..<rounds {
            output.removeAll(keepingCapacity: true)
            for order in orders { order.encode(into: &output) }
        }
        let encoded = (ContinuousClock.now - started) / .nanoseconds(1) / Double(rounds * orders.count)
        #expect(sum > 0)
        print("MEASURED Order JSON: decode \(Int(decoded)) ns, encode \(Int(encoded)) ns, \(output.count / 1_000) bytes")
    }
}
