import ArgumentParser
import StreamRuntime

/// `state`: look at what jobs remember, without the jobs.
struct StateCommand<App: WeirApplication>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "state", abstract: "Look at the state in a checkpoint or savepoint.",
            discussion: """
                EXAMPLES
                  \(App.commandName) state dump checkpoints --operator counts
                """,
            subcommands: [StateDumpCommand<App>.self])
    }
}

/// `state dump`: every entry as a line of JSON.
struct StateDumpCommand<App: WeirApplication>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "dump", abstract: "Print state as JSON lines.",
            discussion: """
                FOLDER is a savepoint, the checkpoint root, or one job's folder in it. A line is \
                {"operator":…,"state":…,"kind":…,"key":…,"value":…}; values whose encoding only the job knows are shown as \
                {"bytes":"<hex>"}. Lines come operator by operator, in no particular order within.

                EXAMPLES
                  \(App.commandName) state dump checkpoints --operator counts
                  \(App.commandName) state dump savepoints/savepoint-42-0f… --state total --key ann
                """)
    }

    @OptionGroup var place: CheckpointFolder
    @Option(
        help: ArgumentHelp("Of a folder with several checkpoints: its id or epoch; the newest unless given.", valueName: "id"))
    var checkpoint: String?
    @Option(name: .customLong("operator"), help: ArgumentHelp("Only of this operator.", valueName: "id"))
    var operatorID: String?
    @Option(help: ArgumentHelp("Only of this state or operator list.", valueName: "name"))
    var state: String?
    @Option(help: ArgumentHelp("Only this key: text as it is, anything else as the dump shows it.", valueName: "key"))
    var key: String?

    func run() throws {
        let found = try place.stored(checkpoint)
        let dump = try StateDump(found.manifest, files: found.store, formats: App.readingBackends())
        try check(dump.names)
        try dump.forEach(where: { (operatorID ?? $0) == $0 && (state ?? $1) == $1 }) { entry in
            if let key, entry.key?.plainText != key { return }
            print(Self.line(entry))
        }
    }

    private static func line(_ entry: StateDump.Entry) -> String {
        var members: [(name: String, value: StoredValue)] = [
            ("operator", .text(entry.operatorID)), ("state", .text(entry.state)), ("kind", .text(entry.kind)),
        ]
        if let key = entry.key { members.append(("key", key)) }
        members.append(("value", entry.value))
        return StoredValue.object(members).jsonText
    }

    /// A name that is not there is refused with those that are.
    private func check(_ names: [(operatorID: String, states: [String])]) throws {
        let operators = names.filter { !$0.states.isEmpty }
        if let operatorID, !operators.contains(where: { $0.operatorID == operatorID }) {
            guard !operators.isEmpty else {
                throw UsageError("there is no state of an operator '\(operatorID)': no operator has any here")
            }
            throw UsageError(
                "there is no state of an operator '\(operatorID)'.\(Nearest.suggestion(operatorID, among: operators.map(\.operatorID)))"
                    + " Operators with state: \(operators.map(\.operatorID).joined(separator: ", "))")
        }
        let states = operators.filter { (operatorID ?? $0.operatorID) == $0.operatorID }.flatMap(\.states)
        if let state, !states.contains(state) {
            throw UsageError(
                "there is no state '\(state)'.\(Nearest.suggestion(state, among: states)) States: \(states.joined(separator: ", "))"
            )
        }
    }
}
