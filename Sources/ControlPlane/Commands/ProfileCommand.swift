import ArgumentParser
import Foundation
import StreamRuntime
import WeirKit

extension ProfileMethod: ExpressibleByArgument {}

/// `profile JOB`.
struct ProfileCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "profile", abstract: "Watch where a running job spends its time, and draw a flame graph of it.",
            discussion: """
                The server samples the stacks of the job's threads with Linux's perf, 99 times a second, while the job runs on. \
                Where perf is missing or not permitted it draws the engine's own accounting instead: the busy and \
                back-pressured time of each subtask; --method stacks makes that an error. What was done is said on standard \
                error, and in the picture.

                perf needs the package linux-perf (Ubuntu: linux-tools), and a server that runs as root or with \
                'sysctl kernel.perf_event_paranoid=2' or less.

                The file is one SVG for any browser: a box is as wide as its share of the samples; click one to enlarge it.

                EXAMPLES
                  \(App.commandName) profile word-count
                  \(App.commandName) profile word-count --seconds 30 --output slow.svg
                  \(App.commandName) profile word-count --method busy --output - > busy.svg
                """)
    }

    @OptionGroup var target: JobArguments
    @Option(help: ArgumentHelp("How long to watch, 1 to \(JobProfile.secondsMax).", valueName: "n")) var seconds = 10
    @Option(help: "Where figures come from: auto, stacks or busy.") var method = ProfileMethod.auto
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp(
            "The file to write; '-': standard output (default: JOB-profile.svg).", valueName: "file"))
    var output: String?

    private struct Order: Encodable {
        let seconds: Int
        let method: String
    }

    func run() async throws {
        guard (1...JobProfile.secondsMax).contains(seconds) else {
            throw UsageError("--seconds: \(seconds) is not between 1 and \(JobProfile.secondsMax)")
        }
        let (client, job) = try await target.find(App.self)
        let request = try await client.begin(
            .POST, "/jobs/\(job.jid)/profile", body: Order(seconds: seconds, method: method.rawValue))
        let line = WaitingLine("watching '\(job.name)'", ofSeconds: seconds)
        let done = try await client.wait(for: job.jid, "profile/\(request)", nil, line)
        let svg = try await client.raw("/jobs/\(job.jid)/profile")
        if let note = done.note { StandardError.print(note) }
        guard output != "-" else { return try StandardOutput.write(svg) }
        let file = output ?? "\(job.name)-profile.svg"
        do { try svg.write(to: URL(fileURLWithPath: file)) } catch {
            throw CommandFailure("--output: \(file) cannot be written: \(error.localizedDescription)")
        }
        print(file)
    }
}
