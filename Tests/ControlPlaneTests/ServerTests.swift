import Foundation
import StreamRuntime
import Testing
import WeirKit

/// A server and its jobs as real processes, killed and asked as they would be.
@Suite(.serialized) struct ServerTests {
    private let harness = ServerHarness()
    private let counting = JobID(namespace: "default", jobName: "counting").rawValue

    private func submit(_ job: String, _ more: [String] = ["--detached"]) async throws -> ServerHarness.Result {
        try await harness.run(["submit", job, "--checkpoint-interval", "100ms"] + more)
    }

    /// The last total of each key that the job wrote.
    private func totals() throws -> [Int: Int] {
        var last: [Int: Int] = [:]
        for line in try String(contentsOfFile: harness.folder.path + "/counts.txt", encoding: .utf8).split(separator: "\n") {
            let numbers = line.split(separator: " ").compactMap { Int($0) }
            if numbers.count == 2 { last[numbers[0]] = numbers[1] }
        }
        return last
    }

    private func checkpoint() async throws -> Int { try await harness.own("counting")["checkpoint"] as? Int ?? 0 }

    @Test func aJobIsSubmittedListedDescribedAndStoppedWithALastCheckpoint() async throws {
        try await harness.startServer()
        let submitted = try await submit("counting", ["--detached", "--set", "counting.password=hunter2"])
        #expect(submitted.code == 0, "\(submitted.errors)")
        #expect(submitted.output.contains("submitted 'counting' as job \(counting)"))
        #expect(submitted.output.hasSuffix("RUNNING\n"))

        let listed = try await harness.run(["list", "--output", "json"])
        let rows = try JSONSerialization.jsonObject(with: Data(listed.output.utf8)) as? [[String: Any]]
        #expect(rows?.first?["id"] as? String == counting && rows?.first?["status"] as? String == "RUNNING")
        let table = try await harness.run(["list"])
        #expect(table.output.contains("counting  \(counting)  RUNNING"))

        try await harness.eventually("a checkpoint is decided") { try await checkpoint() > 0 }
        let described = try await harness.run(["describe", "counting"])
        #expect(described.output.contains("numbers → ") && described.output.contains("counts"), "\(described.output)")
        let misspelt = try await harness.run(["describe", "countign"])
        #expect(misspelt.code == 2 && misspelt.errors.contains("Did you mean 'counting'?"), "\(misspelt.errors)")
        let logs = try await harness.run(["logs", "counting"])
        #expect(logs.output.contains("counting begins"))

        // The secret is in no document, no log and no command line.
        for path in ["/jobs/\(counting)", "/jobs/\(counting)/config", "/jobs/overview"] {
            #expect(!"\(try await harness.http("GET", path).body)".contains("hunter2"))
        }
        let pid = try #require(try await harness.pid("counting"))
        let line = try String(contentsOfFile: "/proc/\(pid)/cmdline", encoding: .utf8)
        #expect(!line.contains("hunter2") && line.hasSuffix("run\u{0}counting\u{0}"))

        let stopped = try await harness.run(["stop", "counting", "--drain", "--wait"])
        #expect(stopped.code == 0, "\(stopped.errors)")
        #expect(stopped.output.contains("; last checkpoint: /"), "\(stopped.output)")
        #expect(stopped.output.contains("/checkpoints/\(counting)/chk-"), "\(stopped.output)")
        #expect(try await harness.job("counting")?["state"] as? String == "FINISHED")
        #expect(try await harness.pid("counting") == nil)

        let forgotten = try await harness.run(["forget", "counting"])
        #expect(forgotten.code == 0)
        #expect(try await harness.run(["list"]).output.hasPrefix("no jobs"))
        #expect(try await harness.run(["describe", "counting"]).code == 2)
    }

    @Test func aJobWhoseProcessIsKilledIsStartedAgainAndGoesOnFromItsCheckpoint() async throws {
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        try await harness.eventually("checkpoints are decided") { try await checkpoint() > 2 }
        let pid = try #require(try await harness.pid("counting"))
        kill(pid, SIGKILL)
        try await harness.eventually("another process runs") {
            let state = try await harness.job("counting")?["state"] as? String
            guard let now = try await harness.pid("counting") else { return false }
            return now != pid && state == "RUNNING"
        }
        let before = try totals()
        #expect(try await harness.own("counting")["relaunches"] as? Int == 1)
        let checkpoints = try await harness.http("GET", "/jobs/\(counting)/checkpoints").object
        let counts = checkpoints["counts"] as? [String: Any]
        #expect(counts?["restored"] as? Int == 1)
        try await harness.eventually("it counts on") { try totals().values.reduce(0, +) > before.values.reduce(0, +) + 100 }
        #expect(try await harness.run(["cancel", "counting", "--wait"]).code == 0)
        #expect(try await harness.job("counting")?["state"] as? String == "CANCELED")
    }

    @Test func jobsOutliveAKilledServerAndAreWatchedAgainByTheNext() async throws {
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        let pid = try #require(try await harness.pid("counting"))
        try await harness.stopServer(SIGKILL)
        let before = try totals().values.reduce(0, +)
        try await harness.eventually("the job goes on alone") { try totals().values.reduce(0, +) > before + 100 }

        try await harness.startServer()
        try await harness.waitUntil("counting", is: "RUNNING")
        #expect(try await harness.pid("counting") == pid)
        // One that it did not start itself is started again, too.
        kill(pid, SIGKILL)
        try await harness.eventually("another process runs") {
            let state = try await harness.job("counting")?["state"] as? String
            guard let now = try await harness.pid("counting") else { return false }
            return now != pid && state == "RUNNING"
        }
        #expect(try await harness.run(["stop", "counting", "--wait"]).code == 0)
        #expect(try await harness.job("counting")?["state"] as? String == "FINISHED")
    }

    @Test func aJobThatEndedWhileNoServerRanIsKnownToHaveEnded() async throws {
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        let pid = try #require(try await harness.pid("counting"))
        try await harness.stopServer(SIGKILL)
        kill(pid, SIGTERM)
        try await harness.eventually("the job ends") { kill(pid, 0) != 0 }
        try await harness.startServer()
        try await harness.waitUntil("counting", is: "FINISHED")
    }

    @Test func aServerEndsAndLeavesItsJobsUnlessToldToStopThem() async throws {
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        let pid = try #require(try await harness.pid("counting"))
        try await harness.stopServer(SIGINT)
        #expect(kill(pid, 0) == 0)
        try await harness.startServer(["--stop-jobs"])
        try await harness.waitUntil("counting", is: "RUNNING")
        try await harness.stopServer()
        // Its parent is gone: whoever collects orphans here does so in a while.
        try await harness.eventually("the job is gone") { kill(pid, 0) != 0 }
        try await harness.startServer()
        #expect(try await harness.job("counting")?["state"] as? String == "FINISHED")
    }

    @Test func oneIdRunsOnceAndASecondServerIsRefused() async throws {
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        let second = try await submit("counting")
        #expect(second.code == 1)
        #expect(second.errors.contains("job 'counting' (\(counting)) runs already"))
        // Another namespace is another job.
        #expect(try await submit("counting", ["--detached", "--namespace", "b", "--set", "counting.output=b.txt"]).code == 0)
        let server = try await harness.run(["server", "--port", "0", "--dir", harness.registryFolder])
        #expect(server.code == 1 && server.errors.contains("another weir server runs on"))
    }

    @Test func aTimeoutThatIsNoneSubmitsNothing() async throws {
        try await harness.startServer()
        let refused = try await submit("counting", ["--detached", "--timeout", "0s"])
        #expect(refused.code == 2 && refused.errors.contains("--timeout: '0s'"), "\(refused.errors)")
        #expect(try await harness.run(["list"]).output == "no jobs; 'submit JOB' adds one\n")
    }

    @Test func aJobRunningOutsideIsNotRunTwice() async throws {
        try await harness.startServer()
        let control = harness.folder.path + "/c.json"
        async let outside = harness.run([
            "run", "counting", "--metrics-port", "0", "--for", "100s", "--set", "control.file=\(control)",
        ])
        try await harness.eventually("it runs") {
            FileManager.default.fileExists(atPath: harness.folder.path + "/counts.txt")
        }
        let refused = try await submit("counting", ["--detached"])
        #expect(refused.code == 6, "\(refused.output) \(refused.errors)")
        #expect(refused.errors.contains("runs already on"), "\(refused.errors)")
        kill(try #require(ControlFile.read(control)).process.pid, SIGTERM)
        #expect(try await outside.code == 0)
    }

    @Test func jobsThatEndBySayingSoAreNotStartedAgain() async throws {
        try await harness.startServer()
        let short = try await submit("short", [])
        #expect(short.code == 0 && short.output.hasSuffix("FINISHED\n"), "\(short.output) \(short.errors)")
        let broken = try await submit("broken", ["--set", "restart.strategy=none"])
        #expect(broken.code == 6)
        #expect(broken.errors.contains("the record is bad"), "\(broken.errors)")
        let id = JobID(namespace: "default", jobName: "broken").rawValue
        let exceptions = try await harness.http("GET", "/jobs/\(id)/exceptions").object
        #expect((exceptions["root-exception"] as? String)?.contains("the record is bad") == true)
        let unknown = try await submit("countig")
        #expect(unknown.code == 2 && unknown.errors.contains("Did you mean 'counting'?"))
    }

    @Test func aRescaledJobKeepsItsState() async throws {
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        try await harness.eventually("it counts") { try totals().values.reduce(0, +) > 100 }
        let rescaled = try await harness.run(["rescale", "counting", "--parallelism", "3", "--wait"])
        #expect(rescaled.code == 0, "\(rescaled.errors)")
        let before = try totals().values.reduce(0, +)
        let details = try await harness.http("GET", "/jobs/\(counting)").object
        let widths = (details["vertices"] as? [[String: Any]])?.compactMap { $0["parallelism"] as? Int }
        #expect(widths?.max() == 3)
        try await harness.eventually("it counts on") { try totals().values.reduce(0, +) > before + 100 }
        let tooMany = try await harness.run(["rescale", "counting", "--parallelism", "1000"])
        #expect(tooMany.code == 2 && tooMany.errors.contains("128 key groups"), "\(tooMany.errors)")
    }

    @Test func aRescaledJobLeavesASavepointWhereOneIsAskedFor() async throws {
        func widest() async throws -> Int? {
            let details = try await harness.http("GET", "/jobs/\(counting)").object
            return (details["vertices"] as? [[String: Any]])?.compactMap { $0["parallelism"] as? Int }.max()
        }
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        try await harness.eventually("it counts") { try totals().values.reduce(0, +) > 100 }
        let mine = harness.folder.path + "/mine"
        let rescaled = try await harness.run([
            "rescale", "counting", "--parallelism", "2", "--savepoint-dir", mine, "--wait", "--output", "json",
        ])
        #expect(rescaled.code == 0, "\(rescaled.errors)")
        let report = try JSONSerialization.jsonObject(with: Data(rescaled.output.utf8)) as? [String: Any]
        let savepoint = try #require(report?["location"] as? String, "\(rescaled.output)")
        #expect(savepoint.hasPrefix(mine + "/savepoint-") && FileManager.default.fileExists(atPath: savepoint))
        #expect(try await widest() == 2)
        let before = try totals().values.reduce(0, +)
        try await harness.eventually("it counts on") { try totals().values.reduce(0, +) > before + 100 }

        // One that cannot be written is the request's failure, not the job's.
        let file = try harness.folder.write("file", "")
        let failed = try await harness.run([
            "rescale", "counting", "--parallelism", "3", "--savepoint-dir", file + "/x", "--wait",
        ])
        #expect(failed.code == 1, "\(failed.output)")
        try await harness.eventually("it runs with the new parallelism") {
            guard try await harness.job("counting")?["state"] as? String == "RUNNING" else { return false }
            return try await widest() == 3
        }
        let relative = try await harness.http(
            "PATCH", "/jobs/\(counting)/rescaling?parallelism=2", body: #"{"targetDirectory": "here"}"#)
        #expect(relative.status == 400 && relative.errors.first?.contains("'here'") == true)
    }

    @Test func aSavepointIsWrittenWhileTheJobRunsAndAnotherJobStartsFromIt() async throws {
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        try await harness.eventually("it counts") { try totals().values.reduce(0, +) > 100 }
        let written = try await harness.run(["savepoint", "counting"])
        #expect(written.code == 0, "\(written.errors)")
        let path = written.output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(path.hasPrefix(harness.registryFolder + "/savepoints/"), "\(path)")
        #expect(try await harness.job("counting")?["state"] as? String == "RUNNING")

        let stopped = try await harness.run([
            "stop", "counting", "--wait", "--savepoint-dir", harness.folder.path + "/mine",
        ])
        #expect(
            stopped.code == 0 && stopped.output.contains("savepoint: \(harness.folder.path)/mine/"),
            "\(stopped.output) \(stopped.errors)")
        let last = try #require(try totals()[3])
        let end = try #require(stopped.output.split(separator: " ").last).trimmingCharacters(in: .whitespacesAndNewlines)
        let other = try await submit("counting", ["-d", "--namespace", "b", "--from-savepoint", end, "--parallelism", "2"])
        #expect(other.code == 0, "\(other.errors)")
        try await harness.eventually("it counts on") { (try totals()[3] ?? 0) > last + 5 }
        // A count that begins anew would show as a smaller one.
        let counts = try String(contentsOfFile: harness.folder.path + "/counts.txt", encoding: .utf8)
            .split(separator: "\n").filter { $0.hasPrefix("3 ") }.compactMap { Int($0.dropFirst(2)) }
        #expect(counts.filter { $0 == 1 }.count == 1)
    }

    @Test func aSavepointThatCannotBeWrittenIsAnErrorAndTheJobRunsOn() async throws {
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        let file = try harness.folder.write("file", "")
        let refused = try await harness.run(["savepoint", "counting", "--savepoint-dir", file + "/x"])
        #expect(refused.code == 1, "\(refused.output)")
        let relative = try await harness.http("POST", "/jobs/\(counting)/savepoints", body: #"{"target-directory": "here"}"#)
        #expect(relative.status == 400 && relative.errors.first?.contains("'here'") == true)
        #expect(try await harness.job("counting")?["state"] as? String == "RUNNING")
    }

    @Test func aCheckpointCanBeAskedFor() async throws {
        try await harness.startServer()
        #expect(try await harness.run(["submit", "counting", "-d", "--checkpoint-interval", "1h"]).code == 0)
        #expect(try await checkpoint() == 0)
        let taken = try await harness.run(["checkpoint", "counting", "--wait"])
        #expect(taken.code == 0 && taken.output.contains("/chk-"), "\(taken.output) \(taken.errors)")
        #expect(try await checkpoint() > 0)
    }

    @Test func aJobThatHasEndedIsNotCancelledUnlessItWas() async throws {
        try await harness.startServer()
        #expect(try await harness.run(["submit", "short"]).code == 0)
        let finished = try await harness.run(["cancel", "short", "--wait"])
        #expect(
            finished.code == 1 && finished.errors.contains("has ended already: finished"), "\(finished.output)\(finished.errors)")
        let id = JobID(namespace: "default", jobName: "short").rawValue
        #expect(try await harness.http("PATCH", "/jobs/\(id)?mode=cancel").status == 409)
        #expect(try await harness.job("short")?["state"] as? String == "FINISHED")

        #expect(try await submit("counting").code == 0)
        #expect(try await harness.run(["cancel", "counting", "--wait"]).code == 0)
        #expect(try await harness.run(["cancel", "counting", "--wait"]).code == 0)
        #expect(try await harness.run(["stop", "counting"]).code == 1)
    }

    @Test func logLevelsOfARunningJobAreShownAndSet() async throws {
        try await harness.startServer()
        #expect(try await submit("counting", ["--detached", "--set", "log.levels=weir.metrics=error"]).code == 0)
        let shown = try await harness.run(["log-level", "counting"])
        #expect(
            shown.code == 0 && shown.output.contains("default       info") && shown.output.contains("weir.metrics  error"),
            "\(shown.output)\(shown.errors)")

        let set = try await harness.run(["log-level", "counting", "chatter=debug", "weir.metrics=default", "--output", "json"])
        let reading = try JSONDecoder().decode(LogLevels.Reading.self, from: Data(set.output.utf8))
        #expect(reading == LogLevels.Reading(default: "info", levels: ["chatter": "debug"]))
        try await harness.eventually("the job's debug lines are written") {
            try await harness.run(["logs", "counting"]).output.contains("a line nobody needs")
        }

        let path = "/v1/jobs/\(counting)/log-levels"
        #expect(try await harness.http("GET", path).object["levels"] as? [String: String] == ["chatter": "debug"])
        for body in [#"{"levels":{"a":"loud"}}"#, #"{"levels":{"":"info"}}"#, #"{"levels":{"default":"default"}}"#, "{}", "[]"] {
            #expect(try await harness.http("PATCH", path, body: body).status == 400, "\(body)")
        }
        #expect(try await harness.run(["log-level", "counting", "weir=loud"]).code == 2)
        #expect(try await harness.run(["log-level", "counting", "weir"]).code == 2)
        #expect(try await harness.run(["cancel", "counting", "--wait"]).code == 0)
        #expect(try await harness.http("PATCH", path, body: #"{"levels":{"a":"info"}}"#).status == 409)
        #expect(try await harness.http("GET", path).status == 409)
    }

    @Test func latenciesAndWhatIsSentAreShownWhereThereAreSome() async throws {
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        try await harness.eventually("a latency is known at the sink") {
            let vertices = try await harness.http("GET", "/jobs/\(counting)").object["vertices"] as? [[String: Any]]
            return (vertices?.last?["weir"] as? [String: Any])?["latencyP99Seconds"] is Double
        }
        for command in [["describe", "counting"], ["top", "counting", "--count", "1"]] {
            let run = try await harness.run(command)
            let lines = run.output.split(separator: "\n")
            let header = try #require(lines.first { $0.hasPrefix("CHAIN") })
            #expect(header.contains("P50") && header.contains("P99 ") && header.contains("P99.9"))
            let sink = try #require(lines.first { $0.hasPrefix("counts") }, "\(run.output)")
            #expect(sink.contains(" - ") && sink.contains("s"), "\(sink)")
        }
        // A view of `top` has the operators below their chain; two views apart they have a rate.
        try await harness.eventually("the operators have rates") {
            let top = try await harness.run(["top", "counting", "--count", "1", "--output", "json"])
            let document = try JSONSerialization.jsonObject(with: Data(top.output.utf8)) as? [String: Any]
            let chains = document?["chains"] as? [[String: Any]]
            let first = chains?.first?["operators"] as? [[String: Any]]
            let last = chains?.last?["operators"] as? [[String: Any]]
            guard first?.first?["id"] as? String == "numbers", last?.first?["id"] as? String == "counts" else { return false }
            return ((first?.first?["recordsOutPerSecond"] as? NSNumber)?.doubleValue ?? 0) > 0
                && ((last?.first?["recordsInPerSecond"] as? NSNumber)?.doubleValue ?? 0) > 0
        }
        let top = try await harness.run(["top", "counting", "--count", "1"])
        #expect(top.output.contains("\n  numbers ") && top.output.contains("\n  counts "), "\(top.output)")
        // Flink's own field stays what Flink's clients expect.
        let vertices = try await harness.http("GET", "/jobs/\(counting)").object["vertices"] as? [[String: Any]]
        #expect((vertices?.last?["metrics"] as? [String: Any])?["write-records"] as? Int == 0)
        #expect((vertices?.last?["weir"] as? [String: Any])?["hasReaders"] as? Bool == false)
    }

    @Test func theApiOfAJobsProcessWantsItsToken() async throws {
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        let path = harness.registryFolder + "/jobs/\(counting)/control.json"
        let data = try #require(FileManager.default.contents(atPath: path))
        let file = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        let base = "http://127.0.0.1:\(try #require(file["port"] as? Int))/control/jobs"
        for (method, path) in [("GET", ""), ("GET", "/\(counting)"), ("POST", "/\(counting)/cancel")] {
            #expect(try await harness.http(method, path, base: base).status == 401)
            #expect(
                try await harness.http(method, path, headers: ["Authorization": "Bearer x"], base: base).status == 401)
        }
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test func aProcessWithoutATokenCanBeReadAndNotChanged() async throws {
        async let outside = harness.run([
            "run", "counting", "--for", "100s", "--metrics-port", "0", "--set", "control.file=\(harness.folder.path)/c.json",
        ])
        var port = 0
        var pid: Int32 = 0
        try await harness.eventually("it says where it is") {
            guard let data = FileManager.default.contents(atPath: harness.folder.path + "/c.json"),
                let file = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
            else { return false }
            port = file["port"] as? Int ?? 0
            pid = ((file["process"] as? [String: Any])?["pid"] as? Int).map(Int32.init) ?? 0
            return port > 0 && pid > 0
        }
        let base = "http://127.0.0.1:\(port)/control/jobs"
        for method in ["GET", "HEAD"] {
            #expect(try await harness.http(method, "/\(counting)", base: base).status == 200, "\(method)")
        }
        // A page elsewhere, under a name of its own for this machine.
        let foreign = try await harness.http("GET", "/\(counting)", headers: ["Host": "evil.example"], base: base)
        #expect(foreign.status == 403, "\(foreign.body)")
        #expect(try await harness.http("GET", "/\(String(repeating: "0", count: 32))", base: base).status == 404)
        for verb in ["cancel", "stop", "checkpoint"] {
            #expect(try await harness.http("POST", "/\(counting)/\(verb)", body: "{}", base: base).status == 403)
        }
        kill(pid, SIGTERM)
        #expect(try await outside.code == 0)
        let end = try #require(FileManager.default.contents(atPath: harness.folder.path + "/c.json"))
        #expect(String(decoding: end, as: UTF8.self).contains("\"end\""))
    }

    @Test func aStoppedProcessIsShownAsSilentAndACancelKillsIt() async throws {
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        let pid = try #require(try await harness.pid("counting"))
        kill(pid, SIGSTOP)
        try await harness.eventually("it is seen not to answer") {
            try await harness.own("counting")["reason"] as? String == "its process does not answer"
        }
        for command in [["checkpoint", "counting"], ["log-level", "counting", "weir=debug"]] {
            let silent = try await harness.run(command)
            #expect(silent.code == 5 && silent.errors.contains("the job's process does not answer"), "\(silent.errors)")
        }
        #expect(try await harness.run(["cancel", "counting", "--wait", "--timeout", "30s"]).code == 0)
        #expect(kill(pid, 0) != 0)
    }

    /// The order is the first server's, the job's end is the second's to see; who waits is told so, and not that he asked wrongly.
    @Test func whoWaitsIsToldWhenAnotherServerHasTakenOver() async throws {
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        let pid = try #require(try await harness.pid("counting"))
        kill(pid, SIGSTOP)
        defer { kill(pid, SIGCONT) }
        let port = try #require(harness.url.split(separator: ":").last)
        let waiting = try harness.start(["savepoint", "counting"])
        try await harness.eventually("it waits for the savepoint") {
            try String(contentsOfFile: waiting.output + ".err", encoding: .utf8).contains("writing a savepoint")
        }
        try await harness.stopServer(SIGKILL)
        try await harness.startServer(["--port", String(port)])
        try await harness.eventually("it ends") { !waiting.process.isRunning }
        let errors = try String(contentsOfFile: waiting.output + ".err", encoding: .utf8)
        #expect(waiting.process.terminationStatus == 5 && errors.contains("has forgotten what it was asked"), "\(errors)")
    }

    @Test func commandsSayWhenNoServerAnswersOrTheTimeIsOver() async throws {
        let unreachable = try await harness.run(["list", "--server", "http://127.0.0.1:9"])
        #expect(unreachable.code == 4 && unreachable.errors.contains("no weir server answers at http://127.0.0.1:9"))
        #expect(try await harness.run(["list", "--server", "ftp://x"]).code == 2)
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        let pid = try #require(try await harness.pid("counting"))
        kill(pid, SIGSTOP)
        let late = try await harness.run(["stop", "counting", "--wait", "--timeout", "500ms"])
        #expect(late.code == 5)
        kill(pid, SIGCONT)
        try await harness.waitUntil("counting", is: "FINISHED")
    }

    @Test func inAPipeAWaitingCommandSaysSoBesideItsResult() async throws {
        try await harness.startServer()
        #expect(try await submit("counting").code == 0)
        let pid = try #require(try await harness.pid("counting"))
        kill(pid, SIGSTOP)
        let stop = try harness.start(["stop", "counting", "--wait", "--output", "json"])
        try await harness.eventually("it says that it waits") {
            try String(contentsOfFile: stop.output + ".err", encoding: .utf8).hasPrefix("stopping 'counting' … ")
        }
        kill(pid, SIGCONT)
        try await harness.eventually("it ends") { !stop.process.isRunning }
        #expect(stop.process.terminationStatus == 0)
        let errors = try String(contentsOfFile: stop.output + ".err", encoding: .utf8)
        #expect(!errors.contains("\r") && errors.hasSuffix("\n"), "\(errors)")
        let result = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: stop.output))) as? [String: Any]
        #expect(result?["outcome"] as? String == "stopped")
    }

    @Test func aServerBoundElsewhereNeedsATokenAndAsksForIt() async throws {
        let refused = try await harness.run(["server", "--port", "0", "--host", "0.0.0.0"])
        #expect(refused.code == 2 && refused.errors.contains("give the server a token"))
        try await harness.startServer(["--host", "0.0.0.0"], environment: ["WEIR_SERVER_TOKEN": "s3cret"])
        let url = harness.url.replacing("0.0.0.0", with: "127.0.0.1")
        #expect(try await harness.run(["list", "--server", url]).code == 4)
        let token = try harness.folder.write("token", "s3cret\n")
        #expect(try await harness.run(["list", "--server", url, "--token-file", token]).code == 0)
        for path in ["/metrics", "/prometheus/targets"] {
            #expect(try await harness.http("GET", path, base: url).status == 401)
            #expect(try await harness.http("GET", path, headers: ["Authorization": "Bearer s3cret"], base: url).status == 200)
        }
        #expect(try await harness.run(["list", "--server", url], environment: ["WEIR_SERVER_TOKEN": "s3cret"]).code == 0)
    }
}
