import ControlPlane
import StreamRuntime
import Testing

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
            { $0.name = "x\u{0}y" }, { $0.name = "\u{1B}[2Jx" }, { $0.executable = "/bin/true\u{0}x" },
            { $0.workingDirectory = "/\u{0}" }, { $0.executable = "true" },
            { $0.executable = "/no/such/file" }, { $0.workingDirectory = "here" },
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
                "WEIR_LOG_FILE": "/f/job.log", "WEIR_CLICKHOUSE_USER": "app", "HELD_BY_WEIR_SERVER": "stdin",
            ])
    }
}
