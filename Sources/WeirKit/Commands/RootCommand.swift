import ArgumentParser

/// The command without a name: help, version, and the way to the others.
struct RootCommand<App: WeirApplication>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: App.commandName, abstract: App.summary,
            discussion: """
                'help COMMAND' tells all of a command, with examples. Most print JSON with --output json.

                \(ExitStatus.helpText)

                COMPLETION
                  \(App.commandName) --generate-completion-script bash|zsh|fish
                  prints a script; docs/cli.md says where it goes.
                """, version: App.version,
            subcommands: [
                RunCommand<App>.self, JobsCommand<App>.self, CheckpointsCommand<App>.self, StateCommand<App>.self,
                ConfigCommand<App>.self, MetricsCommand<App>.self,
            ] + App.extraCommands)
    }
}

/// How a command prints what it found.
package enum OutputFormat: String, ExpressibleByArgument, CaseIterable { case table, json }

/// `--config`, `--set` and the dedicated flags: the flags layer of the configuration.
public struct ConfigurationFlags: ParsableArguments {
    @Option(name: .long, help: ArgumentHelp("YAML file of settings (also: WEIR_CONFIG).", valueName: "file"))
    public var config: String?
    @Option(name: .long, help: ArgumentHelp("A setting; may be repeated. 'config --describe' lists all.", valueName: "key=value"))
    public var set: [String] = []

    @Option(name: .long, help: Self.help(StandardSettings.parallelism, "n"))
    public var parallelism: String?
    @Option(name: .long, help: Self.help(StandardSettings.checkpointFolder, "folder"))
    public var checkpointDir: String?
    @Option(name: .long, help: Self.help(StandardSettings.checkpointInterval, "duration"))
    public var checkpointInterval: String?
    @Option(name: .long, help: ArgumentHelp("Where keyed state is kept.", valueName: "name"))
    public var stateBackend: String?
    @Option(name: .long, help: Self.help(StandardSettings.metricsPort, "port"))
    public var metricsPort: String?
    @Option(name: .long, help: Self.help(StandardSettings.namespace, "name"))
    public var namespace: String?
    @Option(name: .long, help: Self.help(StandardSettings.jobID, "id"))
    public var jobId: String?
    @Option(name: .long, help: Self.help(StandardSettings.logFormat, "auto|json|pretty"))
    public var logFormat: String?
    @Option(name: .long, help: Self.help(StandardSettings.logLevel, "level"))
    public var logLevel: String?

    public init() {}

    private static func help<Value>(_ setting: Setting<Value>, _ valueName: String) -> ArgumentHelp {
        let fallback = setting.key.defaultText.map { " (default: \($0))" } ?? ""
        return ArgumentHelp("\(setting.key.help)\(fallback)", valueName: valueName)
    }

    /// The configuration these flags, the environment and the file give.
    public func resolve<App: WeirApplication>(for application: App.Type) throws -> Configuration {
        try layers(for: App.self).resolve(App.configurationTable())
    }

    /// For commands with flags of their own, which come on top.
    package func layers<App: WeirApplication>(for application: App.Type) throws -> ConfigurationLayers {
        var layers = ConfigurationLayers(file: config)
        layers.settings = set
        let given: [(ConfigurationKey, String?)] = [
            (StandardSettings.parallelism.key, parallelism), (StandardSettings.checkpointFolder.key, checkpointDir),
            (StandardSettings.checkpointInterval.key, checkpointInterval),
            (StandardSettings.stateBackend(App.backends), stateBackend), (StandardSettings.metricsPort.key, metricsPort),
            (StandardSettings.namespace.key, namespace), (StandardSettings.jobID.key, jobId),
            (StandardSettings.logFormat.key, logFormat), (StandardSettings.logLevel.key, logLevel),
        ]
        for case (let key, let value?) in given {
            layers.flags.append((key: key.name, flag: "--\(key.flag ?? key.name)", value: value))
        }
        return layers
    }
}
