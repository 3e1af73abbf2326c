import ArgumentParser
import Foundation
import StreamRuntime

/// `checkpoints export`: a savepoint of a checkpoint, while the job stands still.
struct CheckpointsExport<App: WeirApplication>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "export", abstract: "Make a savepoint of a checkpoint of a job that is not running.",
            discussion: """
                The savepoint is a folder of its own, independent of backend and parallelism: 'run JOB --from-savepoint PATH' \
                starts from it. A running job deletes old checkpoints; ask it for a savepoint instead.

                EXAMPLES
                  \(App.commandName) checkpoints export checkpoints/JOB-ID --to /backup
                """)
    }

    @OptionGroup var place: CheckpointFolder
    @Option(help: ArgumentHelp("Its id or epoch; the newest unless given.", valueName: "id"))
    var checkpoint: String?
    @Option(help: ArgumentHelp("The folder that the savepoint's folder is made in.", valueName: "folder"))
    var to: String

    func run() throws {
        let found = try place.stored(checkpoint)
        let savepoint = try SavepointWriter(found.manifest, files: found.store, formats: App.readingBackends())
            .write(into: to, createdAtMillis: Int64(Date().timeIntervalSince1970 * 1000))
        print(savepoint.path)
    }
}
