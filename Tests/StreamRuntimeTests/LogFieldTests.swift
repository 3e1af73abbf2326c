import StreamRuntime
import Synchronization
import TestKit
import Testing

/// What lines of the engine's log say besides their message.
@Suite struct LogFieldTests {
    @Test func linesNameTheJobTheIslandAndTheEpochTheyAreAbout() async throws {
        let folder = TemporaryFolder()
        let lines = Mutex<[(message: String, fields: [String: String])]>([])
        let log = RuntimeLog { _, message, fields in lines.withLock { $0.append((message, fields)) } }
        var options = testOptions(folder, parallelism: 1, intervalMillis: 10)
        options.restart = .exponential(initialMillis: 1, maxMillis: 5)
        let runner = try JobRunner(
            CrashingCount(sink: CollectSink<String>(), crashes: CrashPoints([50_000]), count: 60_000), options: options,
            environment: JobEnvironment(log: log))
        try await runner.run()
        let told = lines.withLock { $0 }
        #expect(told.allSatisfy { $0.fields["jobId"] == runner.job.rawValue && $0.fields["island"] == "0" }, "\(told)")
        let failed = try #require(told.first { $0.message == "attempt failed, restarting" })
        #expect(failed.fields["place"]?.isEmpty == false && failed.fields["error"]?.contains("Crash") == true)
        // Whatever was decided until then, the next attempt goes on from it.
        let epoch = try #require(failed.fields["epoch"].flatMap(UInt64.init))
        let starts = told.filter { $0.message == "restoring" || $0.message == "starting from the beginning" }
        #expect(starts.count == 2 && starts.first?.fields["epoch"] == nil)
        #expect(starts.last?.fields["epoch"] == (epoch > 0 ? "\(epoch)" : nil))
        #expect(told.first { $0.message == "job finished" }?.fields["epoch"] != nil)
    }

    @Test func aFailureThatEndsTheJobSaysWhereAndAfterWhichEpoch() async throws {
        let folder = TemporaryFolder()
        let lines = Mutex<[(message: String, fields: [String: String])]>([])
        let log = RuntimeLog { _, message, fields in lines.withLock { $0.append((message, fields)) } }
        var options = testOptions(folder, parallelism: 1)
        options.restart = .none
        options.checkpointIntervalMillis = 3_600_000
        await #expect(throws: JobFailure.self) {
            try await JobRunner(
                CrashingCount(sink: CollectSink<String>(), crashes: CrashPoints([0]), count: 10), options: options,
                environment: JobEnvironment(log: log)
            ).run()
        }
        let failed = lines.withLock { $0.first { $0.message == "job failed" } }
        #expect(failed?.fields["place"]?.isEmpty == false && failed?.fields["why"] != nil)
        #expect(failed?.fields["epoch"] == "0", "nothing was decided: \(String(describing: failed))")
    }
}
