import StreamRuntime
import StreamRuntimeTesting
import Testing

/// What watermark strategies make of a source's splits, in virtual time.
@Suite struct WatermarkTests {
    /// Notes the watermarks that pass.
    private final class Notes: @unchecked Sendable {  // used on the test's thread only
        var watermarks: [Int64] = []
        var isIdle = false
    }
    private struct NoteWatermarks: Operator {
        typealias Input = Int64
        typealias Output = Int64
        let notes: Notes

        mutating func process<Down: Collector>(_ input: Int64, into down: inout Down) throws where Down.Element == Int64 {
            try down.collect(input)
        }
        mutating func watermark<Down: Collector>(_ time: Int64, into down: inout Down) throws where Down.Element == Int64 {
            notes.watermarks.append(time)
            notes.isIdle = false
            try down.handle(.watermark(time))
        }
        mutating func idle<Down: Collector>(into down: inout Down) throws where Down.Element == Int64 {
            notes.isIdle = true
            try down.handle(.idle)
        }
    }

    private func job<G: WatermarkGenerator>(
        _ source: TestSource<Int64>, _ strategy: WatermarkStrategy<G>, _ notes: Notes, _ sink: CollectSink<Int64>
    ) throws -> JobTest where G.Element == Int64 {
        try JobTest { flow in
            flow.source(source).watermarks(strategy, at: { $0 })
                .apply("notes") { _ in NoteWatermarks(notes: notes) }
                .sink(sink)
        }
    }

    @Test func theSlowestSplitHoldsEventTimeBack() throws {
        let (source, notes) = (TestSource<Int64>(splits: 2), Notes())
        let test = try job(source, .boundedOutOfOrderness(.milliseconds(10)), notes, CollectSink())
        source.push(contentsOf: [100, 200], split: 0)
        try test.run()
        #expect(notes.watermarks == [], "nothing is known of the second split")
        source.push(50, split: 1)
        try test.run()
        #expect(notes.watermarks == [39])
        source.push(contentsOf: [70, 60], split: 1)
        try test.run()
        #expect(notes.watermarks == [39, 59], "an earlier record does not bring it back")
        source.finish(split: 1)
        try test.run()
        #expect(notes.watermarks == [39, 59, 189], "a split that has ended holds nothing back")
        try test.finish()
        #expect(notes.watermarks.last == .max)
    }

    /// One millisecond more than the longest bound was the shortest there is: event time began at 0 before any record.
    @Test func aBoundWithoutEndHoldsEventTimeAtItsBeginning() throws {
        let (source, notes) = (TestSource<Int64>(), Notes())
        let test = try job(source, .boundedOutOfOrderness(.seconds(Int64.max)), notes, CollectSink())
        try test.run()
        source.push(contentsOf: [-5, 100])
        try test.run()
        #expect(notes.watermarks.allSatisfy { $0 <= 100 - Int64.max })
    }

    /// Its watermark is the greatest time there was.
    private struct Greatest: WatermarkGenerator {
        typealias Element = Int64
        var watermark = Int64.min
        mutating func observe(_ element: Int64, at millis: Int64) { watermark = max(watermark, millis) }
    }

    @Test func aRecordOfTheLastMillisecondDoesNotEndEventTime() throws {
        let (source, notes) = (TestSource<Int64>(), Notes())
        let test = try job(source, .custom { Greatest() }, notes, CollectSink())
        source.push(.max)
        try test.run()
        #expect(notes.watermarks == [.max - 1])
        try test.finish()
        #expect(notes.watermarks == [.max - 1, .max])
    }

    @Test func aSilentSplitIsIdleUntilItsNextRecord() throws {
        let (source, notes) = (TestSource<Int64>(splits: 2), Notes())
        let test = try job(source, .monotonic().idle(after: .seconds(5)), notes, CollectSink())
        source.push(100, split: 0)
        source.push(10, split: 1)
        try test.advance(by: .seconds(3))
        source.push(200, split: 0)
        try test.advance(by: .seconds(1))
        #expect(notes.watermarks == [9])
        try test.advance(by: .seconds(2))
        #expect(notes.watermarks == [9, 199])
        source.push(300, split: 1)
        try test.run()
        #expect(notes.watermarks == [9, 199], "the split that is back counts at once, with what it has")
        source.push(250, split: 0)
        try test.run()
        #expect(notes.watermarks == [9, 199, 249])
        try test.advance(by: .seconds(10))
        #expect(notes.isIdle)
        source.push(240, split: 0)
        try test.run()
        #expect(!notes.isIdle)
        #expect(notes.watermarks == [9, 199, 249, 249], "who was idle says what it has come to")
    }

    @Test func splitsFarAheadAreNotRead() throws {
        let (source, notes, sink) = (TestSource<Int64>(splits: 2), Notes(), CollectSink<Int64>())
        let test = try job(source, .monotonic().aligned(drift: .milliseconds(100)), notes, sink)
        source.push(contentsOf: [0], split: 1)
        source.push(contentsOf: [10, 90, 500], split: 0)
        try test.run()
        source.push(contentsOf: [510, 520], split: 0)
        try test.advance(by: .seconds(1))
        try test.checkpoint()
        #expect(sink.elements.max() == 500, "500 was read before it was known to be far ahead, 510 was not")
        source.push(450, split: 1)
        try test.advance(by: .seconds(1))
        try test.checkpoint()
        #expect(sink.elements.max() == 520)
        try test.finish()
        #expect(sink.elements.sorted() == [0, 10, 90, 450, 500, 510, 520])
    }

    @Test func alignmentSpansTheSourcesOfAJob() throws {
        let (slow, fast, sink) = (TestSource<Int64>(), TestSource<Int64>(), CollectSink<Int64>())
        let test = try JobTest { flow in
            let first = flow.source(slow, id: "slow").watermarks(.monotonic().aligned("clock", drift: .zero), at: { $0 })
            let second = flow.source(fast, id: "fast").watermarks(.monotonic().aligned("clock", drift: .zero), at: { $0 })
            first.union(second).sink(sink)
        }
        slow.push(1)
        fast.push(1000)
        try test.advance(by: .seconds(1))
        fast.push(2000)
        try test.advance(by: .seconds(1))
        try test.checkpoint()
        #expect(sink.elements.sorted() == [1, 1000])
        slow.push(1500)
        try test.advance(by: .seconds(1))
        try test.checkpoint()
        #expect(sink.elements.sorted() == [1, 1000, 1500, 2000])
    }

    /// Notes what its reader is told of alignment.
    private struct AskingSource: Source {
        let inner: TestSource<Int64>
        let isAligned: Gather<Bool>

        func discoverSplits(_ context: SourceContext) throws -> [SourceSplit] { inner.discoverSplits(context) }
        func makeReader(_ context: SourceReaderContext) throws -> TestSourceReader<Int64> {
            isAligned.values.append(context.splits.isAligned)
            return try inner.makeReader(context)
        }
    }
    private final class Gather<Value>: @unchecked Sendable {  // used on the test's thread only
        var values: [Value] = []
    }

    @Test(arguments: [true, false])
    func aReaderKnowsBeforehandWhetherItsSplitsMayBePaused(_ isAligned: Bool) throws {
        let (told, sink) = (Gather<Bool>(), CollectSink<Int64>())
        let strategy = WatermarkStrategy<BoundedOutOfOrderness<Int64>>.monotonic()
        let test = try JobTest { flow in
            flow.source(AskingSource(inner: TestSource([1, 2]), isAligned: told))
                .watermarks(isAligned ? strategy.aligned(drift: .zero) : strategy, at: { $0 })
                .sink(sink)
        }
        try test.finish()
        #expect(!told.values.isEmpty && told.values.allSatisfy { $0 == isAligned })
        #expect(sink.elements == [1, 2])
    }

    @Test func watermarksGoOnWhereTheyWereAfterACrash() throws {
        let (source, notes) = (TestSource<Int64>(splits: 2), Notes())
        let test = try job(source, .monotonic(), notes, CollectSink())
        source.push(100, split: 0)
        source.push(200, split: 1)
        try test.checkpoint()
        try test.crashAndRestore()
        source.push(300, split: 0)
        try test.run()
        #expect(notes.watermarks == [99, 99, 199], "the split without a new record counts with what it had come to")
    }

    @Test(arguments: [Int64.min, .min + 1, -1, 0, .max - 1, .max])
    func anyTimeWillDo(_ time: Int64) throws {
        let (source, notes, sink) = (TestSource<Int64>(), Notes(), CollectSink<Int64>())
        let test = try job(source, .boundedOutOfOrderness(.seconds(1)), notes, sink)
        source.push(time)
        try test.finish()
        #expect(sink.elements == [time])
        #expect(notes.watermarks.allSatisfy { $0 == .max || $0 <= time.subtractingReportingOverflow(1001).partialValue })
        #expect(notes.watermarks.last == .max)
    }

    /// Says a time of the author's own, which falls.
    private struct Falling: WatermarkGenerator {
        var watermark = Int64.min
        mutating func observe(_ element: Int64, at millis: Int64) { watermark = element }
    }

    @Test func aGeneratorThatFallsIsIgnored() throws {
        let (source, notes) = (TestSource<Int64>([5, 9, 2, 7, 11]), Notes())
        let test = try job(source, WatermarkStrategy.custom { Falling() }.everyRecord(), notes, CollectSink())
        try test.run()
        #expect(notes.watermarks == [5, 9, 11])
    }

    /// Waits until a hundred milliseconds later with the numbers below a hundred.
    private struct AnswerSmallOnesLater: KeyedProcessFunction {
        typealias Output = Int64
        init(_ state: KeyedStateContext<Int64>) throws {}
        mutating func process<Out: Collector>(
            _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
        ) throws where Out.Element == Int64 {
            if input < 100 { context.timers.registerEventTime(at: input + 100, for: key) }
        }
        mutating func eventTimer<Out: Collector>(
            at millis: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
        ) throws where Out.Element == Int64 { try out.collect(key) }
    }

    /// Event time would go on without it further down, and what it still owes would be late there.
    @Test func anOperatorThatOwesResultsIsNotIdle() throws {
        let (source, notes, sink) = (TestSource<Int64>(), Notes(), CollectSink<Int64>())
        let test = try JobTest { flow in
            flow.source(source).watermarks(.monotonic().idle(after: .seconds(1)), at: { $0 })
                .keyed(by: { $0 }).process { try AnswerSmallOnesLater($0) }
                .apply("notes") { _ in NoteWatermarks(notes: notes) }
                .sink(sink)
        }
        source.push(5)
        try test.advance(by: .seconds(5))
        #expect(!notes.isIdle)
        source.push(500)
        try test.run()
        #expect(notes.watermarks.last == 499)
        try test.advance(by: .seconds(5))
        #expect(notes.isIdle)
        source.push(500)
        try test.run()
        #expect(!notes.isIdle, "who was idle and is not says so, though event time has not risen")
        try test.finish()
        #expect(sink.elements == [5])
    }

    /// A hundred thousand timers come due at once, behind an output that is full most of the time.
    @Test func manyTimersAtOnceWaitInStateNotInMemory() throws {
        struct Remember: KeyedProcessFunction {
            typealias Output = Int64
            init(_ state: KeyedStateContext<Int64>) throws {}
            mutating func process<Out: Collector>(
                _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
            ) throws where Out.Element == Int64 { context.timers.registerEventTime(at: 1000, for: key) }
            mutating func eventTimer<Out: Collector>(
                at millis: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
            ) throws where Out.Element == Int64 { try out.collect(key) }
        }
        let (source, sink) = (TestSource<Int64>(Array(0..<100_000)), CollectSink<Int64>())
        let test = try JobTest { flow in
            flow.source(source).watermarks(.monotonic(), at: { _ in 1 })
                .keyed(by: { $0 }).process { try Remember($0) }
                .rebalanced().sink(sink)
        }
        try test.finish()
        #expect(sink.elements.sorted() == Array(0..<100_000))
    }
}
