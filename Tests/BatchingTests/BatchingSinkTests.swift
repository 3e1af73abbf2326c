import Foundation
import StreamRuntime
import StreamRuntimeTesting
import Synchronization
import TestKit
import Testing

/// An outside system that a test can switch off.
private final class Outside: Sendable {
    struct Away: Error {}
    struct Broken: Error {}

    private struct State {
        var batches: [[Int64]] = []
        var isAway = false
        /// Fails for good this many times more.
        var breaks = 0
        var widest = 0
        var inside = 0
    }
    private let state = Mutex(State())

    var elements: [Int64] { state.withLock { $0.batches.flatMap { $0 } } }
    var batches: [[Int64]] { state.withLock { $0.batches } }
    var widest: Int { state.withLock { $0.widest } }
    func setAway(_ isAway: Bool) { state.withLock { $0.isAway = isAway } }
    func breakOnce() { state.withLock { $0.breaks = 1 } }

    func write(_ batch: [Int64]) async throws {
        state.withLock {
            $0.inside += 1
            $0.widest = max($0.widest, $0.inside)
        }
        await Task.yield()
        try state.withLock { state in
            state.inside -= 1
            if state.isAway { throw Away() }
            if state.breaks > 0 {
                state.breaks -= 1
                throw Broken()
            }
            state.batches.append(batch)
        }
    }

    /// Batches that only a barrier ends: what fails then holds up an open epoch.
    static let atBarriers = BatchLimits(countMax: 1000, ageMax: .seconds(600))

    func sink(_ limits: BatchLimits = BatchLimits(countMax: 10, ageMax: .zero), inFlightMax: Int = 1) -> BatchingSink<Int64> {
        BatchingSink(
            BatchingOptions(limits, inFlightMax: inFlightMax),
            failures: .waitOut("the outside is away", Backoff(initialMillis: 1, maxMillis: 5), when: { $0 is Away })
        ) { try await self.write($0) }
    }
}

/// Runs a job over a sink on real threads.
private final class Bench: Sendable {
    let folder = TemporaryFolder()
    let source: TestSource<Int64>
    let runner: JobRunner

    init(
        _ source: TestSource<Int64>, restart: RestartStrategy = .exponential(initialMillis: 1, maxMillis: 5),
        epochTimeoutMillis: Int = 30_000,
        _ build: @escaping @Sendable (StreamRuntime.Stream<SourceHead<TestSource<Int64>>>) -> Void
    ) throws {
        struct Job: StreamJob {
            static var name: String { "batching" }
            let source: TestSource<Int64>
            let connect: @Sendable (StreamRuntime.Stream<SourceHead<TestSource<Int64>>>) -> Void
            func build(_ flow: Flow) { connect(flow.source(source, id: "source")) }
        }
        self.source = source
        var options = JobOptions()
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        options.checkpointIntervalMillis = 20
        options.epochTimeoutMillis = epochTimeoutMillis
        options.restart = restart
        runner = try JobRunner(Job(source: source, connect: build), options: options, environment: JobEnvironment())
    }

    var isPaused: Bool { if case .paused = runner.status { true } else { false } }
    var restarts: Int { Int(runner.metrics.value("weir_job_restarts_total") ?? 0) }
    var epoch: Int { Int(runner.metrics.sum("weir_checkpoint_last_id")) }
}

@Suite struct BatchingSinkTests {
    private final class Token: Sendable {}
    private final class Held: @unchecked Sendable {  // used by one task
        weak var token: Token?
    }

    /// An attempt that has failed must not stay in memory until what it had in hand would have been old enough.
    @Test func aWriterThatIsClosedKeepsNothingOfABatchThatWaitedForItsAge() async throws {
        let held = Held()
        func writeAndClose() throws {
            let sink = BatchingSink<Token>(BatchingOptions(BatchLimits(ageMax: .hours(1)))) { _ in }
            var writer = sink.makeWriter(
                SinkWriterContext(
                    operatorID: "sink", job: JobID(namespace: "test", jobName: "batches"), subtask: 0, parallelism: 1,
                    log: .silent, wake: {}, metrics: MetricRegistry(), clock: SystemClock()))
            let token = Token()
            held.token = token
            try writer.write(token)
            try writer.flush()
            writer.close()
        }
        try writeAndClose()
        for _ in 0..<4000 where held.token != nil { try await Task.sleep(for: .milliseconds(5)) }
        #expect(held.token == nil)
    }

    @Test func everyElementArrivesInOrderInBoundedBatches() async throws {
        let outside = Outside()
        let source = TestSource(Array(Int64(0)..<1000))
        source.finish()
        let bench = try Bench(source) { $0.sink(outside.sink()) }
        try await bench.runner.run()
        #expect(outside.elements == Array(0..<1000))
        #expect(outside.batches.allSatisfy { (1...10).contains($0.count) })
        #expect(outside.widest == 1)
    }

    @Test func severalBatchesGoSideBySideWhenAllowed() async throws {
        let outside = Outside()
        let source = TestSource(Array(Int64(0)..<2000))
        source.finish()
        let bench = try Bench(source) { $0.sink(outside.sink(inFlightMax: 4)) }
        try await bench.runner.run()
        #expect(Set(outside.elements) == Set(0..<2000) && outside.elements.count == 2000)
        #expect(outside.widest <= 4)
    }

    @Test func aSystemThatIsAwayPausesTheJobAndNothingIsLost() async throws {
        let outside = Outside()
        outside.setAway(true)
        let source = TestSource(Array(Int64(0)..<100))
        let bench = try Bench(source) { $0.sink(outside.sink(), id: "out") }
        async let ended: Void = bench.runner.run()
        try await eventually("the job is paused") { bench.isPaused }
        #expect(bench.runner.status == .paused(["out: the outside is away"]))
        outside.setAway(false)
        try await eventually("the job runs again") { !bench.isPaused }
        source.push(contentsOf: 100..<200)
        source.finish()
        try await ended
        #expect(outside.elements == Array(0..<200))
        #expect(bench.restarts == 0)
    }

    /// Rule 9: an epoch that waits for a system known to be down is not given up, when no transaction is open.
    @Test func anEpochWithoutATransactionOutlivesAnOutageLongerThanItsTimeout() async throws {
        let outside = Outside()
        let source = TestSource(Array(Int64(0)..<10))
        let bench = try Bench(source, restart: .none, epochTimeoutMillis: 2_000) { $0.sink(outside.sink(Outside.atBarriers)) }
        async let ended: Void = bench.runner.run()
        try await eventually("a first epoch is committed") { bench.epoch > 0 }
        outside.setAway(true)
        source.push(contentsOf: 10..<20)
        try await eventually("the job is paused") { bench.isPaused }
        try await Task.sleep(for: .milliseconds(3_000))  // the outage, longer than an epoch may take
        outside.setAway(false)
        source.finish()
        try await ended
        #expect(outside.elements == Array(0..<20))
        #expect(bench.restarts == 0)
    }

    /// Rule 9: with a transaction it is given up, and that counts for nothing.
    @Test func anEpochGivenUpBecauseOfAnOutageIsNoFailureOfTheJob() async throws {
        let outside = Outside()
        let kept = CollectSink<Int64>()
        let source = TestSource(Array(Int64(0)..<10))
        let bench = try Bench(source, restart: .none, epochTimeoutMillis: 2_000) { stream in
            stream.sink(outside.sink(Outside.atBarriers), id: "out")
            stream.sink(kept, id: "kept")
        }
        async let ended: Void = bench.runner.run()
        try await eventually("a first epoch is committed") { bench.epoch > 0 }
        outside.setAway(true)
        source.push(contentsOf: 10..<20)
        try await eventually("an attempt is given up") { bench.restarts > 0 }
        outside.setAway(false)
        try await eventually("everything is kept") { kept.elements.count == 20 }
        source.finish()
        try await ended
        #expect(kept.elements == Array(0..<20))
        #expect(Set(outside.elements) == Set(0..<20))
    }

    @Test func aFailureForGoodFailsTheAttemptAndTheNextWritesAgain() async throws {
        let outside = Outside()
        let source = TestSource(Array(Int64(0)..<50))
        let bench = try Bench(source) { $0.sink(outside.sink()) }
        async let ended: Void = bench.runner.run()
        try await eventually("a first epoch is committed") { bench.epoch > 0 }
        outside.breakOnce()
        source.push(contentsOf: 50..<100)
        try await eventually("the job restarts") { bench.restarts == 1 }
        source.finish()
        try await ended
        #expect(Set(outside.elements) == Set(0..<100), "at least once")
    }

    /// A batch that is not full is sent when it is old enough, without a checkpoint's help.
    @Test func ageSendsABatch() async throws {
        let outside = Outside()
        let source = TestSource([Int64(1), 2, 3])
        let bench = try Bench(source) {
            $0.sink(outside.sink(BatchLimits(countMax: 1000, ageMax: .milliseconds(1))))
        }
        async let ended: Void = bench.runner.run()
        try await eventually("three are sent") { outside.elements.count == 3 }
        source.finish()
        try await ended
        #expect(outside.elements == [1, 2, 3])
    }

    @Test func whatIsEncodedIsWhatIsSent() async throws {
        let texts = Mutex<[String]>([])
        let source = TestSource([Int64(7), 8])
        source.finish()
        let bench = try Bench(source) {
            $0.sink(
                EncodedSink(into: BatchingSink<String> { batch in texts.withLock { $0 += batch } }) { (number: Int64) in
                    "n\(number)"
                })
        }
        try await bench.runner.run()
        #expect(texts.withLock { $0 } == ["n7", "n8"])
    }

    /// The queue is full when it happens, so that no record comes that could meet the failure.
    @Test func aFailureForGoodIsSeenAlsoUnderBackPressure() async throws {
        let outside = Outside()
        outside.breakOnce()
        let source = TestSource(Array(Int64(0)..<100_000))
        source.finish()
        let bench = try Bench(source) { $0.rebalanced().sink(outside.sink()) }
        try await bench.runner.run()
        #expect(Set(outside.elements) == Set(0..<100_000))
        #expect(bench.restarts == 1)
    }
}
