import ControlPlane
import Foundation
import StreamRuntime
import TestKit
import Testing
import WeirKit

@Suite struct AccessRuleTests {
    @Test func withoutATokenOnlyThisMachineMayAskAndNoForeignPageMayChange() {
        let rule = AccessRule(token: nil)
        func refused(_ method: String, _ host: String?, origin: String? = nil) -> Bool {
            rule.refusal(
                method: method == "GET" ? .get : .post, host: host, origin: origin, authorization: nil) != nil
        }
        for host in ["localhost", "localhost:8081", "127.0.0.1:8081", "127.1.2.3", "[::1]:8081", "[::1]"] {
            #expect(!refused("GET", host), "\(host)")
            #expect(!refused("POST", host), "\(host)")
            #expect(!refused("POST", host, origin: "http://\(host)"), "\(host)")
            #expect(!refused("GET", host, origin: "http://evil.example"), "\(host)")
            for origin in ["http://evil.example", "null", "https://\(host)", "http://localhost:9999"] {
                #expect(refused("POST", host, origin: origin), "\(host) \(origin)")
            }
        }
        for host in [
            nil, "", "evil.example", "evil.example:8081", "127.0.0.1.evil.example", "1270.0.0.1", "127.0.0", "10.0.0.1", "[::2]",
        ] {
            #expect(refused("GET", host), "\(host ?? "-")")
        }
    }

    @Test func aTokenIsAskedOfEveryone() {
        let rule = AccessRule(token: "secret")
        func status(_ authorization: String?) -> Int? {
            rule.refusal(method: .get, host: "weir.example", origin: nil, authorization: authorization)?.status.code
        }
        for right in ["Bearer secret", "bearer secret", "BEARER secret"] { #expect(status(right) == nil, "\(right)") }
        for wrong in [
            nil, "", "secret", "Bearer ", "Bearer secre", "Bearer secret2", "Bearersecret", "Bearer Secret", "Basic secret",
        ] {
            #expect(status(wrong) == 401)
        }
    }
}

@Suite struct SubmissionTests {
    private func submission(_ change: (inout Submission) -> Void = { _ in }) -> Submission {
        var submission = Submission(name: "job", executable: "/bin/true", workingDirectory: "/")
        change(&submission)
        return submission
    }

    @Test func itsJobsIdIsTheProcessesOwn() throws {
        #expect(try submission().jobID() == JobID(namespace: "default", jobName: "job"))
        #expect(try submission { $0.settings["namespace"] = "a" }.jobID() == JobID(namespace: "a", jobName: "job"))
        let id = String(repeating: "a", count: 32)
        #expect(try submission { $0.settings["job.id"] = id }.jobID().rawValue == id)
        #expect(throws: ControlError.self) { try submission { $0.settings["job.id"] = "A" }.jobID() }
    }

    @Test func whatCannotBeRunIsRefused() throws {
        try submission { $0.startArguments = ["--from-checkpoint", "12", "--accept-replay"] }.check()
        let wrong: [(inout Submission) -> Void] = [
            { $0.name = "" }, { $0.name = "--version" }, { $0.name = String(repeating: "x", count: 201) },
            { $0.executable = "true" }, { $0.executable = "/no/such/file" }, { $0.workingDirectory = "here" },
            { $0.settings["Upper"] = "1" }, { $0.settings["a b"] = "1" }, { $0.settings["a"] = "x\u{0}y" },
            { $0.secrets[""] = "1" }, { $0.startArguments = ["--set", "a=b"] }, { $0.startArguments = ["a\u{0}"] },
        ]
        for (index, change) in wrong.enumerated() {
            #expect(throws: ControlError.self, "\(index)") { try submission(change).check() }
        }
    }

    @Test func theRestartStrategyIsTheJobsOwn() throws {
        #expect(try submission().restartStrategy() == .exponential())
        let failureRate = submission {
            $0.settings = ["restart.strategy": "failure-rate", "restart.failures": "2", "parallelism": "3"]
        }
        #expect(try failureRate.restartStrategy() == .failureRate(failures: 2, perMillis: 300_000, delayMillis: 100))
        #expect(throws: ControlError.self) { try submission { $0.settings["restart.strategy"] = "maybe" }.restartStrategy() }
    }

    @Test func settingsTravelAsVariablesAndSecretsNowhereElse() throws {
        let record = JobRecord(
            id: JobID(namespace: "default", jobName: "job"),
            submission: submission {
                $0.settings = ["checkpoint.interval": "250ms"]
                $0.secrets = ["a.password": "hunter2"]
                $0.startArguments = ["--from-checkpoint", "12"]
            }, state: .launching, createdAtMillis: 0, controlToken: "t0ken")
        let surroundings = [
            "PATH": "/bin", "WEIR_SERVER_TOKEN": "the server's", "WEIR_PARALLELISM": "9", "WEIR_CLICKHOUSE_USER": "app",
        ]
        let first = JobLaunch(record, folder: "/f", surroundings: surroundings)
        #expect(first.arguments == ["run", "job", "--from-checkpoint", "12"])
        #expect(
            first.environment == [
                "PATH": "/bin", "WEIR_CHECKPOINT_INTERVAL": "250ms", "WEIR_A_PASSWORD": "hunter2", "WEIR_METRICS_ENABLED": "true",
                "WEIR_METRICS_PORT": "0", "WEIR_CONTROL_FILE": "/f/control.json", "WEIR_CONTROL_TOKEN": "t0ken",
                "WEIR_LOG_FILE": "/f/job.log", "WEIR_CLICKHOUSE_USER": "app",
            ])
    }
}

@Suite struct LogReaderTests {
    private let folder = TemporaryFolder()

    @Test func aReaderFollowsALogThroughItsRotation() throws {
        let path = try folder.write("job.log", "one\n")
        let first = try LogReader.read(path, from: nil)
        #expect(String(decoding: first.bytes, as: UTF8.self) == "one\n")
        try append("two\n", path)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".1")
        try folder.write("job.log", "three\n")
        let second = try LogReader.read(path, from: first.next)
        #expect(String(decoding: second.bytes, as: UTF8.self) == "two\n")
        let third = try LogReader.read(path, from: second.next)
        #expect(String(decoding: third.bytes, as: UTF8.self) == "three\n")
        let last = try LogReader.read(path, from: third.next)
        #expect(last.bytes.isEmpty && last.next == third.next)
    }

    @Test func aLogThatWasEmptiedIsReadFromItsBeginning() throws {
        let path = try folder.write("job.log", "one\ntwo\n")
        let first = try LogReader.read(path, from: nil)
        #expect(truncate(path, 0) == 0)
        let none = try LogReader.read(path, from: first.next)
        #expect(none.bytes.isEmpty)
        try append("three\n", path)
        #expect(String(decoding: try LogReader.read(path, from: none.next).bytes, as: UTF8.self) == "three\n")
        // Not looked at in between.
        #expect(String(decoding: try LogReader.read(path, from: first.next).bytes, as: UTF8.self) == "three\n")
    }

    @Test func aPlaceIsFoundWhileFilesAreSetAside() throws {
        let path = try folder.write("job.log", "one\n")
        let first = try LogReader.read(path, from: nil)
        try append("two\n", path)
        try FileManager.default.moveItem(atPath: path, toPath: path + ".2")
        try folder.write("job.log", "three\n")
        #expect(String(decoding: try LogReader.read(path, from: first.next).bytes, as: UTF8.self) == "two\n")
    }

    @Test func aPlaceThatIsGoneIsTheOldestThereIs() throws {
        let path = try folder.write("job.log", "new\n")
        try folder.write("job.log.1", "older\n")
        let chunk = try LogReader.read(path, from: "1-77")
        #expect(String(decoding: chunk.bytes, as: UTF8.self) == "older\n")
    }

    @Test func theFirstReadIsTheTailInWholeLines() throws {
        let line = String(repeating: "x", count: 99) + "\n"
        let path = try folder.write("job.log", String(repeating: line, count: 2000))
        let text = String(decoding: try LogReader.read(path, from: nil).bytes, as: UTF8.self)
        #expect(text.count <= LogReader.tailBytes && text.count > LogReader.tailBytes - 100)
        #expect(text.count % 100 == 0)
    }

    @Test func aLogThatIsNotThereYetIsEmptyAndABadCursorRefused() throws {
        let path = folder.path + "/none.log"
        let chunk = try LogReader.read(path, from: nil)
        #expect(chunk.bytes.isEmpty)
        #expect(try LogReader.read(path, from: chunk.next).bytes.isEmpty)
        for cursor in ["", "x", "1", "1-", "1--2", "1-2-3"] {
            #expect(throws: ControlError.self, "\(cursor)") { try LogReader.read(path, from: cursor) }
        }
    }

    private func append(_ text: String, _ path: String) throws {
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }
}

@Suite struct WaitingTests {
    @Test func itSaysHowLongAlreadyOrHowFar() {
        #expect(WaitingText.line("stopping 'a'", seconds: 75, of: nil, state: nil) == "stopping 'a' … 1m 15s")
        #expect(WaitingText.line("stopping 'a'", seconds: 7, of: nil, state: "STOPPING") == "stopping 'a' … 7s (STOPPING)")
        let half = String(repeating: "█", count: 15) + String(repeating: "░", count: 15)
        #expect(WaitingText.line("watching 'a'", seconds: 5, of: 10, state: "RUNNING") == "watching 'a' \(half) 5 of 10 s")
        let full = String(repeating: "█", count: 30)
        #expect(WaitingText.line("watching 'a'", seconds: 12, of: 10, state: nil) == "watching 'a' \(full) 10 of 10 s")
        #expect(WaitingText.plain("watching 'a'", seconds: 5, of: 10, state: "RUNNING") == "watching 'a' … 5s of 10s (RUNNING)")
    }

    /// Asked every second, in the state that it has from a second on.
    private func told(_ states: [(from: Int, String)], seconds: Int) -> [Int] {
        var progress = PlainProgress()
        return (0...seconds).filter { second in
            progress.isDue(states.last { $0.from <= second }?.1, atSeconds: second)
        }
    }

    @Test func inAPipeAStateIsToldOnceAndThenMoreAndMoreSeldom() {
        #expect(told([(0, "RUNNING")], seconds: 1) == [])
        #expect(told([(0, "RUNNING")], seconds: 100) == [2, 7, 17, 37, 77])
        #expect(told([(0, "RUNNING")], seconds: 3600).count == 17)
    }

    @Test func inAPipeAnotherStateIsToldTwoSecondsAfterTheLastAtLeast() {
        #expect(told([(0, "RUNNING"), (5, "STOPPING")], seconds: 11) == [2, 5, 10])
        #expect(told([(0, "RUNNING"), (3, "STOPPING")], seconds: 5) == [2, 4])
        let flickering = (0...60).map { (from: $0, $0.isMultiple(of: 2) ? "A" : "B") }
        #expect(told(flickering, seconds: 60).count <= 30)
    }
}

@Suite struct ScaffoldTests {
    @Test func aNewPackageHasAJobItsTestAndTheCommands() {
        let files = Scaffold(name: "my-jobs", weir: "/weir").files
        #expect(
            files.keys.sorted() == [
                ".gitignore", "Package.swift", "README.md", "Sources/my-jobs/App.swift", "Sources/my-jobs/WordCount.swift",
                "Tests/my-jobs-tests/WordCountTests.swift", "words.txt",
            ])
        #expect(files["Package.swift"]?.contains(".package(name: \"weir\", path: \"/weir\")") == true)
        #expect(files["Tests/my-jobs-tests/WordCountTests.swift"]?.contains("import my_jobs\n") == true)
        #expect(files["Sources/my-jobs/WordCount.swift"]?.contains("\"\\($0.key) \\($0.value)\"") == true)
        let url = Scaffold(name: "a", weir: "https://example.com/weir.git").files["Package.swift"]
        #expect(url?.contains(".package(url: \"https://example.com/weir.git\", branch: \"main\")") == true)
    }

    @Test func namesThatSwiftOrTheShellWouldNotTakeAreRefused() {
        for name in ["a", "my-jobs", "jobs2"] { #expect(Scaffold.isName(name)) }
        for name in ["", "2a", "-a", "A", "a b", "a/b", "../a", "ä", String(repeating: "a", count: 51)] {
            #expect(!Scaffold.isName(name), "\(name)")
        }
    }
}
