import StreamRuntime
import StreamRuntimeTesting
import Synchronization
import Testing

/// Fails once.
private final class Fuse: Sendable {
    struct Blown: Error {}
    private let isArmed = Mutex(false)
    func arm() { isArmed.withLock { $0 = true } }
    func disarm() { isArmed.withLock { $0 = false } }
    func pass() throws {
        if isArmed.withLock({ armed in
            defer { armed = false }; return armed
        }) {
            throw Blown()
        }
    }
}

private struct Counting {
    let numbers = TestSource<Int>(splits: 3)
    let counts = CollectSink<String>()
    let fuse = Fuse()

    func build(_ flow: Flow) {
        let fuse = fuse
        flow.source(numbers).map { number in
            try fuse.pass()
            return number
        }
        .keyed(by: { $0 % 10 }).fold(0) { count, _ in count += 1 }
        .map { "\($0.key)=\($0.value)" }
        .sink(counts)
    }
}

@Suite struct JobTestTests {
    @Test func outputAppearsWithItsCheckpointAndACrashDropsTheRest() throws {
        let job = Counting()
        let test = try JobTest(TestSetup(parallelism: 2), of: job.build)
        for number in 0..<20 { job.numbers.push(number, split: number % 3) }
        try test.run()
        #expect(job.counts.elements.isEmpty, "nothing is decided")
        #expect(try test.checkpoint() == Epoch(1))
        #expect(job.counts.elements.sorted() == (0..<10).flatMap { ["\($0)=1", "\($0)=2"] }.sorted())

        for number in 0..<10 { job.numbers.push(number) }
        try test.run()
        try test.crashAndRestore(parallelism: 3)
        #expect(job.counts.elements.count == 20)
        for number in 0..<10 { job.numbers.push(number) }
        try test.finish()
        #expect(!test.isRunning)
        #expect(job.counts.elements.suffix(20).sorted() == (0..<10).flatMap { ["\($0)=3", "\($0)=4"] }.sorted())
        #expect(throws: JobTestError.self) { try test.run() }
    }

    @Test func aFailureIsThrownAndTheJobGoesOnFromItsCheckpoint() throws {
        let job = Counting()
        let test = try JobTest(TestSetup(parallelism: 2), of: job.build)
        job.numbers.push(1)
        try test.checkpoint()
        job.fuse.arm()
        job.numbers.push(1)
        #expect(throws: Fuse.Blown.self) { try test.checkpoint() }
        #expect(!test.isRunning)
        try test.restore()
        try test.checkpoint()
        #expect(job.counts.elements == ["1=1", "1=2"])
    }

    @Test func checkpointsComeByThemselvesInVirtualTime() throws {
        let job = Counting()
        var setup = TestSetup()
        setup.checkpointEvery = .seconds(10)
        let test = try JobTest(setup, of: job.build)
        job.numbers.push(1)
        try test.advance(by: .milliseconds(9_999))
        #expect(job.counts.elements.isEmpty)
        try test.advance(by: .milliseconds(1))
        #expect(job.counts.elements == ["1=1"])
        try test.advance(by: .seconds(100))
        #expect(try test.checkpoint() == Epoch(12))
    }

    @Test func aDrainedJobGoesOn() throws {
        let job = Counting()
        let test = try JobTest(of: job.build)
        job.numbers.push(7)
        try test.run()
        try test.drain()
        #expect(job.counts.elements == ["7=1"])
        try test.restore(parallelism: 2)
        job.numbers.push(7)
        try test.finish()
        #expect(job.counts.elements == ["7=1", "7=2"])
    }

    @Test func whatWakesAnIdleSourceIsReadToItsEndAtOnce() throws {
        let (numbers, sink) = (TestSource<Int>(), CollectSink<Int>())
        let test = try JobTest { flow in flow.source(numbers).sink(sink) }
        try test.run()  // the source is idle from now on
        numbers.push(contentsOf: 0..<5000)  // more than one poll gives
        try test.checkpoint()
        #expect(test.clock.monotonicNanos() == 0)
        #expect(sink.elements == Array(0..<5000))
    }

    @Test func sourcesKeepTheirPaceInVirtualTime() throws {
        let sink = CollectSink<Int64>()
        let test = try JobTest { flow in
            flow.source(GeneratorSource(count: 100, ratePerSecond: 10) { $0 }).sink(sink)
        }
        try test.advance(by: .seconds(5))
        try test.checkpoint()
        #expect(sink.elements == Array(0..<50))
        try test.finish()
        #expect(sink.elements == Array(0..<100))
    }

    @Test(arguments: [1, 2, 3]) func generatedNumbersBeginWhereTheyAreTold(_ splits: Int) throws {
        let sink = CollectSink<Int64>()
        let test = try JobTest { flow in
            flow.source(GeneratorSource(from: 1_000_001, count: 10, splits: splits) { $0 }).sink(sink)
        }
        try test.finish()
        #expect(sink.elements.sorted() == Array(1_000_001..<1_000_011))
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func theSameSeedTakesTheSameSteps(_ seed: UInt64) throws {
        func run() throws -> [String] {
            let job = Counting()
            let test = try JobTest(TestSetup(parallelism: 4, seed: seed), of: job.build)
            for number in 0..<3000 { job.numbers.push(number, split: number % 3) }
            try test.checkpoint()
            try test.crashAndRestore(parallelism: 3)
            try test.finish()
            return job.counts.elements
        }
        let lines = try run()
        #expect(try run() == lines)
        #expect(lines.sorted() == (0..<10).flatMap { key in (1...300).map { "\(key)=\($0)" } }.sorted())
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func whateverHappensEveryRecordCountsOnce(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let job = Counting()
        let test = try JobTest(TestSetup(parallelism: 2, seed: seed), of: job.build)
        var pushed: [Int: Int] = [:]
        for _ in 0..<200 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0: try test.checkpoint()
            case 1: try test.crashAndRestore(parallelism: Int.random(in: 1...5, using: &random))
            case 2: try test.advance(by: .milliseconds(Int.random(in: 0...50, using: &random)))
            case 3:
                job.fuse.arm()
                do { try test.run() } catch is Fuse.Blown { try test.restore() }
                job.fuse.disarm()
            default:
                for _ in 0..<Int.random(in: 0...20, using: &random) {
                    let number = Int.random(in: 0..<10, using: &random)
                    pushed[number, default: 0] += 1
                    job.numbers.push(number, split: Int.random(in: 0..<3, using: &random))
                }
            }
        }
        try test.finish()
        let expected = pushed.flatMap { key, count in (1...count).map { "\(key)=\($0)" } }
        #expect(job.counts.elements.sorted() == expected.sorted(), "seed \(seed)")
    }
}
