import ArgumentParser
import Foundation
import WeirKit

/// Which server a command talks to.
struct ControlFlags: ParsableArguments {
    @Option(help: ArgumentHelp("The weir server (also: WEIR_SERVER_URL; default http://127.0.0.1:8081).", valueName: "url"))
    var server: String?
    @Option(help: ArgumentHelp("File with the server's token (also: WEIR_SERVER_TOKEN).", valueName: "file"))
    var tokenFile: String?
    @Option(help: ArgumentHelp("YAML file of settings (also: WEIR_CONFIG).", valueName: "file"))
    var config: String?

    /// Of the flags, the environment and the file.
    func client<App: WeirApplication>(_ application: App.Type) throws -> ServerClient {
        var layers = ConfigurationLayers(file: config)
        if let server { layers.flags.append((key: ControlSettings.serverURL.key.name, flag: "--server", value: server)) }
        try Self.addToken(tokenFile, to: &layers)
        return try ServerClient(try layers.resolve(App.configurationTable()))
    }

    static func addToken(_ file: String?, to layers: inout ConfigurationLayers) throws {
        guard let file else { return }
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw UsageError("--token-file: \(file) cannot be read")
        }
        let token = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else { throw UsageError("--token-file: \(file) is empty") }
        layers.flags.append((key: ControlSettings.serverToken.key.name, flag: "--token-file", value: token))
    }
}

/// The job a command is about, and the server that has it.
struct JobArguments: ParsableArguments {
    @Argument(help: "The job: its name, its id, or the beginning of its id.") var job: String
    @OptionGroup var flags: ControlFlags

    /// Throws when the server does not answer, or knows no such job.
    func find<App: WeirApplication>(_ application: App.Type) async throws -> (ServerClient, ListedJob) {
        let client = try flags.client(App.self)
        return (client, try await client.job(job))
    }
}

/// Folders are named from here, and made elsewhere.
enum AbsolutePath {
    static func of(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }
}

/// How long a command stays.
struct WaitFlags: ParsableArguments {
    @Flag(help: "Wait until it is done.")
    var wait = false
    @Option(help: ArgumentHelp("With --wait: give up after this time (exit code 5); it may still happen.", valueName: "duration"))
    var timeout = "5m"

    func deadline() throws -> ContinuousClock.Instant { try Self.deadline(timeout) }

    static func deadline(_ timeout: String) throws -> ContinuousClock.Instant {
        guard let millis = DurationText.parse(timeout), millis > 0 else { throw refusal(timeout) }
        return ContinuousClock.now + .milliseconds(millis)
    }

    static func refusal(_ timeout: String) -> UsageError {
        UsageError("--timeout: '\(timeout)' is not a duration like 500ms, 30s or 2m")
    }
}

struct OutputFlags: ParsableArguments {
    @Option(help: "table (text) or json.")
    var output = Format.table

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, json }

    var isJSON: Bool { output == .json }
}
