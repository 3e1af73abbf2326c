import Foundation
import StreamRuntime
import TestKit
import Testing

func testOptions(_ folder: TemporaryFolder, parallelism: Int = 2, intervalMillis: Int = 20) -> JobOptions {
    var options = JobOptions()
    options.parallelism = parallelism
    options.checkpointRoot = folder.path + "/checkpoints"
    options.workRoot = folder.path + "/work"
    options.checkpointIntervalMillis = intervalMillis
    return options
}

struct WordCount: StreamJob {
    static let name = "word-count"
    let sink: CollectSink<String>

    func build(_ flow: Flow) {
        flow.source(CollectionSource(["a b a", "c", "b a"]))
            .flatMap { $0.split(separator: " ").map(String.init) }
            .keyed(by: { $0 })
            .fold(0) { count, _ in count += 1 }
            .map { "\($0.key)=\($0.value)" }
            .sink(sink)
    }
}

struct Numbers: StreamJob {
    static let name = "numbers"
    let sink: CollectSink<Int64>
    let count: Int64

    func build(_ flow: Flow) {
        flow.source(GeneratorSource(count: count, splits: 3) { $0 })
            .parallelism(3)
            .filter { $0 % 2 == 0 }
            .keyed(by: { $0 % 1000 })
            .fold(Int64(0)) { sum, value in sum += value }
            .map { $0.value }
            .sink(sink)
    }
}

/// Options no clock and no batch could do.
@Suite struct JobOptionsTests {
    @Test func timesWithoutEndMeanNeverAndABatchHasARecordAtLeast() async throws {
        let folder = TemporaryFolder()
        var options = testOptions(folder, intervalMillis: .max)
        options.epochTimeoutMillis = .max
        options.drainTimeoutMillis = .max
        options.latencyIntervalMillis = .max
        options.batchRecords = 0
        let sink = CollectSink<Int64>()
        let runner = try JobRunner(Numbers(sink: sink, count: 100), options: options, environment: JobEnvironment())
        try await runner.run()
        #expect(sink.elements.count == 50)
    }
}

/// What a job tells of its checkpoints and failures.
@Suite struct JobRecordTests {
    @Test func everySubtaskTellsHowLongItPausedForACheckpoint() async throws {
        let folder = TemporaryFolder()
        let runner = try JobRunner(
            AnyJob { $0.source(CollectionSource([1, 2, 3])).keyed(by: { $0 }).fold(0) { $0 += $1 }.sink(ForEachSink { _ in }) },
            options: testOptions(folder), environment: JobEnvironment())
        try await runner.run()
        let last = try #require(runner.checkpoints.records.last)
        #expect(last.status == .completed && last.shares.allSatisfy { $0.pauseMicros != nil && $0.takenAtMillis != nil })
        #expect(last.pauseMicrosMax == last.shares.compactMap(\.pauseMicros).max())
    }

    /// It ended the process, with every other job of it.
    @Test func aSumThatOverflowsFailsTheJobAndTellsTheRecord() async throws {
        let folder = TemporaryFolder()
        var options = testOptions(folder)
        options.parallelism = 1
        let runner = try JobRunner(
            AnyJob { flow in
                flow.source(CollectionSource([1, Int.max, 5])).keyed(by: { _ in 0 }).aggregate(Sum()).id("total")
                    .map { $0.value }.sink(ForEachSink { (_: Int) in })
            }, options: options, environment: JobEnvironment())
        await #expect(throws: JobFailure.self) { try await runner.run() }
        let failure = try #require(runner.failures.last)
        #expect(failure.type == "SumOverflow" && !failure.isRestarted)
        #expect(failure.place.contains("total") && failure.position?.hasPrefix("at record 2 of 3 ") == true, "\(failure)")
    }

    @Test func aFailureTellsWhichRecordItWasAndWhereTheSourceStood() async throws {
        struct Bad: Error {}
        let folder = TemporaryFolder()
        var options = testOptions(folder)
        options.parallelism = 1
        options.restart = .none
        func failure(_ build: @escaping @Sendable (Flow) -> Void) async throws -> FailureRecord {
            let runner = try JobRunner(AnyJob(body: build), options: options, environment: JobEnvironment())
            await #expect(throws: JobFailure.self) { try await runner.run() }
            return try #require(runner.failures.last)
        }
        let atSource = try await failure { flow in
            flow.source(CollectionSource([1, 2, 3]), id: "numbers").map { number in
                if number == 2 { throw Bad() }
                return number
            }.id("check").sink(ForEachSink { (_: Int) in })
        }
        #expect(atSource.place == "numbers → check → sink (1/1)" && atSource.type == "Bad")
        #expect(atSource.position?.hasPrefix("source 'numbers' read ") == true, "\(atSource.position ?? "-")")
        let behind = try await failure { flow in
            flow.source(CollectionSource([1, 2, 3])).watermarks(.monotonic(), at: { Int64($0) * 10 }).rebalanced().map { number in
                if number == 2 { throw Bad() }
                return number
            }.id("check").sink(ForEachSink { (_: Int) in })
        }
        #expect(behind.place == "check → sink (1/1)")
        let position = behind.position ?? ""
        #expect(position.hasPrefix("at record ") && position.hasSuffix(" in its batch, event time 20"), "\(position)")
    }
}

@Suite struct JobRunTests {
    @Test func wordCountEmitsEveryUpdateOnce() async throws {
        let folder = TemporaryFolder()
        let sink = CollectSink<String>()
        try await JobRunner(WordCount(sink: sink), options: testOptions(folder), environment: JobEnvironment()).run()
        #expect(sink.elements.sorted() == ["a=1", "a=2", "a=3", "b=1", "b=2", "c=1"])
    }

    @Test func aCancelledTaskCancelsItsJob() async throws {
        let folder = TemporaryFolder()
        let job = Numbers(sink: CollectSink<Int64>(), count: 1 << 60)
        let runner = try JobRunner(job, options: testOptions(folder), environment: JobEnvironment())
        let task = Task { try await runner.run() }
        try await eventually("the job runs") { runner.status == .running }
        task.cancel()
        try await task.value
        #expect(runner.status == .cancelled)
    }

    @Test(arguments: [1, 2, 5]) func everyRecordIsCountedAtAnyParallelism(_ parallelism: Int) async throws {
        let folder = TemporaryFolder()
        let sink = CollectSink<Int64>()
        try await JobRunner(
            Numbers(sink: sink, count: 200_000), options: testOptions(folder, parallelism: parallelism),
            environment: JobEnvironment()
        ).run()
        #expect(sink.elements.count == 100_000)
    }
}
