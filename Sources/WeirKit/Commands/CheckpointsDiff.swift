import ArgumentParser
import Foundation
import StreamRuntime

/// `checkpoints diff`.
struct CheckpointsDiff<App: WeirApplication>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "diff", abstract: "Compare two checkpoints or savepoints by their manifests.",
            discussion: """
                Shows what moved between them: positions of sources, operators, states and their schemas, how key groups are \
                shared out, bytes. A and B are each the id or epoch of a checkpoint below --in, a manifest, a savepoint, or a \
                job's folder, which stands for its newest checkpoint.

                EXAMPLES
                  \(App.commandName) checkpoints diff 41 42 --in checkpoints/JOB-ID
                  \(App.commandName) checkpoints diff /backup/savepoint-42-5f3a… checkpoints/JOB-ID --output json
                """)
    }

    @Argument(help: ArgumentHelp("The one to compare with.", valueName: "a"))
    var first: String
    @Argument(help: ArgumentHelp("The other one.", valueName: "b"))
    var second: String
    @Option(name: .customLong("in"), help: ArgumentHelp("Where ids and epochs are looked for.", valueName: "folder"))
    var folder = "checkpoints"
    @Option(help: "table or json.")
    var output = OutputFormat.table

    func run() throws {
        let difference = ManifestDifference(try manifest(first), try manifest(second))
        print(output == .json ? try JSONOutput.text(difference) : difference.text)
    }

    private func manifest(_ text: String) throws -> CheckpointManifest {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: text, isDirectory: &isFolder) else {
            return try CheckpointFolder.stored(in: folder, text).manifest
        }
        if isFolder.boolValue { return try CheckpointFolder.stored(in: text, nil).manifest }
        let url = URL(fileURLWithPath: text)
        let place = url.deletingLastPathComponent().path
        guard url.lastPathComponent != Savepoint.manifestName else { return try Savepoint(at: place).manifest }
        return try FileCheckpointStore(reading: place).manifest(named: url.lastPathComponent).manifest
    }
}
