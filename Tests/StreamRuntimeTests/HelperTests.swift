import StreamRuntime
import StreamRuntimeTesting
import Testing

@Suite struct HelperTests {
    typealias Numbers = OperatorHarness<Int64, Int64>

    @Test func aRateIsHeldByHoldingBack() throws {
        let harness = try Numbers { $0.rateLimited(perSecond: 10, burst: 5) }
        for number in Int64(0)..<100 { try harness.push(number) }
        #expect(harness.elements.count == 1)
        try harness.advance(by: .seconds(2))
        #expect((20...21).contains(harness.takeElements().count))
        try harness.finish()
        #expect((79...80).contains(harness.takeElements().count), "nothing is dropped")
        #expect((9_700...10_100).contains(harness.processingTimeMillis))
    }

    @Test func afterAPauseABurstPasses() {
        var bucket = TokenBucket(perSecond: 100, burst: 5, nowNanos: 0)
        bucket.refill(1_000_000_000)
        let isEmpty = (0..<7).map { _ in
            bucket.take()
            return bucket.isEmpty
        }
        #expect(isEmpty == [false, false, false, false, false, true, true])
        #expect(bucket.nanosUntilPaid == 20_000_000)
        bucket.refill(1_020_000_000)
        #expect(!bucket.isEmpty)
    }

    /// Rates come from settings.
    @Test func extremeRatesAreNoOverflow() throws {
        var bucket = TokenBucket(perSecond: 1e-300, burst: 1, nowNanos: 0)
        bucket.take()
        #expect((1..<Int64.max / 2).contains(bucket.nanosUntilPaid))
        for rate in [Double.infinity, 1e300, .greatestFiniteMagnitude] {
            let numbers = CollectSink<Int64>()
            let test = try JobTest { flow in
                flow.source(GeneratorSource(count: 3, ratePerSecond: rate) { $0 }).sink(numbers)
            }
            try test.finish()
            #expect(numbers.elements == [0, 1, 2])
        }
    }

    /// Batches of a slow stream leave with one record each, and still take turns.
    @Test func aSlowStreamIsDealtOutToo() throws {
        let harness = try Numbers(parallelism: 3) { $0.rebalanced().map { $0 }.id("dealt") }
        for number in Int64(0)..<30 { try harness.push(number) }
        for subtask in 0..<3 {
            let labels = ["operator": "dealt", "subtask": "\(subtask)"]
            #expect(harness.metrics.sum("weir_operator_records_in_total", where: labels) == 10)
        }
    }

    /// An allowance that nobody used is not doubled by the time in which nobody used it.
    @Test func afterTwoPausesNoMoreThanABurstPasses() throws {
        let harness = try Numbers { $0.rateLimited(perSecond: 10, burst: 5) }
        try harness.advance(by: .seconds(60))
        try harness.push(0)
        try harness.advance(by: .seconds(60))
        for number in Int64(1)..<100 { try harness.push(number) }
        #expect(harness.elements.count == 7, "one before, a burst, and one on credit")
    }

    /// A window that was restored into a job with a smaller n.
    @Test func theGreatestAreNeverMoreThanAsked() {
        let few = TopN<Int64, Int64>(2) { $0 }
        var top: [Int64] = [9, 7, 5, 3]
        #expect(few.result(top) == [9, 7])
        few.add(4, to: &top)
        #expect(top == [9, 7])
        few.add(8, to: &top)
        #expect(top == [9, 8])
    }

    @Test func aReducedStreamHasWhatEachKeyHasComeToAlsoAfterARestore() throws {
        func greatest(_ numbers: HarnessStream<Int64>) -> Stream<some Chain<Int64>> {
            numbers.keyed(by: { $0 % 2 }).reduce { max($0, $1) }.id("greatest")
        }
        let harness = try OperatorHarness(parallelism: 2, of: greatest)
        for number in [Int64(4), 2, 8] { try harness.push(number) }
        #expect(harness.takeElements() == [4, 4, 8])
        #expect(try harness.state(of: "greatest").entries(of: "value", Int64.self, Int64.self) == [0: 8])
        let restored = try OperatorHarness(parallelism: 3, restoring: harness.snapshot(), of: greatest)
        for number in [Int64(6), 3] { try restored.push(number) }
        #expect(restored.takeElements() == [8, 3])
    }

    @Test func aRunningAggregateHasItsResultWithEveryRecord() throws {
        let harness = try OperatorHarness { (numbers: HarnessStream<Int64>) in
            numbers.keyed(by: { $0 % 2 }).aggregate(Average().over { Double($0) }).map { "\($0.key) \($0.value ?? -1)" }
        }
        for number in [Int64(4), 2, 7] { try harness.push(number) }
        #expect(harness.elements == ["0 4.0", "0 3.0", "1 7.0"])
    }

    @Test func theSharesOfARateAddUp() throws {
        let harness = try Numbers(parallelism: 2) { $0.partitioned { Int($0) % $1 }.rateLimited(perSecond: 100) }
        for number in Int64(0)..<400 { try harness.push(number) }
        try harness.advance(by: .seconds(1))
        #expect((95...105).contains(harness.elements.count))
    }

    @Test func aSampleOfKeysIsTheSameEverywhere() throws {
        var samples: [[Int64]] = []
        for parallelism in 1...3 {
            let harness = try Numbers(parallelism: parallelism) {
                $0.partitioned { Int($0) % $1 }.sampled(fraction: 0.25, by: { $0 / 3 }, seed: 7)
            }
            for number in Int64(0)..<6000 { try harness.push(number) }
            samples.append(harness.elements.sorted())
        }
        #expect(samples[0] == samples[1] && samples[1] == samples[2])
        #expect((1300...1700).contains(samples[0].count))
        #expect(Dictionary(grouping: samples[0], by: { $0 / 3 }).values.allSatisfy { $0.count == 3 }, "whole keys")
    }

    @Test func oneInSoManyIsCountedOnAcrossARestore() throws {
        let harness = try Numbers { $0.sampled(oneIn: 3, offset: 1) }
        for number in Int64(0)..<6 { try harness.push(number) }
        #expect(harness.elements == [1, 4])
        let restored = try Numbers(restoring: harness.snapshot()) { $0.sampled(oneIn: 3, offset: 1) }
        for number in Int64(6)..<12 { try restored.push(number) }
        #expect(restored.elements == [7, 10])
    }

    @Test func duplicatesAreDroppedForALifetimeAlsoAfterARestore() throws {
        func once(_ numbers: HarnessStream<Int64>) -> Stream<some Chain<Int64>> {
            numbers.deduplicated(by: { $0 % 100 }, for: .seconds(10))
        }
        let harness = try Numbers(parallelism: 2, of: once)
        for number in [1, 2, 101, 1, 3, 202] as [Int64] { try harness.push(number) }
        #expect(harness.takeElements().sorted() == [1, 2, 3])
        try harness.advance(by: .milliseconds(9_999))
        try harness.push(301)
        #expect(harness.takeElements() == [])
        try harness.advance(by: .milliseconds(1))
        try harness.push(401)
        #expect(harness.takeElements() == [401], "duplicates do not prolong the lifetime")
        let restored = try Numbers(parallelism: 3, restoring: harness.snapshot(), of: once)
        for number in [501, 7] as [Int64] { try restored.push(number) }
        #expect(restored.takeElements() == [7])
    }

    @Test(arguments: UInt64(1)...50) func theTopAreThoseThatSortingFinds(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let n = Int.random(in: 1...6, using: &random)
        let top = TopN<Int64, Int64>(n) { $0 / 10 }
        let inputs = (0..<Int.random(in: 0...40, using: &random)).map { _ in Int64.random(in: 0..<200, using: &random) }
        let sorted = inputs.enumerated().sorted { ($1.element / 10, $0.offset) < ($0.element / 10, $1.offset) }.map(\.element)
        var (all, left, right) = (top.empty(), top.empty(), top.empty())
        for input in inputs { top.add(input, to: &all) }
        for input in inputs.prefix(inputs.count / 2) { top.add(input, to: &left) }
        for input in inputs.dropFirst(inputs.count / 2) { top.add(input, to: &right) }
        top.merge(right, into: &left)
        #expect(top.result(all) == Array(sorted.prefix(n)), "seed \(seed)")
        #expect(left == all, "merging comes to the same")
    }
}
