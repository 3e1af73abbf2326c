import ArgumentParser
import StreamRuntime

/// Parses a command line, runs the command, and says in which exit code it came out.
enum CommandRunner<App: WeirApplication> {
    static func run(_ arguments: [String]) async -> ExitStatus {
        do {
            try checkCommands(arguments)
            var command = try RootCommand<App>.parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
            return .success
        } catch {
            return report(error)
        }
    }

    /// The parser has no suggestion for a command that is not there, and its own `help` then tells of the whole program, as if
    /// that had been asked for. Behind a command without further ones, words are its own; behind `help` all are commands.
    private static func checkCommands(_ arguments: [String]) throws {
        let isHelp = arguments.first == "help"
        var commands = RootCommand<App>.configuration.subcommands
        var group: [String] = []
        for word in arguments.dropFirst(isHelp ? 1 : 0) {
            if isHelp, word.hasPrefix("-") || word == "help" { continue }
            guard isHelp || !commands.isEmpty && !word.hasPrefix("-") && word != "help" else { return }
            guard let found = commands.first(where: { $0._commandName == word || $0.configuration.aliases.contains(word) }) else {
                let name = (group + [word]).joined(separator: " ")
                let nearest = Nearest.suggestion(word, among: commands.map { $0._commandName })
                let help = (["help"] + group).joined(separator: " ")
                throw UsageError("there is no command '\(name)'.\(nearest) '\(help)' lists all.")
            }
            group.append(word)
            commands = found.configuration.subcommands
        }
    }

    /// Help and the version go to standard output, everything else to standard error.
    private static func report(_ error: any Error) -> ExitStatus {
        if let known = ExitStatus(error) {
            StandardError.print("error: \(LogBootstrap.redactor.text("\(error)"))")
            return known
        }
        let code = RootCommand<App>.exitCode(for: error)
        if let silent = error as? ExitCode { return ExitStatus(rawValue: silent.rawValue) ?? .failure }
        let message = LogBootstrap.redactor.text(RootCommand<App>.fullMessage(for: error))
        switch code {
        case .success:
            print(message)
            return .success
        case .validationFailure:
            StandardError.print(message)
            return .usage
        default:
            // An error of a command that nobody foresaw.
            StandardError.print("error: \(LogBootstrap.redactor.text(ErrorText.of(error)))")
            return .failure
        }
    }
}

/// A command that did not succeed.
public struct CommandFailure: Error, CustomStringConvertible {
    public let description: String
    /// What the process ends with.
    public let status: ExitStatus

    public init(_ description: String, status: ExitStatus = .failure) {
        self.description = description
        self.status = status
    }
}
