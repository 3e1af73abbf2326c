import StreamRuntime
import StreamRuntimeTesting
import Synchronization
import Testing

@Suite struct LatencyTests {
    private func reading(_ test: JobTest, of operatorID: String) -> [MetricRegistry.Summary.Reading] {
        let family = test.metrics.read().first { $0.name == "weir_operator_latency_seconds" }
        return (family?.series ?? []).compactMap { series in
            guard series.labels["operator"] == operatorID, case .summary(let reading) = series.value else { return nil }
            return reading
        }
    }

    private func setup(parallelism: Int = 1) -> TestSetup {
        var setup = TestSetup(parallelism: parallelism)
        setup.latencyEvery = .milliseconds(100)
        return setup
    }

    @Test func aDurationThatIsNoNumberIsLeftOut() {
        let summary = MetricRegistry().summary("weir_test_seconds", help: "Durations.")
        for seconds in [Double.nan, -.infinity, .infinity, 0.5] { summary.observe(seconds: seconds) }
        #expect(summary.current.count == 3)
    }

    @Test(arguments: [1, 3]) func everyMarkerReachesOneSubtaskOfEachOperator(parallelism: Int) throws {
        let numbers = TestSource<Int64>()
        let sums = CollectSink<String>()
        let test = try JobTest(setup(parallelism: parallelism)) { flow in
            flow.source(numbers, id: "numbers").parallelism(1)
                .map { $0 + 1 }.id("next")
                .keyed(by: { $0 % 5 }).fold(0) { $0 += $1 }.id("sums")
                .map { "\($0.key)=\($0.value)" }.id("text")
                .sink(sums, id: "sink")
        }
        try test.advance(by: .milliseconds(1001))
        for name in ["next", "sums", "text", "sink"] {
            #expect(reading(test, of: name).reduce(0) { $0 + $1.count } == 10, "\(name)")
        }
        #expect(reading(test, of: "sink").count == parallelism)
    }

    @Test func aMarkerWaitsForTheRequestsBeforeIt() async throws {
        let gate = Gate()
        let numbers = TestSource<Int64>()
        let answers = CollectSink<Int64>()
        let test = try JobTest(setup()) { flow in
            flow.source(numbers, id: "numbers")
                .asyncMap(.unordered) { number in
                    await gate.pass()
                    return number
                }.id("ask")
                .sink(answers, id: "sink")
        }
        numbers.push(1)
        try test.advance(by: .milliseconds(1001))
        #expect(reading(test, of: "ask").map(\.count) == [10])
        #expect(reading(test, of: "sink").isEmpty)
        gate.open()
        try await test.settle()
        let latency = try #require(reading(test, of: "sink").first)
        #expect(latency.count == 10)
        let slowest = try #require(latency.quantiles.last?.seconds)
        #expect(slowest >= 0.9 && slowest < 0.9 * 1.07)
    }

    /// A system that is down for hours, behind a source that has nothing more to send but markers.
    @Test func whatWaitsInFrontOfAnOperatorThatIsFullIsBounded() async throws {
        let gate = Gate()
        let numbers = TestSource<Int64>()
        let answers = CollectSink<Int64>()
        var setup = setup()
        setup.latencyEvery = .milliseconds(10)
        let test = try JobTest(setup) { flow in
            flow.source(numbers, id: "numbers").rebalanced()
                .asyncMap(.unordered, AsyncOptions(capacity: 1, timeout: .hours(1))) { number in
                    await gate.pass()
                    return number
                }.id("ask")
                .sink(answers, id: "sink")
        }
        numbers.push(1)
        try test.advance(by: .seconds(10))
        #expect(reading(test, of: "ask").isEmpty)
        gate.open()
        try await test.settle()
        #expect((256...300).contains(reading(test, of: "ask").reduce(0) { $0 + $1.count }), "of a thousand")
    }

    @Test func noMarkerLeavesASourceThatIsToSendNone() throws {
        let numbers = TestSource<Int64>()
        let test = try JobTest { flow in flow.source(numbers).sink(CollectSink<Int64>(), id: "sink") }
        try test.advance(by: .seconds(10))
        #expect(reading(test, of: "sink").isEmpty)
    }

    @Test func quantilesAreThoseOfTheLastMinuteOrTwo() {
        let clock = ManualClock()
        let summary = MetricRegistry().summary("latency_seconds", help: "", clock: clock)
        #expect(summary.current.quantiles.allSatisfy { $0.seconds.isNaN })
        for millis in 1...1000 { summary.observe(seconds: Double(millis) / 1000) }
        for (quantile, seconds) in summary.current.quantiles {
            #expect(seconds >= quantile && seconds <= quantile * 1.07, "\(quantile): \(seconds)")
        }
        clock.advance(by: .seconds(61))
        summary.observe(seconds: 30 * 3600)
        #expect(summary.current.quantiles.first?.seconds ?? 0 < 0.55)
        clock.advance(by: .seconds(61))
        #expect(summary.current.quantiles.first?.seconds ?? 0 > 19 * 3600)  // as much as there are buckets for
        clock.advance(by: .seconds(200))
        #expect(summary.current.quantiles.allSatisfy { $0.seconds.isNaN })
        #expect(summary.current.count == 1001)
    }

    @Test func extremeDurationsFindABucket() {
        let summary = MetricRegistry().summary("latency_seconds", help: "", clock: ManualClock())
        for seconds in [-1, 0, 1e-9, 15e-6, 16e-6, 17e-6, 1e12] { summary.observe(seconds: seconds) }
        #expect(summary.current.quantiles.map(\.seconds) == [16e-6, 0x1p36 / 1e6, 0x1p36 / 1e6])
    }
}
