import ArgumentParser
import Foundation
import StreamRuntime
import WeirKit

/// What a command has done to a job: a sentence, or with `--output json` this document.
struct JobOutcomeReport: Encodable {
    let id: String
    let name: String
    /// `stopping`, `stopped`, …: a word for what was asked for, or has happened.
    let outcome: String
    /// Of a checkpoint or savepoint, on the server's machine.
    var location: String?
    /// By which the server knows what was asked for, while it is not done.
    var request: String?

    init(_ job: ListedJob, _ outcome: String, location: String? = nil, request: String? = nil) {
        id = job.jid
        name = job.name
        self.outcome = outcome
        self.location = location
        self.request = request
    }
}

extension OutputFlags {
    func say(_ text: String, _ report: JobOutcomeReport) throws {
        print(isJSON ? try JSONOutput.text(report) : text)
    }
}

/// `cancel JOB`.
struct CancelCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "cancel", abstract: "End a job at once, without a further checkpoint.",
            discussion: """
                What is not in its last checkpoint is done again when the job is submitted again; 'stop' takes one first. A \
                process that does not end within ten seconds is killed, which is as safe. A job that has ended otherwise is an \
                error (exit code 1), one that was cancelled before is not.

                EXAMPLES
                  \(App.commandName) cancel word-count --wait
                  \(App.commandName) cancel 5f3a --timeout 30s --wait
                """)
    }

    @OptionGroup var target: JobArguments
    @OptionGroup var waiting: WaitFlags
    @OptionGroup var format: OutputFlags

    func run() async throws {
        let deadline = try waiting.deadline()
        let (client, job) = try await target.find(App.self)
        try await client.send(.PATCH, "/jobs/\(job.jid)?mode=cancel")
        if waiting.wait { _ = try await client.wait(for: job.jid, deadline, WaitingLine("cancelling '\(job.name)'"), \.isEnded) }
        let outcome = waiting.wait ? "cancelled" : "cancelling"
        try format.say("\(outcome) '\(job.name)' (\(job.jid))", JobOutcomeReport(job, outcome))
    }
}

/// `checkpoint JOB`.
struct CheckpointCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "checkpoint", abstract: "Take a checkpoint now.",
            discussion: """
                With --wait it prints where the checkpoint's manifest is.

                EXAMPLES
                  \(App.commandName) checkpoint word-count --wait
                """)
    }

    @OptionGroup var target: JobArguments
    @OptionGroup var waiting: WaitFlags
    @OptionGroup var format: OutputFlags

    func run() async throws {
        let deadline = try waiting.deadline()
        let (client, job) = try await target.find(App.self)
        let request = try await client.begin(.POST, "/jobs/\(job.jid)/checkpoints")
        guard waiting.wait else {
            return try format.say(
                "a checkpoint of '\(job.name)' was asked for", JobOutcomeReport(job, "asked", request: request))
        }
        let line = WaitingLine("taking a checkpoint of '\(job.name)'")
        let location = try await client.wait(for: job.jid, "checkpoints/\(request)", deadline, line).location
        try format.say(location ?? "done", JobOutcomeReport(job, "taken", location: location))
    }
}

/// `rescale JOB --parallelism N`.
struct RescaleCommand<App: WeirApplication>: AsyncParsableCommand {
    private struct Order: Encodable { let targetDirectory: String? }

    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "rescale", abstract: "Change a job's parallelism: stop it with a checkpoint, start it again.",
            discussion: """
                The parallelism may be up to the job's parallelism.max, which its first checkpoint fixed. State moves with its \
                keys; nothing is lost or done twice. The last checkpoint is as good for that as a savepoint, and costs what \
                changed instead of what there is; with --savepoint-dir a savepoint of the same moment is kept as well, for a \
                way back.

                EXAMPLES
                  \(App.commandName) rescale word-count --parallelism 4 --wait
                  \(App.commandName) rescale word-count --parallelism 4 --savepoint-dir /backup --wait
                """)
    }

    @OptionGroup var target: JobArguments
    @Option(name: .shortAndLong, help: "The new parallelism.") var parallelism: Int
    @Option(
        help: ArgumentHelp("Write a savepoint of the end into this folder of the server's machine, too.", valueName: "folder"))
    var savepointDir: String?
    @OptionGroup var waiting: WaitFlags
    @OptionGroup var format: OutputFlags

    func run() async throws {
        let deadline = try waiting.deadline()
        let (client, job) = try await target.find(App.self)
        let request = try await client.begin(
            .PATCH, "/jobs/\(job.jid)/rescaling?parallelism=\(parallelism)",
            body: Order(targetDirectory: savepointDir.map(AbsolutePath.of)))
        guard waiting.wait else {
            return try format.say(
                "'\(job.name)' (\(job.jid)) is started again with parallelism \(parallelism)",
                JobOutcomeReport(job, "restarting", request: request))
        }
        let line = WaitingLine("rescaling '\(job.name)'")
        let location = try await client.wait(for: job.jid, "rescaling/\(request)", deadline, line).location
        try format.say(
            "'\(job.name)' (\(job.jid)) runs with parallelism \(parallelism)" + (location.map { "; savepoint: \($0)" } ?? ""),
            JobOutcomeReport(job, "running", location: location))
    }
}

/// `forget JOB`.
struct ForgetCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "forget", abstract: "Remove an ended job from the server's list.",
            discussion: """
                Its logs go; its checkpoints stay, and it may be submitted again. A job that runs is refused.

                EXAMPLES
                  \(App.commandName) forget word-count
                """)
    }

    @OptionGroup var target: JobArguments
    @OptionGroup var format: OutputFlags

    func run() async throws {
        let (client, job) = try await target.find(App.self)
        try await client.send(.DELETE, "/jobs/\(job.jid)")
        try format.say("forgot '\(job.name)' (\(job.jid))", JobOutcomeReport(job, "forgotten"))
    }
}

/// `logs JOB [-f]`.
struct LogsCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "logs", abstract: "Show a job's log: its last 64 KiB, and with -f what comes after.",
            discussion: """
                The log is as the job's process wrote it: JSON lines unless its log.format says otherwise. -f follows it through \
                rotation and restarts.

                EXAMPLES
                  \(App.commandName) logs word-count -f
                  \(App.commandName) logs word-count | jq -r 'select(.level == "error") | .message'
                """)
    }

    @OptionGroup var target: JobArguments
    @Flag(name: .shortAndLong, help: "Go on until the job has ended.") var follow = false

    func run() async throws {
        let (client, job) = try await target.find(App.self)
        var cursor: String?
        var isOver = false
        while true {
            let answer = try await client.text("/v1/jobs/\(job.jid)/logs" + (cursor.map { "?from=\($0)" } ?? ""))
            try StandardOutput.write(answer.data)
            cursor = answer.headers.first(name: "Weir-Log-Next") ?? cursor
            guard answer.data.isEmpty else { continue }
            if !follow || isOver { return }
            isOver = try await client.job(job.jid).isEnded  // then once more: what it said last
            try await Task.sleep(for: .milliseconds(300))
        }
    }
}
