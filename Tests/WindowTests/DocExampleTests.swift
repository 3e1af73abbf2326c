import StreamRuntime
import StreamRuntimeTesting
import Testing

/// The examples of docs/windows.md.
@Suite struct DocExampleTests {
    struct Trade: Sendable, Equatable, StateCodable {
        static var stateSchema: String { "doc-trade" }
        var symbol: String
        var timeMillis: Int64
        var quantity: Int

        init(_ symbol: String, _ timeMillis: Int64, _ quantity: Int) {
            self.symbol = symbol
            self.timeMillis = timeMillis
            self.quantity = quantity
        }
        func encode(into writer: inout ByteWriter) {
            writer.string(symbol)
            writer.integer(timeMillis)
            writer.integer(quantity)
        }
        init(from reader: inout ByteReader) throws {
            symbol = try reader.string()
            timeMillis = try reader.integer()
            quantity = try reader.integer()
        }
    }

    @Test func minutesOfTrades() throws {
        let lines = CollectSink<String>()
        let source = TestSource<Trade>()
        let test = try JobTest { flow in
            let trades = flow.source(source)
            let late = SideOutput<Trade>("late")
            let minutes =
                trades
                .watermarks(.boundedOutOfOrderness(.seconds(5)), at: \.timeMillis)
                .keyed(by: \.symbol)
                .window(.tumbling(.minutes(1)))
                .trigger(.atEnd.early(count: 1000))
                .allowedLateness(.minutes(2))
                .lateOutput(late)
                .aggregate(Count().and(Sum().over(\.quantity)))
            let described = minutes.map { "\($0.key) \($0.window.start): \($0.value.0) trades, \($0.value.1) shares" }
            described.union(minutes.sideOutput(late).map { "late: \($0.quantity)" }).sink(lines)
        }
        func push(_ trades: Trade...) throws {
            source.push(contentsOf: trades)
            try test.advance(by: .seconds(1))
        }
        try push(Trade("A", 1_000, 5), Trade("A", 59_999, 7), Trade("A", 60_000, 100), Trade("A", 65_000, 1))
        try push(Trade("A", 30_000, 20))
        try push(Trade("A", 400_000, 1))
        try push(Trade("A", 2_000, 3))
        try test.finish()
        #expect(
            lines.elements == [
                "A 0: 2 trades, 12 shares", "A 0: 3 trades, 32 shares", "A 60000: 2 trades, 101 shares", "late: 3",
                "A 360000: 1 trades, 1 shares",
            ])
    }

    private func run<C: Chain>(
        _ inputs: [Trade], _ build: (Stream<HarnessInput<Trade>>) -> Stream<C>
    ) throws -> [C.Element] {
        let harness = try OperatorHarness(parallelism: 2) { (trades: Stream<HarnessInput<Trade>>) in build(trades) }
        for trade in inputs { try harness.push(trade, at: trade.timeMillis) }
        try harness.finish()
        return harness.elements
    }

    static let hundred = (1...100).map { Trade("A", Int64($0) * 1_000, $0) }

    @Test func processingTime() throws {
        let load = try run(Self.hundred) { requests in
            requests.keyed(by: \.symbol).window(.tumbling(.seconds(1)).processingTime).aggregate(Count())
        }
        #expect(load.map(\.value) == [100])
    }

    @Test func whatIsDoneWithAWindow() throws {
        let volume = try run(Self.hundred) { trades in
            trades.keyed(by: \.symbol).window(.count(100)).aggregate(Sum().over(\.quantity))
        }
        #expect(volume.map(\.value) == [5050])
        let largest = try run(Self.hundred) { trades in
            trades.keyed(by: \.symbol).window(.count(100)).reduce { $0.quantity >= $1.quantity ? $0 : $1 }
        }
        #expect(largest.map(\.value.quantity) == [100])
        let medians = try run(Self.hundred) { trades in
            trades.keyed(by: \.symbol).window(.count(100)).process { window in
                let sorted = window.value.map(\.quantity).sorted()
                return ["\(window.key): \(sorted[sorted.count / 2])"]
            }
        }
        #expect(medians == ["A: 51"])
    }

    @Test func windowsOfWindows() throws {
        let busiest = try run(Self.hundred + [Trade("B", 100_000, 5_000)]) { trades in
            let perMinute = trades.keyed(by: \.symbol).window(.tumbling(.minutes(1))).aggregate(Sum().over(\.quantity))
            return perMinute.windowAll(.tumbling(.minutes(1))).reduce { $0.value >= $1.value ? $0 : $1 }
        }
        #expect(busiest.map(\.value.key) == ["A", "B"])
        #expect(busiest.map(\.value.value) == [(1...59).reduce(0, +), 5_000])
        #expect(busiest.map(\.window.start) == [0, 60_000])
    }
}
