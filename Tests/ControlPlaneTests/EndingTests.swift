import Foundation
import StreamRuntime
import TestKit
import Testing

/// Jobs that are asked to end in the middle of something else, as real processes.
@Suite(.serialized) struct EndingTests {
    private let harness = ServerHarness()
    private let counting = JobID(namespace: "default", jobName: "counting").rawValue

    private func submit() async throws {
        let run = try await harness.run(["submit", "counting", "--detached", "--checkpoint-interval", "100ms"])
        #expect(run.code == 0, "\(run.errors)")
    }

    private func request(_ answer: ServerHarness.HTTPAnswer) throws -> String {
        try #require(answer.object["request-id"] as? String, "\(answer.status) \(answer.body)")
    }

    @Test func aStopThatComesDuringARescaleIsNotLost() async throws {
        try await harness.startServer()
        try await submit()
        let rescaling = try request(try await harness.http("PATCH", "/jobs/\(counting)/rescaling?parallelism=2"))
        let stop = try request(try await harness.http("POST", "/jobs/\(counting)/stop", body: #"{"drain": false}"#))
        try await harness.waitUntil("counting", is: "FINISHED")
        try await harness.eventually("the stop is done") {
            "\(try await harness.http("GET", "/jobs/\(counting)/savepoints/\(stop)").body)".contains("COMPLETED")
        }
        let overtaken = try await harness.http("GET", "/jobs/\(counting)/rescaling/\(rescaling)").body
        #expect("\(overtaken)".contains("the job has ended"), "\(overtaken)")
    }

    @Test func aRescaleThatComesDuringAStopIsRefused() async throws {
        try await harness.startServer()
        try await submit()
        let pid = try #require(try await harness.pid("counting"))
        kill(pid, SIGSTOP)
        _ = try request(try await harness.http("POST", "/jobs/\(counting)/stop", body: "{}"))
        let refused = try await harness.http("PATCH", "/jobs/\(counting)/rescaling?parallelism=2")
        #expect(refused.status == 409 && refused.errors.first?.contains("asked to stop") == true, "\(refused.body)")
        kill(pid, SIGCONT)
        try await harness.waitUntil("counting", is: "FINISHED")
        #expect(try await harness.own("counting")["parallelism"] as? Int == 1)
    }

    @Test func aServerThatIsToStopItsJobsDoesSoInTheMiddleOfARescale() async throws {
        try await harness.startServer(["--stop-jobs"])
        try await submit()
        _ = try request(try await harness.http("PATCH", "/jobs/\(counting)/rescaling?parallelism=2"))
        try await harness.stopServer()
        try await harness.startServer()
        #expect(try await harness.job("counting")?["state"] as? String == "FINISHED")
    }

    @Test func aSecondSignalEndsAServerThatWaitsForItsJobs() async throws {
        try await harness.startServer(["--stop-jobs"])
        try await submit()
        let pid = try #require(try await harness.pid("counting"))
        kill(pid, SIGSTOP)
        kill(harness.serverPID, SIGTERM)
        try await harness.eventually("the server listens no more") {
            (try? await harness.http("GET", "/overview")) == nil
        }
        try await harness.stopServer()
        #expect(kill(pid, 0) == 0)
        kill(pid, SIGCONT)
    }

    /// The savepoint is refused while the job ends in good order: no signal may get in between.
    @Test func aStopWhoseSavepointCannotBeWrittenStopsTheJobInOrder() async throws {
        try await harness.startServer()
        for _ in 0..<4 {
            try await submit()
            let stopped = try await harness.run(["stop", "counting", "--wait", "--savepoint-dir", "/proc/x"])
            #expect(stopped.code == 1 && stopped.errors.contains("/proc/x"), "\(stopped.output)\(stopped.errors)")
            try await harness.eventually("the job has ended") { try await harness.pid("counting") == nil }
            #expect(try await harness.job("counting")?["state"] as? String == "FINISHED")
        }
    }

    @Test func aJobThatIsStoppedRightAfterItsSubmissionHasNotFailed() async throws {
        try await harness.startServer()
        let executable = try BuiltExecutable.path("control-fixture")
        let body = """
            {"name": "counting", "executable": "\(executable)", "workingDirectory": "\(harness.folder.path)"}
            """
        for _ in 0..<3 {
            #expect(try await harness.http("POST", "/jobs", body: body).status == 200)
            _ = try request(try await harness.http("POST", "/jobs/\(counting)/stop", body: #"{"drain": true}"#))
            try await harness.waitUntil("counting", is: "FINISHED")
        }
    }

    @Test func anAttachedSubmitTellsAtOnceAndItsEndIsNotTheJobs() async throws {
        try await harness.startServer()
        let (process, output) = try harness.start(["submit", "counting"])
        try await harness.eventually("it tells that the job runs") {
            try String(contentsOfFile: output, encoding: .utf8).hasSuffix("RUNNING\n")
        }
        process.interrupt()
        try await harness.eventually("it ends") { !process.isRunning }
        #expect(try await harness.job("counting")?["state"] as? String == "RUNNING")
    }

    @Test func aCommandThatWaitsOutlastsARestartOfTheServer() async throws {
        try await harness.startServer()
        let port = try #require(URLComponents(string: harness.url)?.port)
        let (process, output) = try harness.start(["submit", "counting"])
        try await harness.eventually("it tells that the job runs") {
            try String(contentsOfFile: output, encoding: .utf8).hasSuffix("RUNNING\n")
        }
        try await harness.stopServer()
        try await harness.startServer(["--port", "\(port)"])
        #expect(try await harness.run(["cancel", "counting", "--wait"]).code == 0)
        try await harness.eventually("it ends") { !process.isRunning }
        let text = try String(contentsOfFile: output, encoding: .utf8)
        #expect(process.terminationStatus == 0 && text.hasSuffix("CANCELED\n"), "\(text)")
    }
}
