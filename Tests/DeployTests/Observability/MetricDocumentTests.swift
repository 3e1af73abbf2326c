import Foundation
import Testing
import Yams

/// What is written about metrics names those that exist, and all of them.
@Suite struct MetricDocumentTests {
    private let metrics: MetricList

    init() throws { metrics = try MetricList() }

    @Test func theTableOfMetricsIsTheCodes() throws {
        let described = try WeirRun(["metrics", "--output", "markdown"], data: nil)
        #expect(described.status == 0, "\(described.errors)")
        let page = try repository.appendingPathComponent("docs/metrics.md").text
        let begin = try #require(page.range(of: "<!-- weir metrics --output markdown -->\n"))
        let end = try #require(page.range(of: "<!-- end -->"))
        #expect(
            String(page[begin.upperBound..<end.lowerBound]) == described.output,
            "docs/metrics.md is not what `weir metrics --output markdown` prints; put that between the two marks")
    }

    @Test func namesAndUnitsFollowTheConventions() {
        for metric in metrics.all {
            #expect(metric.name.wholeMatch(of: #/[a-z][a-z0-9_]+/#) != nil, "\(metric.name)")
            #expect(metric.name.hasPrefix("weir_") || metric.name.hasPrefix("process_"), "\(metric.name)")
            #expect(metric.name.hasSuffix("_total") == (metric.type == "counter"), "\(metric.name)")
            let base = metric.type == "counter" ? String(metric.name.dropLast("_total".count)) : metric.name
            for unit in ["seconds", "bytes"] {
                let names = base.hasSuffix("_" + unit) || base.contains("_\(unit)_")
                #expect(names == (metric.unit == unit), "\(metric.name) in \(metric.unit)")
            }
            #expect(metric.help.hasSuffix(".") && metric.help.first?.isLowercase == false, "\(metric.name): \(metric.help)")
            #expect((metric.buckets != nil) == (metric.type == "histogram"), "\(metric.name)")
            let buckets = metric.buckets ?? []
            #expect(buckets == buckets.sorted() && Set(buckets).count == buckets.count, "\(metric.name): \(buckets)")
        }
        #expect(metrics.byName.count == metrics.all.count, "two metrics of one name")
    }

    /// A name that is written down where the metric is used, and not in a description, would be missing from every list.
    @Test func everyNameInTheSourcesIsDescribed() throws {
        for file in try repository.appendingPathComponent("Sources").files(".swift") {
            for found in try file.text.matches(of: #/"(weir_[a-z0-9_]+)"/#) {
                #expect(metrics.byName[String(found.1)] != nil, "\(file.lastPathComponent): \(found.1) has no MetricDescription")
            }
        }
    }

    @Test func everyNameInTheDocumentsExists() throws {
        var files = try repository.appendingPathComponent("docs").files(".md")
        files += try repository.appendingPathComponent("deploy").files(".md")
        files += try repository.appendingPathComponent("deploy").files(".tf")
        files += [repository.appendingPathComponent("README.md")]
        for file in files {
            // A document may name a histogram as such, an expression only its series.
            let unknown = try metrics.unknown(in: file.text).filter { metrics.byName[$0] == nil }
            #expect(unknown == [], "\(file.lastPathComponent)")
        }
    }

    // MARK: deploy

    @Test func alertsNameMetricsThatExistAndEachIsTested() throws {
        struct Rules: Decodable {
            struct Group: Decodable { let rules: [Rule] }
            struct Rule: Decodable {
                let alert: String
                let expr: String
                let labels: [String: String]
                let annotations: [String: String]
            }
            let groups: [Group]
        }
        let text = try observability.appendingPathComponent("alerts.yml").text
        let tests = try observability.appendingPathComponent("alerts_test.yml").text
        let rules = try YAMLDecoder().decode(Rules.self, from: text).groups.flatMap(\.rules)
        #expect(rules.count > 20)
        for rule in rules {
            #expect(metrics.unknown(in: rule.expr) == [], "\(rule.alert)")
            #expect(["critical", "warning", "info"].contains(rule.labels["severity"]), "\(rule.alert)")
            #expect(Set(rule.annotations.keys) == ["summary", "description"], "\(rule.alert)")
            #expect(tests.contains("alertname=\"\(rule.alert)\""), "\(rule.alert) is raised in no test")
        }
    }

    @Test(arguments: try Dashboard.all()) func dashboardsNameMetricsAndLabelsThatExist(dashboard: Dashboard) throws {
        let labels = Set(metrics.all.flatMap(\.labels) + ["job", "instance", "job_name", "job_id", "le", "quantile"])
        let variables = Set(dashboard.variables.map(\.name))
        #expect(dashboard.panels.count > 5)
        for panel in dashboard.panels {
            #expect(!panel.expressions.isEmpty, "\(panel.title)")
            for expression in panel.expressions {
                #expect(metrics.unknown(in: expression) == [], "\(panel.title): \(expression)")
                for used in expression.matches(of: #/[{,]\s*([a-z_]+)\s*(=|!)/#).map({ String($0.1) }) {
                    #expect(labels.contains(used), "\(panel.title): label \(used)")
                }
                for list in expression.matches(of: #/\bby \(([^)]*)\)/#).map(\.1) {
                    for used in list.split(separator: ",").map({ $0.trimmingCharacters(in: .whitespaces) }) {
                        #expect(labels.contains(used), "\(panel.title): label \(used)")
                    }
                }
                for used in expression.matches(of: #/\$([a-z_]+)/#).map({ String($0.1) }) where !used.hasPrefix("__") {
                    #expect(variables.contains(used), "\(panel.title): variable \(used)")
                }
            }
        }
        for variable in dashboard.variables {
            #expect(metrics.unknown(in: variable.query) == [], "variable \(variable.name)")
        }
    }

    @Test func dashboardsShowEveryQuantileOfTheLatency() throws {
        let expressions = try Dashboard.all().flatMap(\.panels).flatMap(\.expressions)
            .filter { $0.contains("weir_operator_latency_seconds{") }
        let shown = expressions.flatMap { $0.matches(of: #/quantile="([0-9.]+)"/#).compactMap { Double($0.1) } }
        #expect(shown.sorted() == [0.5, 0.99, 0.999])
    }

    /// Together they show everything.
    @Test func everyMetricIsOnADashboard() throws {
        let shown = try Dashboard.all().flatMap(\.panels).flatMap(\.expressions).joined(separator: " ")
        // Told in a description, of no use as a curve, or alerted on.
        let elsewhere: Set = [
            "process_start_time_seconds", "weir_process_uptime_seconds", "process_virtual_memory_bytes",
            "weir_lookup_cache_entries", "weir_metrics_series_dropped_total", "weir_kafka_bytes_sent_total",
            "weir_rocksdb_compaction_pending", "weir_server_job_answers",
        ]
        for metric in metrics.all where !elsewhere.contains(metric.name) {
            #expect(shown.contains(metric.name), "\(metric.name)")
        }
    }

    @Test func whatGoesToCloudWatchExists() throws {
        let collector = try Yams.load(yaml: repository.appendingPathComponent("deploy/aws/collector.yaml").text) as? [String: Any]
        let processors = collector?["processors"] as? [String: Any]
        let filter = (processors?["filter/metrics"] as? [String: Any])?["metrics"] as? [String: Any]
        let patterns = try #require((filter?["include"] as? [String: Any])?["metric_names"] as? [String])
        let names = metrics.all.map(\.name)
        for pattern in patterns {
            // Each alternative by itself.
            let parts = try #require(pattern.firstMatch(of: #/(.*)\((.*)\)(.*)/#))
            for alternative in parts.2.split(separator: "|") {
                let regex = try Regex("\(parts.1)\(alternative)\(parts.3)")
                #expect(names.contains { $0.wholeMatch(of: regex) != nil }, "\(alternative)")
            }
        }
        let alarms = try repository.appendingPathComponent("deploy/aws/observability.tf").text
            .matches(of: #/metric_name\s*=\s*"([^"]*)"/#).map { String($0.1) }
        #expect(!alarms.isEmpty)
        for alarm in alarms {
            #expect(metrics.byName[alarm] != nil, "\(alarm)")
            #expect(try patterns.contains { alarm.wholeMatch(of: try Regex($0)) != nil }, "\(alarm) is not sent")
        }
    }
}

/// A Grafana dashboard of deploy/observability.
struct Dashboard: Sendable, CustomTestStringConvertible {
    struct Panel: Sendable {
        let title: String
        let expressions: [String]
    }
    struct Variable: Sendable {
        let name: String
        let query: String
    }

    let title: String
    let panels: [Panel]
    let variables: [Variable]
    var testDescription: String { title }

    static func all() throws -> [Dashboard] {
        let found = try observability.appendingPathComponent("dashboards").files(".json").map(Dashboard.init)
        try #require(found.count == 4)
        return found
    }

    private init(_ file: URL) throws {
        struct Document: Decodable {
            struct Panel: Decodable {
                struct Target: Decodable { let expr: String }
                let type: String
                let title: String
                let targets: [Target]?
            }
            struct Templating: Decodable {
                struct Item: Decodable {
                    let name: String
                    let definition: String?
                }
                let list: [Item]
            }
            let title: String
            let panels: [Panel]
            let templating: Templating
        }
        let document = try JSONDecoder().decode(Document.self, from: Data(contentsOf: file))
        title = document.title
        panels = document.panels.filter { $0.type != "row" }
            .map { Panel(title: $0.title, expressions: ($0.targets ?? []).map(\.expr)) }
        variables = document.templating.list.map { Variable(name: $0.name, query: $0.definition ?? "") }
    }
}
