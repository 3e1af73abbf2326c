import ArgumentParser
import ConnectorLog
import Foundation
import StreamRuntime
import Trading
import WeirKit

/// `reset`: forgets everything an embedded run keeps.
struct ResetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset", abstract: "Delete the data folder and the checkpoints: the next run starts over.")

    @OptionGroup(title: "Settings") var flags: ConfigurationFlags
    @Flag(help: "Do not ask.") var yes = false

    func run() throws {
        let configuration = try flags.resolve(for: Weir.self)
        let resources = TradingResources(configuration: configuration, environment: ApplicationEnvironment())
        let checkpoints = configuration[StandardSettings.checkpointFolder]
        let jobs = jobFolders(checkpoints)
        let hasData = FileManager.default.fileExists(atPath: resources.dataFolder)
        guard hasData || !jobs.isEmpty else { return print("nothing to reset: no data, no checkpoints") }
        if !yes, isatty(STDIN_FILENO) == 1 {
            print("Delete \(resources.dataFolder) and \(jobs.count) checkpoint folder(s) in \(checkpoints)? [y/N] ", terminator: "")
            guard readLine()?.lowercased() == "y" else { return print("nothing was deleted") }
        }
        if hasData {
            // Opening for writing takes the owner lock: a running system is named, not destroyed.
            let log = "\(resources.dataFolder)/log"
            if FileManager.default.fileExists(atPath: log) { try LogStore(path: log).close() }
            try FileManager.default.removeItem(atPath: resources.dataFolder)
        }
        for job in jobs { try FileManager.default.removeItem(atPath: job) }
        print("deleted \(resources.dataFolder) and \(jobs.count) checkpoint folder(s)")
    }

    private func jobFolders(_ root: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return names.filter { JobID($0) != nil }.map { "\(root)/\($0)" }
    }
}

/// `verify`: the conservation check on a system at rest.
struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check that trades and portfolios of a stopped system add up, to the unit.")

    @OptionGroup(title: "Settings") var flags: ConfigurationFlags

    func run() async throws {
        let configuration = try flags.resolve(for: Weir.self)
        let environment = ApplicationEnvironment()
        let audit = try await Audit.run(TradingResources(configuration: configuration, environment: environment))
        await environment.shared.closeAll()
        say(audit.text)
        guard audit.isConserved else { throw CommandFailure("the conservation check failed; see above") }
    }
}
