import ArgumentParser
import StreamRuntime

/// `metrics`: what `/metrics` can show here.
struct MetricsCommand<App: WeirApplication>: ParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "metrics", abstract: "List every metric this executable can show, with type, unit, labels and meaning.",
            discussion: """
                Metrics are served at /metrics of every process; a metric appears when what it measures does. Markdown is what \
                docs/metrics.md holds.

                EXAMPLES
                  \(App.commandName) metrics
                  \(App.commandName) metrics --output json
                """)
    }

    enum Output: String, ExpressibleByArgument, CaseIterable { case table, json, markdown }

    @Option(help: "table, json or markdown.")
    var output = Output.table

    private struct Entry: Encodable {
        let name: String
        let type: String
        let unit: String
        let labels: [String]
        let help: String
        let buckets: [Double]?

        init(_ metric: MetricDescription) {
            name = metric.name
            type = metric.kind.rawValue
            unit = metric.unit
            labels = metric.labels.map(\.name)
            help = metric.help
            buckets = metric.bounds.isEmpty ? nil : metric.bounds
        }
    }

    func run() throws {
        let catalog = MetricCatalog(App.self)
        switch output {
        case .json: print(try JSONOutput.text(catalog.all.map(Entry.init)))
        case .markdown: print(catalog.markdown)
        case .table:
            var table = TextTable(["METRIC", "TYPE", "UNIT", "LABELS", "MEANING"])
            table.rows = catalog.all.map { metric in
                let labels = metric.labels.map(\.name).joined(separator: ", ")
                return [metric.name, metric.kind.rawValue, metric.unit, labels.isEmpty ? "-" : labels, metric.help]
            }
            print(table.text)
        }
    }
}
