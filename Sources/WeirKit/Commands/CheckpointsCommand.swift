import ArgumentParser
import StreamRuntime

/// `checkpoints`: look at what is on disk, without the job.
struct CheckpointsCommand<App: WeirApplication>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "checkpoints", abstract: "List, show, compare, verify and export checkpoints on disk.",
            discussion: """
                FOLDER is the checkpoint root, one job's folder in it, or a savepoint. All of them only read, except 'export', \
                which writes a folder elsewhere; a running job is not disturbed.

                EXAMPLES
                  \(App.commandName) checkpoints list checkpoints
                  \(App.commandName) checkpoints verify checkpoints
                """,
            subcommands: [
                CheckpointsList<App>.self, CheckpointsShow<App>.self, CheckpointsDiff<App>.self, CheckpointsVerify<App>.self,
                CheckpointsExport<App>.self,
            ])
    }
}

/// The folder argument they share.
struct CheckpointFolder: ParsableArguments {
    @Argument(help: "The checkpoint root, one job's folder in it, or a savepoint.")
    var folder = "checkpoints"

    func catalog() throws -> CheckpointCatalog { try CheckpointCatalog(folder) }

    /// `nil`: the folder is no savepoint's.
    func savepoint() throws -> Savepoint? { try Self.savepoint(in: folder) }

    private static func savepoint(in folder: String) throws -> Savepoint? {
        Savepoint.exists(at: folder) ? try Savepoint(at: folder) : nil
    }

    /// The savepoint, or the checkpoint a user names by id or epoch (`nil`: the newest).
    func stored(_ checkpoint: String?) throws -> (manifest: CheckpointManifest, store: FileCheckpointStore, path: String) {
        try Self.stored(in: folder, checkpoint)
    }

    static func stored(
        in folder: String, _ checkpoint: String?
    ) throws -> (manifest: CheckpointManifest, store: FileCheckpointStore, path: String) {
        if let savepoint = try savepoint(in: folder) {
            guard checkpoint == nil else {
                throw UsageError("\(folder) is a savepoint: there is nothing to choose with --checkpoint")
            }
            return (savepoint.manifest, savepoint.store(), "\(folder)/\(Savepoint.manifestName)")
        }
        let found = try CheckpointCatalog(folder).find(checkpoint)
        let manifest = try found.folder.store.manifest(named: found.manifestName).manifest
        return (manifest, found.folder.store, "\(found.folder.store.folder)/\(found.manifestName)")
    }
}

/// `checkpoints list`.
struct CheckpointsList<App: WeirApplication>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "list", abstract: "List checkpoints, oldest first.",
            discussion: """
                EXAMPLES
                  \(App.commandName) checkpoints list
                  \(App.commandName) checkpoints list checkpoints/JOB-ID --output json
                """)
    }

    @OptionGroup var place: CheckpointFolder
    @Option(help: "table or json.")
    var output = OutputFormat.table

    private struct Row: Encodable {
        let job: String
        let checkpoint: String
        let epoch: UInt64?
        let created: String
        let stateBytes: Int
        let files: Int
        let operators: Int
        /// Set when the manifest cannot be read.
        var problem: String?
    }

    func run() throws {
        let rows =
            try place.savepoint().map { [Self.row($0.manifest)] }
            ?? place.catalog().jobs.flatMap { folder in folder.manifestNames.compactMap { row(folder, $0) } }
        if output == .json { return print(try JSONOutput.text(rows)) }
        guard !rows.isEmpty else { return print("There are no checkpoints in \(place.folder).") }
        var table = TextTable(["JOB", "EPOCH", "CREATED", "STATE", "FILES", "OPERATORS", "CHECKPOINT"])
        table.rows = rows.map { row in
            [
                row.job, row.epoch.map(String.init) ?? "?", row.created, ByteSize.approximate(row.stateBytes),
                String(row.files), String(row.operators), row.problem ?? row.checkpoint,
            ]
        }
        print(table.text)
    }

    private static func row(_ manifest: CheckpointManifest) -> Row {
        Row(
            job: manifest.jobName, checkpoint: manifest.checkpoint, epoch: manifest.id?.epoch.rawValue,
            created: UTCTime.text(manifest.createdAtMillis), stateBytes: manifest.stateBytes,
            files: Set(manifest.files).count, operators: manifest.operators.count)
    }

    /// `nil` when a running job has retired the checkpoint meanwhile.
    private func row(_ folder: CheckpointCatalog.JobFolder, _ name: String) -> Row? {
        do {
            return Self.row(try folder.store.manifest(named: name).manifest)
        } catch {
            guard folder.stillHas(name) else { return nil }
            return Row(
                job: folder.id, checkpoint: name, epoch: CheckpointCatalog.epoch(name), created: "?", stateBytes: 0,
                files: 0, operators: 0, problem: "\(error)")
        }
    }
}

/// `checkpoints show`.
struct CheckpointsShow<App: WeirApplication>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "show", abstract: "Show one checkpoint's operators, states and files.",
            discussion: """
                EXAMPLES
                  \(App.commandName) checkpoints show checkpoints/JOB-ID
                  \(App.commandName) checkpoints show checkpoints/JOB-ID --checkpoint 42 --output json
                """)
    }

    @OptionGroup var place: CheckpointFolder
    @Option(help: ArgumentHelp("Its id or epoch; the newest unless given.", valueName: "id"))
    var checkpoint: String?
    @Option(help: "table or json (the manifest as it is stored).")
    var output = OutputFormat.table

    func run() throws {
        let (manifest, _, path) = try place.stored(checkpoint)
        if output == .json { return print(try JSONOutput.text(manifest)) }
        let files = Set(manifest.files).count
        print(
            """
            checkpoint  \(manifest.checkpoint)
            job         \(manifest.jobName)
            created     \(UTCTime.text(manifest.createdAtMillis))
            key groups  \(manifest.keyGroups)
            state       \(ByteSize.approximate(manifest.stateBytes)) in \(files) \(files == 1 ? "file" : "files")
            manifest    \(path)
            """)
        for entry in manifest.operators { show(entry) }
    }

    private func show(_ entry: CheckpointManifest.OperatorEntry) {
        print("\noperator \(entry.id)")
        for position in entry.positions { print("  split \(position.split): next position \(position.next)") }
        for part in entry.state {
            print("  key groups \(part.keyGroupStart)..<\(part.keyGroupEnd), stored as \(part.backend)")
            for state in part.states {
                print("    state \(state.name): \(state.kind), \(state.keySchema) → \(state.valueSchema)")
            }
            for file in part.files { print("    file \(file.path): \(file.bytes) bytes, xxh64 \(file.hash)") }
        }
        for list in entry.lists {
            print("  list \(list.name): \(list.count) items of \(list.schema)")
            print("    file \(list.file.path): \(list.file.bytes) bytes, xxh64 \(list.file.hash)")
        }
    }
}

/// `checkpoints verify`.
struct CheckpointsVerify<App: WeirApplication>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "verify", abstract: "Check every manifest, and the size and checksum of every file it names.",
            discussion: """
                Ends with exit code 1 at the first problem, naming the file.

                EXAMPLES
                  \(App.commandName) checkpoints verify
                  \(App.commandName) checkpoints verify /backup/savepoint-42-5f3a…
                """)
    }

    @OptionGroup var place: CheckpointFolder
    @Option(help: ArgumentHelp("Only this one: its id or epoch.", valueName: "id"))
    var checkpoint: String?

    func run() throws {
        if let savepoint = try place.savepoint() {
            do { try savepoint.verify() } catch { throw CommandFailure("savepoint \(savepoint.path) is damaged: \(error)") }
            return print("the savepoint is whole")
        }
        let catalog = try place.catalog()
        var checked = 0
        if let checkpoint {
            let found = try catalog.find(checkpoint)
            if try verify(found.folder, found.manifestName) { checked = 1 }
        } else {
            for folder in catalog.jobs {
                for name in folder.manifestNames {
                    if try verify(folder, name) { checked += 1 }
                }
            }
        }
        guard checked > 0 else { throw CommandFailure("there are no checkpoints in \(place.folder)") }
        print("\(checked) checkpoint\(checked == 1 ? " is" : "s are") whole")
    }

    /// False when a running job has retired the checkpoint meanwhile: its manifest goes first, its files after.
    private func verify(_ folder: CheckpointCatalog.JobFolder, _ name: String) throws -> Bool {
        do {
            try folder.store.verify(try folder.store.manifest(named: name).manifest)
            return true
        } catch {
            guard folder.stillHas(name) else { return false }
            throw CommandFailure("checkpoint \(folder.store.folder)/\(name) is damaged: \(error)")
        }
    }
}

extension ByteSize {
    /// For people: `1.4 MiB`.
    static func approximate(_ bytes: Int) -> String {
        guard bytes >= 1024 else { return "\(bytes) B" }
        var value = Double(bytes) / 1024
        var units = ["KiB", "MiB", "GiB", "TiB"][...]
        while value >= 1024, units.count > 1 {
            value /= 1024
            units.removeFirst()
        }
        return "\((value * 10).rounded() / 10) \(units[units.startIndex])"
    }
}
