import Foundation
import StreamRuntime
import Synchronization
import TestKit
import Testing

/// Fails a job at chosen records, each once, like a crash: nothing undecided survives.
final class CrashPoints: Sendable {
    struct Crash: Error {}
    private let left: Mutex<Set<Int64>>

    init(_ numbers: some Sequence<Int64>) { left = Mutex(Set(numbers)) }

    func pass(_ number: Int64) throws {
        if left.withLock({ $0.remove(number) != nil }) { throw Crash() }
    }

    var remaining: Int { left.withLock { $0.count } }
}

/// Emits each number with how often its key was seen; keys are shuffled between subtasks.
struct CrashingCount: StreamJob {
    static let name = "crashing-count"
    let sink: CollectSink<String>
    let crashes: CrashPoints
    let count: Int64

    func build(_ flow: Flow) {
        let crashes = crashes
        flow.source(GeneratorSource(count: count, splits: 4, ratePerSecond: 400_000) { $0 })
            .parallelism(2)
            .map { number in
                try crashes.pass(number)
                return number
            }
            .keyed(by: { $0 % 97 })
            .process { try CountAndKeep($0) }
            .sink(sink)
    }
}

struct CountAndKeep: KeyedProcessFunction {
    typealias Output = String
    let counts: ValueState<Int64, Int>
    let last: ListState<Int64, Int64>

    init(_ state: KeyedStateContext<Int64>) throws {
        counts = try state.value("count", Int.self)
        last = try state.list("last", Int64.self)
    }

    mutating func process<Out: Collector>(
        _ input: Int64, key: Int64, _ context: KeyedContext<Int64>, into out: inout Out
    ) throws where Out.Element == String {
        counts[key, default: 0] += 1
        last[key] = Array((last[key] + [input]).suffix(3))
        try out.collect("\(key):\(counts[key] ?? 0):\(input)")
    }
}

@Suite struct RecoveryTests {
    private func options(_ folder: TemporaryFolder, parallelism: Int) -> JobOptions {
        var options = testOptions(folder, parallelism: parallelism, intervalMillis: 10)
        options.restart = .exponential(initialMillis: 1, maxMillis: 5)
        return options
    }

    /// Every number once, and per key the counts 1…n without a gap: nothing lost, doubled or counted on lost state.
    private func expectExactlyOnce(_ lines: [String], count: Int64) {
        var seen: Set<Int64> = []
        var counts: [Int64: [Int]] = [:]
        for line in lines {
            let parts = line.split(separator: ":").compactMap { Int64($0) }
            #expect(seen.insert(parts[2]).inserted, "number \(parts[2]) came twice")
            counts[parts[0], default: []].append(Int(parts[1]))
        }
        #expect(seen.count == Int(count))
        for (key, values) in counts { #expect(values == Array(1...values.count), "key \(key)") }
    }

    @Test(arguments: [1, 2, 3]) func crashesLoseAndDoubleNothing(parallelism: Int) async throws {
        let folder = TemporaryFolder()
        let sink = CollectSink<String>()
        let crashes = CrashPoints([5, 3_000, 3_001, 20_000, 41_000, 59_999])
        let metrics = MetricRegistry()
        try await JobRunner(
            CrashingCount(sink: sink, crashes: crashes, count: 60_000),
            options: options(folder, parallelism: parallelism), environment: JobEnvironment(metrics: metrics)
        ).run()
        #expect(crashes.remaining == 0)
        #expect(metrics.value("weir_job_restarts_total") ?? 0 >= 1)
        expectExactlyOnce(sink.elements, count: 60_000)
    }

    @Test func stateMovesWithItsKeyGroupsToAnotherParallelism() async throws {
        let folder = TemporaryFolder()
        let sink = CollectSink<String>()
        var previous: Int64 = 0
        for (parallelism, count) in [(1, 10_000), (3, 20_000), (2, 30_000), (5, 40_000)] {
            #expect(Int64(sink.elements.count) == previous)
            try await JobRunner(
                CrashingCount(sink: sink, crashes: CrashPoints([]), count: Int64(count)),
                options: options(folder, parallelism: parallelism), environment: JobEnvironment()
            ).run()
            previous = Int64(count)
        }
        expectExactlyOnce(sink.elements, count: 40_000)
    }

    @Test func anotherJobsCheckpointIsRefused() async throws {
        let folder = TemporaryFolder()
        var options = options(folder, parallelism: 1)
        options.jobID = JobID(namespace: "a", jobName: "x")
        try await JobRunner(Plain(count: 100), options: options, environment: JobEnvironment()).run()
        let other = JobID(namespace: "b", jobName: "x")
        try FileManager.default.moveItem(
            atPath: options.checkpointRoot + "/\(options.jobID!)", toPath: options.checkpointRoot + "/\(other)")
        options.jobID = other
        await #expect { try await JobRunner(Plain(count: 200), options: options, environment: JobEnvironment()).run() } throws: {
            "\($0)".contains("belongs to job 'plain'")
        }
    }

    @Test func aFlippedByteAndAMissingFileAreRefusedByName() async throws {
        for damage in ["flip", "remove"] {
            let folder = TemporaryFolder()
            let options = options(folder, parallelism: 1)
            try await JobRunner(Plain(count: 1000), options: options, environment: JobEnvironment()).run()
            let job = JobID(namespace: "default", jobName: "plain")
            let files = "\(options.checkpointRoot)/\(job)/files"
            let victim = try #require(try FileManager.default.contentsOfDirectory(atPath: files).first)
            if damage == "flip" {
                var bytes = try Data(contentsOf: URL(fileURLWithPath: "\(files)/\(victim)"))
                bytes[bytes.count / 2] ^= 1
                try bytes.write(to: URL(fileURLWithPath: "\(files)/\(victim)"))
            } else {
                try FileManager.default.removeItem(atPath: "\(files)/\(victim)")
            }
            await #expect {
                try await JobRunner(Plain(count: 2000), options: options, environment: JobEnvironment()).run()
            } throws: {
                "\($0)".contains(victim) && "\($0)".contains(damage == "flip" ? "checksum" : "missing")
            }
        }
    }

    @Test func stopEndsWithAFinalEpochAndTheNextRunGoesOn() async throws {
        let folder = TemporaryFolder()
        let sink = CollectSink<String>()
        for count in [Int64(50_000_000), 50_000_000] {
            let runner = try JobRunner(
                CrashingCount(sink: sink, crashes: CrashPoints([]), count: count),
                options: options(folder, parallelism: 2), environment: JobEnvironment())
            let before = sink.elements.count
            let stopper = Thread {
                while sink.elements.count < before + 1000 { sched_yield() }
                runner.stop()
            }
            stopper.start()
            try await runner.run()
            #expect(runner.status == .finished)
            #expect(sink.elements.count > before)
        }
        var seen: Set<Substring> = []
        for line in sink.elements { #expect(seen.insert(line.split(separator: ":")[2]).inserted) }
    }

    @Test func withoutRestartsTheFirstFailureIsFinal() async throws {
        let folder = TemporaryFolder()
        var options = options(folder, parallelism: 1)
        options.restart = .none
        await #expect(throws: JobFailure.self) {
            try await JobRunner(
                CrashingCount(sink: CollectSink<String>(), crashes: CrashPoints([3]), count: 10),
                options: options, environment: JobEnvironment()
            ).run()
        }
    }
}

/// A keyed job without a transactional sink: its manifests are the decisions.
struct Plain: StreamJob {
    static let name = "plain"
    let count: Int64

    func build(_ flow: Flow) {
        flow.source(GeneratorSource(count: count) { $0 })
            .keyed(by: { $0 % 10 }).fold(Int64(0)) { sum, number in sum += number }
            .sink(ForEachSink { _ in })
    }
}
