import ArgumentParser
import Foundation
import StreamRuntime

/// A Weir executable: its jobs, and what they can be run with. A whole program is
///
///     @main struct App: WeirApplication {
///         static let jobs: [any ConfiguredJob.Type] = [WordCount.self]
///     }
///
/// It has the commands `run`, `jobs`, `checkpoints`, `state`, `config` and `metrics`.
public protocol WeirApplication: SendableMetatype {
    /// The executable's name in help texts.
    static var commandName: String { get }
    static var summary: String { get }
    static var version: String { get }
    static var jobs: [any ConfiguredJob.Type] { get }
    /// State backends by name, the default one first.
    static var backends: [StateBackendFactory] { get }
    /// Commands beside the standard ones.
    static var extraCommands: [any ParsableCommand.Type] { get }
    /// Settings beside the standard ones and those of jobs and backends.
    static var configurationKeys: [ConfigurationKey] { get }
    /// Metrics beside the engine's and the process's: for `metrics`, and help texts of those that libraries report.
    static var metrics: [MetricDescription] { get }
}

extension WeirApplication {
    public static var commandName: String {
        CommandLine.arguments.first.map { URL(fileURLWithPath: $0).lastPathComponent } ?? "weir"
    }
    public static var summary: String { "Runs stream-processing jobs." }
    public static var version: String { "" }
    public static var backends: [StateBackendFactory] { StandardBackends.all }
    public static var extraCommands: [any ParsableCommand.Type] { [] }
    public static var configurationKeys: [ConfigurationKey] { [] }
    public static var metrics: [MetricDescription] { [] }

    /// Runs the command the process was started with and ends the process with its exit code (`ExitStatus`).
    public static func main() async {
        var code = await CommandRunner<Self>.run(Array(CommandLine.arguments.dropFirst()))
        do {
            try StandardOutput.flush()
        } catch {
            StandardError.print("error: \(error)")
            if code == .success { code = .failure }
        }
        exit(code.rawValue)
    }

    /// Every setting of the executable.
    public static func configurationTable() throws -> ConfigurationTable {
        try ConfigurationTable(standardKeys + configurationKeys + jobs.flatMap { $0.configurationKeys })
    }

    /// Those of every executable with these backends.
    static var standardKeys: [ConfigurationKey] {
        StandardSettings.keys + [StandardSettings.stateBackend(backends)] + backends.flatMap(\.configurationKeys)
    }

    /// Backends for reading what is stored, set up as if nothing was configured.
    static func readingBackends() throws -> [any StateBackend] {
        let configuration = try ConfigurationLayers(environment: [:]).resolve(configurationTable())
        return try backends.map { try $0.make(configuration) }
    }

    /// The job of this name; throws `UsageError` with the nearest one.
    public static func job(named name: String) throws -> any ConfiguredJob.Type {
        if let found = jobs.first(where: { $0.name == name }) { return found }
        let names = jobs.map { $0.name }
        let listed = names.isEmpty ? "This executable has no jobs." : "Jobs: \(names.sorted().joined(separator: ", "))."
        throw UsageError("there is no job '\(name)'.\(Nearest.suggestion(name, among: names)) \(listed)")
    }
}

/// What a command was given does not fit; exit code 2.
public struct UsageError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
