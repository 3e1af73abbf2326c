import StreamRuntime
import StreamRuntimeTesting
import Testing

/// What the metrics say of a source's splits, in virtual time.
@Suite struct SplitGaugesTests {
    private struct Shown: Equatable {
        var idle: Double
        var paused: Double
        var drift: Double

        init(idle: Double = 0, paused: Double = 0, drift: Double = 0) {
            (self.idle, self.paused, self.drift) = (idle, paused, drift)
        }

        init(of test: JobTest) {
            idle = test.metrics.sum("weir_watermark_idle_splits")
            paused = test.metrics.sum("weir_watermark_paused_splits")
            drift = test.metrics.sum("weir_watermark_drift_seconds")
        }
    }

    @Test func idleSplitsAreCounted_andNoPartOfTheDrift() throws {
        let source = TestSource<Int64>(splits: 2)
        let test = try JobTest { flow in
            flow.source(source).watermarks(.monotonic().idle(after: .seconds(5)), at: { $0 }).sink(CollectSink<Int64>())
        }
        source.push(100, split: 0)
        try test.run()
        #expect(Shown(of: test) == Shown(), "nothing is known of the second split")
        source.push(10, split: 1)
        try test.run()
        #expect(Shown(of: test) == Shown(drift: 0.09))
        try test.advance(by: .seconds(3))
        source.push(200, split: 0)
        try test.advance(by: .seconds(3))
        #expect(Shown(of: test) == Shown(idle: 1))
        source.push(300, split: 1)
        try test.run()
        #expect(Shown(of: test) == Shown(drift: 0.1))
        try test.advance(by: .seconds(10))
        #expect(Shown(of: test) == Shown(idle: 2))
        source.finish(split: 1)
        try test.run()
        #expect(Shown(of: test) == Shown(idle: 1), "a split that has ended is not idle")
        try test.finish()
        #expect(Shown(of: test) == Shown())
    }

    @Test func pausedSplitsAreCounted_andHowFarTheyAreAhead() throws {
        let source = TestSource<Int64>(splits: 2)
        let test = try JobTest { flow in
            flow.source(source).watermarks(.monotonic().aligned(drift: .milliseconds(100)), at: { $0 }).sink(CollectSink<Int64>())
        }
        source.push(0, split: 1)
        source.push(contentsOf: [10, 90, 500], split: 0)
        try test.run()
        source.push(contentsOf: [510, 520], split: 0)
        try test.advance(by: .seconds(1))
        #expect(Shown(of: test) == Shown(paused: 1, drift: 0.5))
        source.push(450, split: 1)
        try test.advance(by: .seconds(1))
        #expect(Shown(of: test) == Shown(drift: 0.07))
        try test.finish()
        #expect(Shown(of: test) == Shown())
    }

    @Test func theDriftIsFromTheSlowestOfTheGroup() throws {
        let (slow, fast) = (TestSource<Int64>(), TestSource<Int64>())
        let test = try JobTest { flow in
            let first = flow.source(slow, id: "slow").watermarks(.monotonic().aligned("clock", drift: .zero), at: { $0 })
            let second = flow.source(fast, id: "fast").watermarks(.monotonic().aligned("clock", drift: .zero), at: { $0 })
            first.union(second).sink(CollectSink<Int64>())
        }
        fast.push(1000)
        try test.advance(by: .seconds(1))
        #expect(Shown(of: test) == Shown(paused: 1), "the other source has brought nothing")
        slow.push(1)
        try test.advance(by: .seconds(1))
        #expect(Shown(of: test) == Shown(paused: 1, drift: 0.999))
        slow.push(1000)
        try test.advance(by: .seconds(1))
        #expect(Shown(of: test) == Shown())
        try test.finish()
    }
}
