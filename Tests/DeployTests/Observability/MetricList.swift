import Foundation
import Testing

/// What `weir metrics` lists.
struct MetricList {
    struct Metric: Decodable, Sendable {
        let name: String
        let type: String
        let unit: String
        let labels: [String]
        let help: String
        let buckets: [Double]?
    }

    let all: [Metric]
    let byName: [String: Metric]

    init() throws {
        let run = try WeirRun(["metrics", "--output", "json"], data: nil)
        try #require(run.status == 0, "\(run.errors)")
        all = try JSONDecoder().decode([Metric].self, from: Data(run.output.utf8))
        byName = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The metric a series belongs to: a histogram has buckets, a sum and a count, a summary quantiles, a sum and a count.
    func metric(ofSeries name: String) -> Metric? {
        if let metric = byName[name], metric.type != "histogram" { return metric }
        for (suffix, types) in [
            ("_bucket", ["histogram"]), ("_sum", ["histogram", "summary"]), ("_count", ["histogram", "summary"]),
        ]
        where name.hasSuffix(suffix) {
            if let metric = byName[String(name.dropLast(suffix.count))], types.contains(metric.type) { return metric }
        }
        return nil
    }

    /// Names of series an expression mentions that no metric has.
    func unknown(in expression: String) -> [String] {
        expression.matches(of: #/\b(weir|process)_[a-z0-9_]+/#).map { String($0.output.0) }
            .filter { metric(ofSeries: $0) == nil }
    }
}

extension URL {
    /// The files below this folder whose names end so.
    func files(_ suffix: String) throws -> [URL] {
        let found = try #require(FileManager.default.enumerator(at: self, includingPropertiesForKeys: nil))
        return found.compactMap { $0 as? URL }.filter { $0.lastPathComponent.hasSuffix(suffix) }
            .sorted { $0.path < $1.path }
    }

    var text: String { get throws { try String(contentsOf: self, encoding: .utf8) } }
}
