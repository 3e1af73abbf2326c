import Foundation
import Testing

/// `profile` through a server, with a perf of the test's own: what the real one may do differs from machine to machine.
@Suite(.serialized) struct ProfileServerTests {
    private let harness = ServerHarness()

    /// Starts the server with a script in perf's place, and the counting job.
    private func start(perf script: String) async throws {
        let bin = harness.folder.path + "/bin"
        try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
        let perf = try harness.folder.write("bin/perf", "#!/bin/sh\n\(script)\n")
        try #require(chmod(perf, 0o755) == 0)
        try await harness.startServer(environment: ["PATH": "\(bin):/usr/bin:/bin"])
        #expect(try await harness.run(["submit", "counting", "--detached"]).code == 0)
    }

    @Test func stacksThatPerfPrintsBecomeAFlameGraphWithReadableNames() async throws {
        let printed = try harness.folder.write(
            "printed", "weir-worker-0 1/2\n\t aa $s4main3foo2byySi_tF (/weir)\n\t bb $s4main3fooyyF (/weir)\n\n")
        try await start(perf: "case $1 in record) echo \"$@\" > \(harness.folder.path)/record;; script) cat \(printed);; esac")
        let file = harness.folder.path + "/slow.svg"
        let done = try await harness.run(["profile", "counting", "--seconds", "2", "--output", file])
        #expect(done.code == 0 && done.output == file + "\n", "\(done.errors)")
        #expect(done.errors.contains("1 sample of stacks by perf"), "\(done.errors)")
        let svg = try String(contentsOfFile: file, encoding: .utf8)
        for title in ["weir-worker-0 (1 samples, 100.0 %)", "main.foo() (1 samples", "main.foo(by:) (1 samples"] {
            #expect(svg.contains("<title>\(title)"))
        }
        let asked = try String(contentsOfFile: harness.folder.path + "/record", encoding: .utf8)
        let pid = try #require(try await harness.pid("counting"))
        #expect(asked.contains("-p \(pid) -- sleep 2"), "\(asked)")
        let left = try FileManager.default.subpathsOfDirectory(atPath: harness.registryFolder)
        #expect(!left.contains { $0.contains("profile.tmp") })
    }

    @Test func whenPerfRefusesTheEnginesOwnAccountingIsDrawnAndTheReasonSaid() async throws {
        try await start(perf: "echo Error:; echo 'Access to performance monitoring is limited.'; exit 255")
        let done = try await harness.run(["profile", "counting", "--seconds", "1", "--output", "-"])
        #expect(done.code == 0 && done.output.hasPrefix("<?xml"), "\(done.errors)")
        #expect(done.errors.contains("engine's own accounting"), "\(done.errors)")
        #expect(done.errors.contains("perf refuses: Access to performance monitoring is limited."), "\(done.errors)")
        let refused = try await harness.run(["profile", "counting", "--seconds", "1", "--method", "stacks"])
        #expect(refused.code == 1 && refused.errors.contains("perf refuses"), "\(refused.errors)")
    }

    @Test func whatCannotBeProfiledIsRefused() async throws {
        try await start(perf: "exit 0")
        #expect(try await harness.run(["profile", "counting", "--seconds", "0"]).code == 2)
        #expect(try await harness.run(["profile", "nothing"]).code == 2)
        let id = try #require(try await harness.job("counting")?["jid"] as? String)
        #expect(try await harness.http("GET", "/jobs/\(id)/profile").status == 404)
        #expect(try await harness.http("POST", "/jobs/\(id)/profile", body: #"{"seconds": 301}"#).status == 400)
        #expect(try await harness.http("POST", "/jobs/\(id)/profile", body: #"{"method": "guess"}"#).status == 400)
        #expect(try await harness.http("POST", "/jobs/\(id)/profile", body: #"{"seconds": 60, "method": "busy"}"#).status == 202)
        #expect(try await harness.http("POST", "/jobs/\(id)/profile", body: "{}").status == 409)
        #expect(try await harness.run(["cancel", "counting", "--wait"]).code == 0)
        #expect(try await harness.run(["profile", "counting"]).code == 1)
    }
}

/// How long a savepoint is waited for.
@Suite(.serialized) struct SavepointPatienceTests {
    private let harness = ServerHarness()

    @Test func theServersSettingAndTheCommandsTimeoutBothCountAndSayWhatFollows() async throws {
        try await harness.startServer(["--set", "server.savepoint-timeout=1s"])
        #expect(try await harness.run(["submit", "counting", "--detached"]).code == 0)
        let pid = try #require(try await harness.pid("counting"))
        kill(pid, SIGSTOP)
        defer { kill(pid, SIGCONT) }
        let late = try await harness.run(["savepoint", "counting"])
        #expect(late.code == 5 && late.errors.contains("within 1s"), "\(late.errors)")
        #expect(late.errors.contains("the job may still write it"), "\(late.errors)")
        let own = try await harness.run(["savepoint", "counting", "--timeout", "500ms"])
        #expect(own.code == 5 && own.errors.contains("--timeout is over"), "\(own.errors)")
        let id = try #require(try await harness.job("counting")?["jid"] as? String)
        let wrong = try await harness.http("POST", "/jobs/\(id)/savepoints", body: #"{"timeoutMillis": 5}"#)
        #expect(wrong.status == 400 && wrong.errors.first?.contains("timeoutMillis") == true)
    }
}
