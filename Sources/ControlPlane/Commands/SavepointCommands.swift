import ArgumentParser
import StreamRuntime
import WeirKit

/// `stop JOB`.
struct StopCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "stop", abstract: "End a job with a last checkpoint, or a savepoint.",
            discussion: """
                Submitted again, it goes on from there: at another parallelism too. --timeout bounds the waiting, and how long \
                the server waits for the savepoint; without it the server's setting server.savepoint-timeout counts.

                EXAMPLES
                  \(App.commandName) stop word-count --wait
                  \(App.commandName) stop word-count --drain --savepoint-dir /backup --wait --timeout 20m
                """)
    }

    private struct Order: Encodable {
        let drain: Bool
        let targetDirectory: String?
        let timeoutMillis: Int?
    }

    @OptionGroup var target: JobArguments
    @Flag(help: "Stop the sources first and work off what is in flight.") var drain = false
    @Option(help: ArgumentHelp("Write a savepoint of the end into this folder of the server's machine.", valueName: "folder"))
    var savepointDir: String?
    @Flag(help: "Wait until it is done.") var wait = false
    @OptionGroup var patience: SavepointPatience
    @OptionGroup var format: OutputFlags

    func run() async throws {
        let deadline = try patience.deadline(unlessGiven: savepointDir == nil ? "5m" : nil)
        let (client, job) = try await target.find(App.self)
        let request = try await client.begin(
            .POST, "/jobs/\(job.jid)/stop",
            body: Order(
                drain: drain, targetDirectory: savepointDir.map(AbsolutePath.of), timeoutMillis: try patience.serverMillis()))
        guard wait else {
            return try format.say("stopping '\(job.name)' (\(job.jid))", JobOutcomeReport(job, "stopping", request: request))
        }
        let line = WaitingLine("stopping '\(job.name)'")
        let location = try await client.wait(for: job.jid, "savepoints/\(request)", deadline, line).location
        let place = location.map { "; \(savepointDir == nil ? "last checkpoint" : "savepoint"): \($0)" } ?? ""
        try format.say("stopped '\(job.name)' (\(job.jid))\(place)", JobOutcomeReport(job, "stopped", location: location))
    }
}

/// How long a savepoint may take.
struct SavepointPatience: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Give up waiting after this time (exit code 5); it may still be written (default: what the server is set to).",
            valueName: "duration"))
    var timeout: String?

    /// `nil`: as long as the server waits.
    func deadline(unlessGiven fallback: String?) throws -> ContinuousClock.Instant? {
        try (timeout ?? fallback).map { try WaitFlags.deadline($0) }
    }

    /// What the server is told; a little more, so that who gives up first is who was told so by its user.
    func serverMillis() throws -> Int? {
        guard let timeout else { return nil }
        guard let millis = DurationText.parse(timeout), millis > 0 else { throw WaitFlags.refusal(timeout) }
        let range = ControlSettings.savepointMillisRange
        return min(max(millis + 10_000, range.lowerBound), range.upperBound)
    }
}

/// `savepoint JOB`.
struct SavepointCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "savepoint", abstract: "Write a savepoint of a job that runs on, and say where it is.",
            discussion: """
                A savepoint is a folder of its own, independent of backend and parallelism; Weir never deletes one. \
                'submit JOB --from-savepoint PATH' starts from it.

                Waits until it is written, unless --detached is given: as long as --timeout says, else as the server is set to \
                (server.savepoint-timeout, five minutes). A job that takes longer writes it all the same, and its log says where.

                EXAMPLES
                  \(App.commandName) savepoint word-count
                  \(App.commandName) savepoint word-count --savepoint-dir /backup --timeout 30m
                """)
    }

    private struct Order: Encodable {
        let folder: String?
        let timeoutMillis: Int?
        enum CodingKeys: String, CodingKey {
            case timeoutMillis
            case folder = "target-directory"
        }
    }

    @OptionGroup var target: JobArguments
    @Option(
        help: ArgumentHelp(
            "The folder it is made in, of the server's machine (default: savepoints, below the server's --dir).",
            valueName: "folder"))
    var savepointDir: String?
    @Flag(help: "Return at once, with the number of the request.") var detached = false
    @OptionGroup var patience: SavepointPatience
    @OptionGroup var format: OutputFlags

    func run() async throws {
        let deadline = try patience.deadline(unlessGiven: nil)
        let (client, job) = try await target.find(App.self)
        let request = try await client.begin(
            .POST, "/jobs/\(job.jid)/savepoints",
            body: Order(folder: savepointDir.map(AbsolutePath.of), timeoutMillis: try patience.serverMillis()))
        if detached { return try format.say(request, JobOutcomeReport(job, "writing", request: request)) }
        let line = WaitingLine("writing a savepoint of '\(job.name)'")
        let location = try await client.wait(for: job.jid, "savepoints/\(request)", deadline, line).location
        try format.say(location ?? "written", JobOutcomeReport(job, "written", location: location))
    }
}
