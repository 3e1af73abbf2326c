import StateRocksDB
import StreamRuntime

/// Every metric an executable can show: what `metrics` prints, and what docs/metrics.md is made of.
public struct MetricCatalog: Sendable {
    /// By name.
    public let all: [MetricDescription]

    /// What every executable has, and what `application` adds.
    public init<App: WeirApplication>(_ application: App.Type) {
        self.init(
            MetricDescription.engine + MetricDescription.rocksDB + MetricDescription.job + MetricDescription.tracing
                + MetricDescription.process + App.metrics)
    }

    package init(_ metrics: [MetricDescription]) { all = metrics.sorted { $0.name < $1.name } }

    /// The labels in use, and the two that tell jobs of one process apart.
    public var labels: [MetricLabel] {
        let own = Set(all.flatMap(\.labels) + [.jobName, .jobID])
        return own.sorted { ($0.name, $0.meaning, $0.bound) < ($1.name, $1.meaning, $1.bound) }
    }

    /// Two Markdown tables: metrics, and their labels.
    var markdown: String {
        let metrics = all.map { metric in
            let labels = metric.labels.map { "`\($0.name)`" }.joined(separator: ", ")
            return "| `\(metric.name)` | \(metric.kind.rawValue) | \(metric.unit) | \(labels) | \(metric.help) |"
        }
        let rows = labels.map { "| `\($0.name)` | \($0.meaning) | \($0.bound) |" }
        return
            (["| metric | type | unit | labels | meaning |", "|---|---|---|---|---|"] + metrics
            + ["", "| label | is | how many values |", "|---|---|---|"] + rows).joined(separator: "\n")
    }
}

extension MetricLabel {
    static let jobName = MetricLabel(
        "job_name", "the job, on what belongs to one job", bound: "jobs of the process")
    static let jobID = MetricLabel(
        "job_id", "the job's id, where two jobs of a process have one name", bound: "jobs of the process")
}
