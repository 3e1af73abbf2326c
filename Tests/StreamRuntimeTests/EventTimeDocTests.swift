import StreamRuntime
import StreamRuntimeTesting
import Testing

/// The example of docs/event-time.md, as it stands there.
@Suite struct EventTimeDocTests {
    struct Trade: Sendable {
        var symbol: String
        var timeMillis: Int64
        var quantity: Int

        init(_ symbol: String, _ timeMillis: Int64, _ quantity: Int) {
            self.symbol = symbol
            self.timeMillis = timeMillis
            self.quantity = quantity
        }
    }

    @Test func watermarksOfASourceOneOfWhoseSplitsFallsSilent() throws {
        let (source, lines) = (TestSource<Trade>(splits: 2), CollectSink<String>())
        let test = try JobTest { flow in
            let trades = flow.source(source)
            let timed =
                trades.watermarks(.boundedOutOfOrderness(.seconds(5)).idle(after: .seconds(30)), at: \.timeMillis)
            timed.keyed(by: \.symbol).window(.tumbling(.minutes(1))).aggregate(Sum().over(\.quantity))
                .map { "\($0.key) \($0.window.start): \($0.value)" }
                .sink(lines)
        }
        source.push(Trade("A", 1_000, 5), split: 0)
        source.push(Trade("A", 2_000, 7), split: 1)
        try test.advance(by: .seconds(20))
        source.push(Trade("A", 66_000, 1), split: 0)
        try test.advance(by: .seconds(5))
        try test.checkpoint()
        #expect(lines.elements == [], "the second split may bring more of that minute")
        try test.advance(by: .seconds(15))
        try test.checkpoint()
        #expect(lines.elements == ["A 0: 12"])
        try test.finish()
        #expect(lines.elements == ["A 0: 12", "A 60000: 1"])
    }
}
