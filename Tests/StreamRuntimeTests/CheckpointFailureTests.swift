import StreamRuntime
import TestKit
import Testing

@Suite struct CheckpointFailureTests {
    struct Broken: Error {}

    struct Job: StreamJob {
        static let name = "checkpoint-failures"
        let pass: @Sendable (Int64) throws -> Int64

        func build(_ flow: Flow) { flow.source(GeneratorSource(count: 10) { $0 }).map(pass).sink(CollectSink<Int64>()) }
    }

    /// What fails between two epochs is no failed checkpoint.
    @Test func onlyEpochsThatWereBegunCountAsFailed() throws {
        let folder = TemporaryFolder()
        var options = JobOptions()
        options.checkpointRoot = folder.path + "/checkpoints"
        options.workRoot = folder.path + "/work"
        options.checkpointIntervalMillis = 3_600_000
        options.restart = .none
        let runner = try JobRunner(Job { _ in throw Broken() }, options: options, environment: JobEnvironment())
        #expect(throws: JobFailure.self) { try runner.run() }
        #expect(runner.failures.count == 1)
        #expect(runner.checkpoints.failed == 0)
        #expect(runner.metrics.value("weir_checkpoint_failures_total") == 0)

        // The last epoch begins once the input has ended, and is never durable.
        var failing = JobEnvironment()
        failing.faults = FaultPlan([.fail(at: .manifestSynced)])
        let second = try JobRunner(Job { $0 }, options: options, environment: failing)
        #expect(throws: JobFailure.self) { try second.run() }
        #expect(second.metrics.value("weir_checkpoint_failures_total") == 1)
    }
}
