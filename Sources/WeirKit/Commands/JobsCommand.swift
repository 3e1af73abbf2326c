import ArgumentParser

/// `jobs`: what this executable can run.
struct JobsCommand<App: WeirApplication>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "jobs", abstract: "List the jobs of this executable and their settings.",
            discussion: """
                What runs on a weir server is shown by its 'list'. 'config --describe' tells what the settings mean.

                EXAMPLES
                  \(App.commandName) jobs
                  \(App.commandName) jobs --output json
                """)
    }

    @Option(help: "table or json.")
    var output = OutputFormat.table

    private struct Job: Encodable {
        let name: String
        let summary: String
        let settings: [KeyDescription]
    }

    func run() throws {
        let jobs = App.jobs.map { type in
            Job(name: type.name, summary: type.summary, settings: type.configurationKeys.map(KeyDescription.init))
        }.sorted { $0.name < $1.name }
        if output == .json { return print(try JSONOutput.text(jobs)) }
        var table = TextTable(["JOB", "SUMMARY", "SETTINGS"])
        table.rows = jobs.map { job in
            [job.name, job.summary, job.settings.isEmpty ? "-" : job.settings.map(\.name).joined(separator: ", ")]
        }
        print(table.text)
    }
}
