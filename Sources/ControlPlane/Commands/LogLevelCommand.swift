import ArgumentParser
import Foundation
import WeirKit

/// `log-level JOB [LABEL=LEVEL…]`.
struct LogLevelCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "log-level", abstract: "Show and set what a running job logs, by label.",
            discussion: """
                A label is what a line of the log has as 'logger': 'weir' is the engine's. It stands for all that begin with it \
                and a dot; the longest that fits counts. 'default' is the level of the rest, and as a level takes a label's own \
                away. Levels hold until the job's process ends; settings log.level and log.levels are those of a start.

                EXAMPLES
                  \(App.commandName) log-level word-count
                  \(App.commandName) log-level word-count weir=debug my-library.http=warning
                  \(App.commandName) log-level word-count weir=default default=info
                """)
    }

    @OptionGroup var target: JobArguments
    @Argument(help: "What to set: label=level; without any, only shows.") var levels: [String] = []
    @OptionGroup var format: OutputFlags

    private struct Change: Encodable { let levels: [String: String] }

    func run() async throws {
        let changes = try LogLevels.parse(levels)
        let (client, job) = try await target.find(App.self)
        let path = "/v1/jobs/\(job.jid)/log-levels"
        let reading: LogLevels.Reading
        if changes.isEmpty {
            reading = try await client.get(path)
        } else {
            let body = try JSONEncoder().encode(Change(levels: changes))
            reading = try client.decode(try await client.send(.PATCH, path, body: body).data)
        }
        if format.isJSON { return print(try JSONOutput.text(reading)) }
        var table = TextTable(["LABEL", "LEVEL"])
        table.rows =
            [[LogLevels.defaultWord, reading.default]] + reading.levels.sorted { $0.key < $1.key }.map { [$0.key, $0.value] }
        print(table.text)
    }
}
