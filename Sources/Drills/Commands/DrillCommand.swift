import ArgumentParser
import Foundation
import StreamRuntime
import Synchronization
import WeirKit

/// `drill JOB`.
struct DrillCommand<App: DrillingApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        let drills = App.drills.map { "  \($0.name)  \($0.summary)" }.joined(separator: "\n")
        return CommandConfiguration(
            commandName: "drill", abstract: "Run a job under kills and other troubles, and verify exactly-once from outside.",
            discussion: """
                The job runs as a process of its own, with a load, in a folder of its own. It is killed (SIGKILL) at random \
                moments, a fifth of them while it is starting; what else goes wrong the flags say. In the end the load stops, the \
                job works off what is there, and every record is looked for in the outputs. Exit code 0: nothing was lost, \
                doubled or reordered; 1: something was, or the job did not go on. See docs/drills.md.

                DRILLS
                \(drills)

                EXAMPLES
                  \(App.commandName) drill counts --kills 50 --stop-cont --disk-full --report drill.html
                  \(App.commandName) drill counts --set drill.keys=100000 --set drill.state-bytes=1000
                """)
    }

    @Argument(help: "What to drill; see DRILLS.")
    var job: String
    @OptionGroup(title: "Settings")
    var flags: ConfigurationFlags
    @OptionGroup(title: "Troubles")
    var troubles: TroubleFlags
    @Option(
        help: ArgumentHelp(
            "Folder of the drill's data, which must be empty; by default one is made, and removed when the drill has passed.",
            valueName: "folder"))
    var dir: String?
    @Option(
        help: ArgumentHelp("Write a report to this file: HTML or Markdown, by its extension .html or .md.", valueName: "file"))
    var report: String?
    @Option(help: "table or json.")
    var output = OutputFormat.table

    func run() async throws {
        let type = try App.drill(named: job)
        let options = try troubles.options()
        let writer = try ReportWriter(report)
        let own = dir ?? FileManager.default.temporaryDirectory.appendingPathComponent("weir-drill-\(UUID().uuidString)").path
        let folder = try DrillFolder(own)
        let configuration = try settings(type, folder)
        let shared = SharedResources()
        let log = progress
        log("drill of \(job), seed \(options.seed), in \(folder.path)")

        let began = Date()
        let interrupted = Interruption()
        let drill = try type.init(configuration, ApplicationEnvironment(shared: shared))
        let launch = try Self.launcher(type, configuration, options, folder)
        let run = DrillRun(
            drill, options, brokerLog: folder.brokerLog, launch: launch, log: log, isInterrupted: { interrupted.isAsked })
        var findings = DrillFindings()
        var failures: [String] = []
        do {
            try await drill.prepare()
            findings = try await run.run()
            if findings.isExactlyOnce { try await drill.cleanUp() } else { failures.append(findings.summary) }
        } catch is DrillInterrupted {
            await shared.closeAll()
            throw CommandFailure("interrupted; what the process kept is in \(folder.path)", status: .interrupted)
        } catch let error where !(error is ConfigurationRefusal) {
            findings = DrillFindings(outputs: run.timeline.outputs)
            failures.append("\(error)")
        }
        await shared.closeAll()
        var report = DrillReport(
            job: job, setup: drill.setup, seed: options.seed, startedAt: began, durationMillis: run.nowMillis,
            version: App.version,
            timeline: run.timeline, findings: findings, resources: run.resources.readings, endedByItself: run.endedByItself,
            failures: failures)
        if options.checksResources { report.judgeResources() }
        try print(output == .json ? JSONOutput.text(report) : report.text)
        try writer?.write(report)
        guard report.isPassed else { throw CommandFailure("the drill failed; the job's folder is kept: \(folder.path)") }
        if dir == nil { folder.remove() }
    }

    /// What the command line says, over the drill's own settings; where the process keeps things, and what it is called, is always
    /// the drill's. Variables and the file they name do not count: they may name the systems of a deployment.
    private func settings(_ type: any JobDrill.Type, _ folder: DrillFolder) throws -> Configuration {
        let table = try App.configurationTable()
        var layers = try flags.layers(for: App.self)
        layers.file = flags.config
        layers.environment = [:]
        let given = try layers.resolve(table)
        let suggested = type.defaults.merging([StandardSettings.checkpointInterval.key.name: "100ms"]) { own, _ in own }
        for (name, value) in suggested.sorted(by: { $0.key < $1.key }) where given.entry(name)?.origin == .default {
            layers.flags.append((key: name, flag: "drill", value: value))
        }
        layers.settings += [
            "\(StandardSettings.dataFolder.key.name)=\(folder.data)",
            "\(StandardSettings.checkpointFolder.key.name)=\(folder.checkpoints)",
            "\(StandardSettings.namespace.key.name)=drill-\(UUID().uuidString.prefix(8).lowercased())",
            "\(StandardSettings.metricsPort.key.name)=0", "\(StandardSettings.logFormat.key.name)=json",
        ]
        return try layers.resolve(table)
    }

    /// Starts this executable with the settings as they are resolved here, as variables: secrets show in no list of processes.
    private static func launcher(
        _ type: any JobDrill.Type, _ configuration: Configuration, _ options: DrillOptions, _ folder: DrillFolder
    ) throws -> (Int, Bool) throws -> ChildProcess {
        guard let path = Bundle.main.executablePath, path.hasPrefix("/") else {
            throw CommandFailure("the path of this executable cannot be found out")
        }
        var environment = ConfigurationLayers.withoutSettings(ProcessInfo.processInfo.environment)
        for entry in configuration.entries where entry.origin != .default {
            environment[entry.key.environmentVariable] = entry.value?.text
        }
        let (variables, arguments) = (environment, type.processArguments)
        // Inherited: a write beyond the limit is to fail, not to end the process.
        signal(SIGXFSZ, SIG_IGN)
        return { start, injects in
            let faults =
                injects ? options.inject.map { ["--inject", $0, "--inject-seed", "\(options.seed &+ UInt64(start))"] } : nil
            return try ChildProcess(path, arguments + (faults ?? []), environment: variables, log: folder.processLog)
        }
    }

    /// Standard error, so that `--output json` is one document.
    private var progress: (String) -> Void {
        let began = ContinuousClock.now
        return { text in
            let seconds = Int((ContinuousClock.now - began) / .seconds(1))
            FileHandle.standardError.write(Data("\(seconds) s  \(text)\n".utf8))
        }
    }
}

extension DrillReport {
    /// Adds a failure when memory or open files grew, or were not watched long enough to say.
    mutating func judgeResources() {
        guard let trend else {
            failures.append(
                "memory and open files were watched too briefly: it takes \(Units.seconds(ResourceTrend.measuredMillisMin)) beyond the first \(Units.seconds(ResourceTrend.warmUpMillis)) of each start"
            )
            return
        }
        if !trend.isFlat { failures.append("memory or open files grow: \(Self.trendText(trend))") }
    }
}

/// Writes the report file in the form its name says.
struct ReportWriter {
    private let path: String
    private let isHTML: Bool

    /// Nil without a path. Throws `UsageError` for a name of another kind, and before anything has run.
    init?(_ path: String?) throws {
        guard let path else { return nil }
        switch URL(fileURLWithPath: path).pathExtension.lowercased() {
        case "html", "htm": isHTML = true
        case "md", "markdown": isHTML = false
        default: throw UsageError("--report: '\(path)' ends neither in .html nor in .md")
        }
        self.path = path
    }

    func write(_ report: DrillReport) throws {
        do {
            try (isHTML ? report.html : report.markdown).write(toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw CommandFailure("--report: \(path) cannot be written: \(error)")
        }
    }
}

/// Whether the user wants the drill to end.
private final class Interruption: Sendable {
    private let asked: AskedFlag
    private let signals: StopSignals

    init() {
        let asked = AskedFlag()
        self.asked = asked
        signals = StopSignals(first: { _ in asked.set() }, second: { _ in })
    }

    var isAsked: Bool { asked.isSet }
}

private final class AskedFlag: Sendable {
    private let value = Atomic(false)
    func set() { value.store(true, ordering: .relaxed) }
    var isSet: Bool { value.load(ordering: .relaxed) }
}
