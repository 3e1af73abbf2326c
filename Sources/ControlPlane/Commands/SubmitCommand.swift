import ArgumentParser
import Foundation
import StreamRuntime
import UntrustedJSON
import WeirKit

/// `submit JOB`: this executable's job, run by a server.
struct SubmitCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "submit", abstract: "Run a job under a weir server.",
            discussion: """
                The server starts this executable with the settings as they are resolved here: defaults, file, variables and \
                flags. Relative paths count from this folder. Waits until the job has ended, unless --detached is given; \
                Ctrl-C only ends the waiting, the job runs on.

                EXAMPLES
                  \(App.commandName) submit word-count --detached --parallelism 2
                  \(App.commandName) submit word-count --server http://10.0.0.7:8081 --token-file token
                  \(App.commandName) submit word-count --from-savepoint /backup/savepoint-42-5f3a… --detached --output json
                """)
    }

    @Argument(help: "The job's name; 'jobs' lists them.", completion: .list(App.jobs.map { $0.name }))
    var job: String
    @OptionGroup(title: "Settings")
    var flags: ConfigurationFlags
    @Option(help: ArgumentHelp("The weir server (also: WEIR_SERVER_URL; default http://127.0.0.1:8081).", valueName: "url"))
    var server: String?
    @Option(help: ArgumentHelp("File with the server's token (also: WEIR_SERVER_TOKEN).", valueName: "file"))
    var tokenFile: String?
    @Option(help: ArgumentHelp("Start from this checkpoint: its id, or its epoch.", valueName: "id"))
    var fromCheckpoint: String?
    @Option(help: ArgumentHelp("Start from the savepoint in this folder.", valueName: "folder"))
    var fromSavepoint: String?
    @Flag(help: "With --from-checkpoint or --from-savepoint: outputs after it may be emitted again.")
    var acceptReplay = false
    @Flag(help: "Drop stored operators and states that the job does not have, instead of refusing to start.")
    var allowNonRestoredState = false
    @Flag(name: .shortAndLong, help: "Return once the job runs.")
    var detached = false
    @Option(
        help: ArgumentHelp("--detached: give up waiting for the job to run after this time (exit code 5).", valueName: "duration")
    )
    var timeout = "60s"
    @OptionGroup var format: OutputFlags

    private struct Accepted: Decodable { let jobid: String }
    private struct Result: Encodable {
        let id: String
        let name: String
        let state: String
    }

    func run() async throws {
        // Refused before anything runs.
        if detached { _ = try WaitFlags.deadline(timeout) }
        let type = try App.job(named: job)
        var layers = try flags.layers(for: App.self)
        if let server { layers.flags.append((key: ControlSettings.serverURL.key.name, flag: "--server", value: server)) }
        try ControlFlags.addToken(tokenFile, to: &layers)
        let configuration = try layers.resolve(App.configurationTable())
        try type.checkAlone(configuration)
        let client = try ServerClient(configuration)
        let submission = Submission(
            type.name, executable: try Self.executablePath(), configuration: configuration,
            startArguments: startArguments)
        let answer = try await client.send(.POST, "/v1/jobs", body: try JSONEncoder().encode(submission))
        guard let id = (try? UntrustedJSON.decode(Accepted.self, from: answer.data))?.jobid else {
            throw CommandFailure("\(client.url) answers, but not as a weir server does", status: .unreachable)
        }
        if !format.isJSON { try StandardOutput.write("submitted '\(type.name)' as job \(id)\n".utf8) }
        try await follow(id, client)
    }

    private var startArguments: [String] {
        (fromCheckpoint.map { ["--from-checkpoint", $0] } ?? [])
            + (fromSavepoint.map { ["--from-savepoint", AbsolutePath.of($0)] } ?? [])
            + (acceptReplay ? ["--accept-replay"] : []) + (allowNonRestoredState ? ["--allow-non-restored-state"] : [])
    }

    private func follow(_ id: String, _ client: ServerClient) async throws {
        var shown = ""
        let deadline = detached ? try WaitFlags.deadline(timeout) : ContinuousClock.now + .seconds(100 * 365 * 86_400)
        // Without --output json the states are the output.
        let line = format.isJSON ? WaitingLine("waiting for '\(self.job)'") : nil
        let job = try await client.wait(for: id, deadline, line) { job in
            if !format.isJSON, job.weir.status != shown {
                // At once, in a pipe too: the job may run for days.
                try StandardOutput.write((job.weir.status + (job.weir.reason.map { ": \($0)" } ?? "") + "\n").utf8)
                shown = job.weir.status
            }
            return job.isEnded || (detached && job.state == "RUNNING")
        }
        if format.isJSON { print(try JSONOutput.text(Result(id: job.jid, name: job.name, state: job.weir.status))) }
        if job.state == "FAILED" {
            throw CommandFailure(job.weir.reason ?? "job '\(job.name)' failed; its log says why", status: .jobFailed)
        }
    }

    /// The file that runs, not the name it was called by.
    private static func executablePath() throws -> String {
        guard let path = Bundle.main.executablePath, path.hasPrefix("/") else {
            throw CommandFailure("the path of this executable cannot be found out")
        }
        return URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }
}

extension Submission {
    /// The settings that are not at their defaults; those of this command and of a process's own are not the job's.
    init(_ name: String, executable: String, configuration: Configuration, startArguments: [String]) {
        self.init(
            name: name, executable: executable, workingDirectory: FileManager.default.currentDirectoryPath,
            startArguments: startArguments)
        for entry in configuration.entries where entry.origin != .default {
            let name = entry.key.name
            guard let value = entry.value, !name.hasPrefix("server."), !name.hasPrefix("control.") else { continue }
            if entry.key.isSecret { secrets[name] = value.text } else { settings[name] = value.text }
        }
    }
}
