import StreamRuntime
import StreamRuntimeTesting
import Testing

/// A task that cannot be made leaves nothing behind: a job may try again for days.
@Suite struct UnbuiltTaskTests {
    /// What an operator of the chain holds.
    private final class Holding: Sendable {}

    private final class Held: @unchecked Sendable {  // used on the test's thread only
        weak var last: Holding?
        var count = 0
        var closed: [String] = []
    }

    private struct Hold: Operator {
        typealias Output = Int64
        let holding: Holding
        mutating func process<Down: Collector>(_ input: Int64, into down: inout Down) throws where Down.Element == Int64 {
            try down.collect(input)
        }
    }

    private struct NoReader: Error {}
    private struct NoOperator: Error {}

    private struct Closing: Operator {
        typealias Output = Int64
        let held: Held
        mutating func process<Down: Collector>(_ input: Int64, into down: inout Down) throws where Down.Element == Int64 {
            try down.collect(input)
        }
        mutating func close() { held.closed.append("operator") }
    }

    private struct ClosingSink: Sink {
        let held: Held
        func makeWriter(_ context: SinkWriterContext) -> Writer { Writer(held: held) }
        struct Writer: SinkWriter {
            let held: Held
            mutating func write(_ element: Int64) {}
            mutating func close() { held.closed.append("sink") }
        }
    }

    private struct UnreadableSource: Source {
        let inner: TestSource<Int64>
        func discoverSplits(_ context: SourceContext) throws -> [SourceSplit] { inner.discoverSplits(context) }
        func makeReader(_ context: SourceReaderContext) throws -> TestSourceReader<Int64> { throw NoReader() }
    }

    @Test func theChainOfASourceThatHasNoReaderIsFreed() {
        let held = Held()
        #expect(throws: (any Error).self) {
            try JobTest { flow in
                flow.source(UnreadableSource(inner: TestSource([1])))
                    .apply("hold") { _ in
                        let holding = Holding()
                        held.last = holding
                        held.count += 1
                        return Hold(holding: holding)
                    }
                    .sink(CollectSink<Int64>())
            }
        }
        #expect(held.count == 1)
        #expect(held.last == nil)
    }

    @Test func whatStandsBehindAnOperatorThatCannotBeMadeIsClosedOnce() {
        let held = Held()
        #expect(throws: (any Error).self) {
            try JobTest { flow in
                flow.source(TestSource<Int64>([1]))
                    .apply("broken") { _ throws -> Closing in throw NoOperator() }
                    .apply("behind") { _ in Closing(held: held) }
                    .sink(ClosingSink(held: held))
            }
        }
        #expect(held.closed == ["operator", "sink"])
    }

    @Test func whatStandsBehindASourceThatHasNoReaderIsClosedOnce() {
        let held = Held()
        #expect(throws: (any Error).self) {
            try JobTest { flow in
                flow.source(UnreadableSource(inner: TestSource([1])))
                    .apply("behind") { _ in Closing(held: held) }
                    .sink(ClosingSink(held: held))
            }
        }
        #expect(held.closed == ["operator", "sink"])
    }
}
