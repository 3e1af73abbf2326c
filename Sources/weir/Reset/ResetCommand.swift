import ArgumentParser
import Foundation
import WeirKit

/// `reset`: forgets everything an embedded run keeps.
struct ResetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset", abstract: "Delete an embedded run's data and the checkpoints: the next run starts over.",
        discussion: """
            On a terminal it asks first; elsewhere it wants --yes. Nothing is deleted while a process uses any of it, nor when \
            one of the folders holds something that is not Weir's. What a weir server keeps in the data folder stays: its jobs, \
            and its savepoints.

            EXAMPLES
              weir reset
              weir reset --yes --checkpoint-dir /var/lib/weir/checkpoints
            """)

    @OptionGroup(title: "Settings") var flags: ConfigurationFlags
    @Flag(help: "Do not ask.") var yes = false

    func run() throws {
        let configuration = try flags.resolve(for: Weir.self)
        let resources = TradingResources(configuration: configuration, environment: ApplicationEnvironment())
        let plan = try ResetPlan(
            data: resources.dataFolder, checkpoints: Self.absolute(configuration[StandardSettings.checkpointFolder]),
            home: FileManager.default.homeDirectoryForCurrentUser.path, names: Self.names(in:))
        guard !plan.isEmpty else { return print("nothing to reset: no data, no checkpoints") }
        guard try yes || isAgreed(plan) else { return print("nothing was deleted") }
        // Held until everything is gone, so that nothing starts on half of it.
        let claims = try plan.lockFiles.compactMap { try FileClaim($0) }
        for path in plan.paths {
            do { try FileManager.default.removeItem(atPath: path) } catch {
                throw CommandFailure("\(path) cannot be deleted: \(ErrorText.of(error))")
            }
        }
        for folder in plan.folders { rmdir(folder) }  // stays when something else is in it
        withExtendedLifetime(claims) {}
        print("deleted \(plan.text)")
    }

    private func isAgreed(_ plan: ResetPlan) throws -> Bool {
        guard isatty(STDIN_FILENO) == 1 else {
            throw UsageError("without a terminal nobody can be asked whether \(plan.text) may be deleted: say --yes")
        }
        print("Delete \(plan.text)? [y/N] ", terminator: "")
        return readLine()?.lowercased() == "y"
    }

    private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }

    /// `nil`: there is no such folder.
    private static func names(in folder: String) throws -> [String]? {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isFolder) else { return nil }
        guard isFolder.boolValue else { throw CommandFailure("\(folder) is no folder") }
        do { return try FileManager.default.contentsOfDirectory(atPath: folder).sorted() } catch {
            throw CommandFailure("\(folder) cannot be read: \(ErrorText.of(error))")
        }
    }
}
