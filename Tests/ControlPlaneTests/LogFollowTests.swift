import Foundation
import StreamRuntime
import Testing

/// `logs -f` of a job that runs.
@Suite(.serialized) struct LogFollowTests {
    private let harness = ServerHarness()
    private var log: String {
        "\(harness.registryFolder)/jobs/\(JobID(namespace: "default", jobName: "counting").rawValue)/job.log"
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    private func submit(_ more: [String]) async throws {
        let submitted = try await harness.run(["submit", "counting", "-d", "--checkpoint-interval", "100ms"] + more)
        #expect(submitted.code == 0, "\(submitted.errors)")
    }

    private func ends(_ process: Process) async throws {
        try await harness.eventually("the following ends with the job") { !process.isRunning }
        #expect(process.terminationStatus == 0)
    }

    @Test func aLogIsFollowedThroughItsRotationToTheEndOfTheJob() async throws {
        try await harness.startServer()
        // Twenty lines a second: the file is larger than four KiB again every few seconds.
        try await submit([
            "--set", "counting.rate=2000", "--set", "log.file-size=4096", "--set", "log.files=1000",
            "--set", "log.levels=chatter=debug",
        ])
        let following = try harness.start(["logs", "counting", "-f"])
        try await harness.eventually("it shows something") { try !text(following.output).isEmpty }
        let before = (1..<1000).first { !FileManager.default.fileExists(atPath: "\(log).\($0)") } ?? 1000
        try await harness.eventually("the log is set aside three times") {
            FileManager.default.fileExists(atPath: "\(log).\(before + 2)")
        }
        #expect(following.process.isRunning)
        #expect(try await harness.run(["stop", "counting", "--wait"]).code == 0)
        try await ends(following.process)
        var whole = ""
        for number in stride(from: 999, to: 0, by: -1) where FileManager.default.fileExists(atPath: "\(log).\(number)") {
            whole += try text("\(log).\(number)")
        }
        whole += try text(log)
        #expect(whole.contains("counting begins") && whole.contains("a line nobody needs"))
        // It began with what the current file had; none of what came after is missing or there twice.
        let shown = try text(following.output)
        #expect(whole.hasSuffix(shown))
        let after = try (1...2).map { try text("\(log).\($0)") }.reversed().joined() + text(log)
        #expect(shown.hasSuffix(after))
    }

    @Test func aLogIsFollowedWhenItWasEmptied() async throws {
        try await harness.startServer()
        try await submit([])
        // More than the job says in the time that this test waits for it.
        let handle = try #require(FileHandle(forWritingAtPath: log))
        try handle.seekToEnd()
        let line = String(repeating: "x", count: 99) + "\n"
        try handle.write(contentsOf: Data((String(repeating: line, count: 600) + "the last\n").utf8))
        let following = try harness.start(["logs", "counting", "-f"])
        try await harness.eventually("it has come to the end") { try text(following.output).contains("\nthe last\n") }
        #expect(truncate(log, 0) == 0)
        #expect(try await harness.run(["log-level", "counting", "chatter=debug"]).code == 0)
        try await harness.eventually("it shows what comes after") { try text(following.output).contains("a line nobody needs") }
        // A job that is killed and started again goes on in the same log.
        func begins() throws -> Int { try text(following.output).components(separatedBy: "counting begins").count }
        let before = try begins()
        let pid = try #require(try await harness.pid("counting"))
        kill(pid, SIGKILL)
        try await harness.eventually("it shows the next process") { try begins() > before }
        #expect(try await harness.run(["cancel", "counting", "--wait"]).code == 0)
        try await ends(following.process)
    }
}
