import StreamRuntime
import StreamRuntimeTesting
import Testing

/// One stream dealt out into two, and what the metrics say of event time.
@Suite struct SplitTests {
    @Test func everyRecordIsInOneOfTheTwoStreams() throws {
        let sink = CollectSink<String>()
        let source = TestSource<Int64>(Array(0..<100))
        let test = try JobTest(TestSetup(parallelism: 2)) { flow in
            let parts = flow.source(source).split { $0 % 2 == 0 }
            parts.matching.map { "even \($0)" }.union(parts.others.map { "odd \($0)" }).sink(sink)
        }
        try test.finish()
        let expected = (0..<100).map { "\($0 % 2 == 0 ? "even" : "odd") \($0)" }
        #expect(sink.elements.sorted() == expected.sorted())
    }

    private struct Doubled: Source {
        let inner = TestSource<Int64>([1])
        func discoverSplits(_ context: SourceContext) -> [SourceSplit] {
            inner.discoverSplits(context) + inner.discoverSplits(context)
        }
        func makeReader(_ context: SourceReaderContext) throws -> TestSourceReader<Int64> { try inner.makeReader(context) }
    }

    /// A topic that is named twice, for one: of its two positions a checkpoint would keep one.
    @Test func aSourceThatFindsASplitTwiceIsRefused() {
        let error = #expect(throws: GraphError.self) {
            try JobTest { flow in flow.source(Doubled(), id: "numbers").sink(CollectSink<Int64>()) }
        }
        #expect(error?.description.contains("source 'numbers'") == true && error?.description.contains("twice") == true)
    }

    @Test func whatThePredicateThrowsFailsTheJob() throws {
        struct Unreadable: Error {}
        let source = TestSource<Int64>([1, 2, 3])
        let test = try JobTest { flow in
            let parts = flow.source(source).split { number in
                if number == 2 { throw Unreadable() }
                return true
            }
            parts.matching.union(parts.others).sink(CollectSink<Int64>())
        }
        #expect(throws: Unreadable.self) { try test.run() }
    }

    @Test func theWatermarkOfEveryOperatorIsAMetric() throws {
        let harness = try OperatorHarness(parallelism: 2) { (numbers: HarnessStream<Int64>) in
            numbers.keyed(by: { $0 }).window(.tumbling(.milliseconds(10))).aggregate(Count()).id("counts").map(\.value)
        }
        try harness.push(1, at: 1)
        try harness.watermark(12_345)
        for subtask in ["0", "1"] {
            let labels = ["operator": "counts", "subtask": subtask]
            #expect(harness.metrics.sum("weir_watermark_timestamp_seconds", where: labels) == 12.345)
        }
    }
}
