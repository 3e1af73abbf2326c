import ArgumentParser
import StreamRuntime

/// `run JOB`: one job in this process until it ends or is stopped.
struct RunCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "run", abstract: "Run a job in this process until it ends or is stopped.",
            discussion: """
                Ctrl-C or SIGTERM stops the sources, works off what is in flight, takes a final checkpoint and exits \
                with 0. A second Ctrl-C ends the process at once; the job then goes on from its last checkpoint.

                \(ExitStatus.helpText)
                """)
    }

    @Argument(help: "The job's name; 'jobs' lists them.")
    var job: String
    @OptionGroup(title: "Settings")
    var flags: ConfigurationFlags
    @Option(help: ArgumentHelp("Start from this checkpoint: its id, or its epoch.", valueName: "id"))
    var fromCheckpoint: String?
    @Flag(help: "With --from-checkpoint: outputs after that checkpoint may be emitted again.")
    var acceptReplay = false
    @Option(name: .customLong("for"), help: ArgumentHelp("Stop by itself after this time.", valueName: "duration"))
    var duration: String?

    func run() async throws {
        let jobType = try App.job(named: job)
        let millis = try duration.map { text in
            guard let millis = DurationText.parse(text), millis > 0 else {
                throw UsageError("--for: '\(text)' is not a duration like 500ms, 30s or 2m")
            }
            return millis
        }
        guard !acceptReplay || fromCheckpoint != nil else {
            throw UsageError("--accept-replay says that outputs may come again after --from-checkpoint; give that too")
        }
        let configuration = try flags.resolve(for: App.self)
        let outcomes = try await ApplicationSession(App.self, configuration).run(stopAfterMillis: millis) { launcher, host in
            try host.add(try launcher.prepare(jobType, adjust: { try chooseStart(&$0, jobType.name) }))
        }
        if let error = outcomes.compactMap(\.error).first { throw error }
    }

    private func chooseStart(_ options: inout JobOptions, _ jobName: String) throws {
        options.acceptsReplay = acceptReplay
        guard let fromCheckpoint else { return }
        let id = options.jobID ?? JobID(namespace: options.namespace, jobName: jobName)
        options.startFrom = try CheckpointCatalog.find(fromCheckpoint, of: id, root: options.checkpointRoot)
    }
}
