import ArgumentParser
import StreamRuntime

/// Parses a command line, runs the command, and says in which exit code it came out.
enum CommandRunner<App: WeirApplication> {
    static func run(_ arguments: [String]) async -> ExitStatus {
        do {
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

    /// Help and the version go to standard output, everything else to standard error.
    private static func report(_ error: any Error) -> ExitStatus {
        if let known = known(error) {
            StandardError.print("error: \(LogBootstrap.redactor.text("\(error)"))")
            return known
        }
        let code = RootCommand<App>.exitCode(for: error)
        if let silent = error as? ExitCode { return ExitStatus(rawValue: silent.rawValue) ?? .failure }
        let message = LogBootstrap.redactor.text(RootCommand<App>.fullMessage(for: error))
        if code == .success {
            print(message)
            return .success
        }
        StandardError.print(message)
        return code == .validationFailure ? .usage : .failure
    }

    private static func known(_ error: any Error) -> ExitStatus? {
        switch error {
        case is UsageError, is ConfigurationRefusal: .usage
        case is RecoveryRefusal: .refusedRecovery
        case let failure as JobFailure: failure.cause is RecoveryRefusal ? .refusedRecovery : .failure
        case is GraphError, is MetricsServerError, is JobLockError, is JobHostError, is CommandFailure: .failure
        default: nil
        }
    }
}

/// A command that did not succeed; exit code 1.
public struct CommandFailure: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}
