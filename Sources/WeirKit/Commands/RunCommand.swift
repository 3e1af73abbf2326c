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

                EXAMPLES
                  \(App.commandName) run word-count
                  \(App.commandName) run word-count --for 1m --parallelism 4 --checkpoint-interval 500ms
                  \(App.commandName) run word-count --from-savepoint /backup/savepoint-42-5f3a…

                \(ExitStatus.helpText)
                """)
    }

    @Argument(help: "The job's name; 'jobs' lists them.", completion: .list(App.jobs.map { $0.name }))
    var job: String
    @OptionGroup(title: "Settings")
    var flags: ConfigurationFlags
    @Option(help: ArgumentHelp("Start from this checkpoint: its id, or its epoch.", valueName: "id"))
    var fromCheckpoint: String?
    @Option(help: ArgumentHelp("Start from the savepoint in this folder.", valueName: "path"))
    var fromSavepoint: String?
    @Flag(help: "With --from-…: outputs after that checkpoint or savepoint may be emitted again.")
    var acceptReplay = false
    @Flag(help: "Start although the checkpoint or savepoint holds state of operators that the job does not have; it is dropped.")
    var allowNonRestoredState = false
    @Option(name: .customLong("for"), help: ArgumentHelp("Stop by itself after this time.", valueName: "duration"))
    var duration: String?
    @Option(
        help: ArgumentHelp(
            "For drills: let something go wrong, e.g. 'point=manifest-synced,probability=0.1,seed=7'; see docs/proof.md.",
            valueName: "faults"))
    var inject: String?

    func run() async throws {
        let jobType = try App.job(named: job)
        let millis = try duration.map { text in
            guard let millis = DurationText.parse(text), millis > 0 else {
                throw UsageError("--for: '\(text)' is not a duration like 500ms, 30s or 2m")
            }
            return millis
        }
        guard fromCheckpoint == nil || fromSavepoint == nil else {
            throw UsageError("--from-checkpoint and --from-savepoint: a job starts from one of them")
        }
        guard !acceptReplay || fromCheckpoint != nil || fromSavepoint != nil else {
            throw UsageError(
                "--accept-replay says that outputs may come again after --from-checkpoint or --from-savepoint; give one of them too"
            )
        }
        let faults = try inject.map { text in
            do { return try FaultPlan(parsing: text) } catch { throw UsageError("--inject: \(error)") }
        }
        let configuration = try flags.resolve(for: App.self)
        try jobType.checkAlone(configuration)
        let outcomes = try await ApplicationSession(App.self, configuration).run(stopAfterMillis: millis) { launcher, host in
            try host.add(try launcher.prepare(jobType, faults: faults, adjust: { try chooseStart(&$0, jobType.name) }))
        }
        if let error = outcomes.compactMap(\.error).first { throw error }
    }

    private func chooseStart(_ options: inout JobOptions, _ jobName: String) throws {
        options.acceptsReplay = acceptReplay
        options.dropsUnknownState = allowNonRestoredState
        options.startFromSavepoint = fromSavepoint
        guard let fromCheckpoint else { return }
        let id = options.jobID ?? JobID(namespace: options.namespace, jobName: jobName)
        options.startFrom = try CheckpointCatalog.find(fromCheckpoint, of: id, root: options.checkpointRoot)
    }
}
