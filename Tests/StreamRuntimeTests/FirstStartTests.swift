import Foundation
import StreamRuntime
import Synchronization
import TestKit
import Testing

/// Numbers up to 199, from where the stream ends when it is asked: further on each time. Its reader may fail at first.
private final class GrowingSource: Source {
    typealias Element = Int64
    struct NotYet: Error {}
    private let numbers = GeneratorSource(count: 200) { $0 }
    private let asked = Mutex(0)
    private let failuresLeft: Mutex<Int>

    init(failures: Int = 0) { failuresLeft = Mutex(failures) }

    func discoverSplits(_ context: SourceContext) -> [SourceSplit] {
        let times = asked.withLock { asked in
            defer { asked += 1 }
            return asked
        }
        return [SourceSplit(id: "part-0", start: Int64(100 + 50 * times))]
    }

    func makeReader(_ context: SourceReaderContext) throws -> GeneratorSource<Int64>.Reader {
        let fails = failuresLeft.withLock { left in
            defer { left = max(0, left - 1) }
            return left > 0
        }
        if fails { throw NotYet() }
        return numbers.makeReader(context)
    }
}

/// Counts its writers.
private final class CountingSink: Sink {
    typealias Element = Int64
    let open = Atomic<Int>(0)
    let made = Atomic<Int>(0)

    func makeWriter(_ context: SinkWriterContext) -> Writer {
        open.add(1, ordering: .relaxed)
        made.add(1, ordering: .relaxed)
        return Writer(sink: self)
    }

    struct Writer: SinkWriter {
        let sink: CountingSink
        mutating func write(_ element: Int64) {}
        mutating func close() { sink.open.subtract(1, ordering: .relaxed) }
    }
}

/// One number that fails the job; when it is asked for its splits again it waits until the job is being stopped.
private final class UnreachableSource: Source {
    typealias Element = Int64
    struct Gone: Error {}
    private let numbers = GeneratorSource(count: 1) { $0 }
    private let asked = Atomic<Int>(0)
    let isWaiting = DispatchSemaphore(value: 0)

    func discoverSplits(_ context: SourceContext) throws -> [SourceSplit] {
        guard asked.wrappingAdd(1, ordering: .relaxed).oldValue > 0 else { return numbers.discoverSplits(context) }
        isWaiting.signal()
        while !context.isCancelled() { usleep(1000) }
        throw Gone()
    }

    func makeReader(_ context: SourceReaderContext) -> GeneratorSource<Int64>.Reader { numbers.makeReader(context) }
}

/// Even numbers, and from the second time it is asked odd ones too: its readers tell the first attempt so after a few.
private final class WideningSource: Source {
    typealias Element = Int64
    private let numbers = GeneratorSource(count: 200, splits: 2) { $0 }
    private let asked = Atomic<Int>(0)

    func discoverSplits(_ context: SourceContext) -> [SourceSplit] {
        let times = asked.wrappingAdd(1, ordering: .relaxed).newValue
        return Array(numbers.discoverSplits(context).prefix(times))
    }

    func makeReader(_ context: SourceReaderContext) -> Reader {
        Reader(numbers: numbers.makeReader(context), isWide: asked.load(ordering: .relaxed) > 1)
    }

    struct Reader: SourceReader {
        typealias Element = Int64
        var numbers: GeneratorSource<Int64>.Reader
        let isWide: Bool
        var hasRead = false

        mutating func poll<Output: Collector>(into output: inout Output, budget: Int) throws -> SourceStatus
        where Output.Element == Int64 {
            if !isWide, hasRead { throw NewSplits("there are odd numbers too") }
            hasRead = true
            return try numbers.poll(into: &output, budget: 10)
        }

        func positions() -> [SplitPosition] { numbers.positions() }
        mutating func close() { numbers.close() }
    }
}

@Suite struct FirstStartTests {
    private func options(_ folder: TemporaryFolder) -> JobOptions {
        var options = testOptions(folder, parallelism: 1, intervalMillis: 3_600_000)
        options.restart = .exponential(initialMillis: 1, maxMillis: 2)
        return options
    }

    /// Without a deciding sink too: what the first start found stays where the job begins, however often it fails.
    @Test func theStartIsDecidedBeforeAnythingIsRead() async throws {
        let folder = TemporaryFolder()
        let (source, crashes) = (GrowingSource(), CrashPoints([120, 199]))
        let seen = Mutex<Set<Int64>>([])
        let job = AnyJob { flow in
            flow.source(source).sink(
                ForEachSink { number in
                    seen.withLock { _ = $0.insert(number) }
                    try crashes.pass(number)
                })
        }
        let metrics = MetricRegistry()
        try await JobRunner(job, options: options(folder), environment: JobEnvironment(metrics: metrics)).run()
        #expect(crashes.remaining == 0 && metrics.value("weir_job_restarts_total") == 2)
        #expect(seen.withLock { $0 } == Set(100..<200))
    }

    /// The same for a source that a job with checkpoints is given later.
    @Test func theStartOfAnAddedSourceIsDecidedBeforeAnythingIsRead() async throws {
        let folder = TemporaryFolder()
        let (source, crashes) = (GrowingSource(), CrashPoints([120, 199]))
        let seen = Mutex<Set<Int64>>([])
        func job(isExtended: Bool) -> AnyJob {
            AnyJob { flow in
                flow.source(GeneratorSource(count: 10) { $0 }).id("first").sink(ForEachSink { (_: Int64) in }).id("first-end")
                guard isExtended else { return }
                flow.source(source).id("added").sink(
                    ForEachSink { number in
                        seen.withLock { _ = $0.insert(number) }
                        try crashes.pass(number)
                    }
                ).id("added-end")
            }
        }
        try await JobRunner(job(isExtended: false), options: options(folder), environment: JobEnvironment()).run()
        let metrics = MetricRegistry()
        try await JobRunner(job(isExtended: true), options: options(folder), environment: JobEnvironment(metrics: metrics)).run()
        #expect(crashes.remaining == 0 && metrics.value("weir_job_restarts_total") == 2)
        #expect(seen.withLock { $0 } == Set(100..<200))
    }

    /// Not even of a job that may not restart.
    @Test func newSplitsAreNoFailure() async throws {
        let folder = TemporaryFolder()
        let seen = Mutex<Set<Int64>>([])
        let metrics = MetricRegistry()
        let job = AnyJob { flow in
            flow.source(WideningSource()).sink(ForEachSink { number in seen.withLock { _ = $0.insert(number) } })
        }
        var options = options(folder)
        options.restart = .none
        let runner = try JobRunner(job, options: options, environment: JobEnvironment(metrics: metrics))
        try await runner.run()
        #expect(seen.withLock { $0 } == Set(0..<200))
        #expect(runner.failures.isEmpty && metrics.sum("weir_job_restarts_total") == 0)
    }

    /// What an attempt before has left undone is not finished because nothing else was begun.
    @Test func aStopWhileARestartRecoversIsAFailureOfTheJob() async throws {
        struct Refused: Error {}
        let folder = TemporaryFolder()
        let source = UnreachableSource()
        let job = AnyJob { flow in flow.source(source).sink(ForEachSink { _ in throw Refused() }) }
        let runner = try JobRunner(job, options: options(folder), environment: JobEnvironment())
        let thread = Thread {
            source.isWaiting.wait()
            runner.stop(drain: true)
        }
        thread.start()
        let failure = await #expect(throws: JobFailure.self) { try await runner.run() }
        #expect(failure?.cause is UnreachableSource.Gone)
        #expect(failure?.description.contains("being stopped") == true)
    }

    /// In one chain with what cannot be made, and in another that was made before it.
    @Test(arguments: [false, true]) func whatWasMadeForATaskThatCannotBeIsClosed(inAChainOfItsOwn: Bool) async throws {
        let folder = TemporaryFolder()
        let (source, sink) = (GrowingSource(failures: 3), CountingSink())
        let job = AnyJob { flow in
            let numbers = flow.source(source)
            if inAChainOfItsOwn { numbers.rebalanced().sink(sink) } else { numbers.sink(sink) }
        }
        try await JobRunner(job, options: options(folder), environment: JobEnvironment()).run()
        #expect(sink.made.load(ordering: .relaxed) == 4)
        #expect(sink.open.load(ordering: .relaxed) == 0)
    }

    /// Only who stops a job waits for so long and no longer.
    @Test func theEndOfTheInputIsWorkedOffHoweverLongItTakes() async throws {
        let folder = TemporaryFolder()
        let results = Mutex<Set<Int>>([])
        let job = AnyJob { flow in
            flow.source(CollectionSource(Array(0..<20)))
                .asyncMap(.unordered, AsyncOptions(capacity: 2)) { number in
                    try await Task.sleep(for: .milliseconds(10))  // a slow answer is what this is about
                    return number
                }
                .sink(ForEachSink { number in results.withLock { _ = $0.insert(number) } })
        }
        var options = options(folder)
        options.drainTimeoutMillis = 1
        try await JobRunner(job, options: options, environment: JobEnvironment()).run()
        #expect(results.withLock { $0 } == Set(0..<20))
    }
}
