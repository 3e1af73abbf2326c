import StreamRuntime

/// Metrics as a scraper reads them: Prometheus' text format, or OpenMetrics. The two differ in how counters are named in their
/// `TYPE` line, in units, in how bounds of buckets are written, and in the end mark. OpenMetrics' `_created` samples are left
/// out: a process is as old as `process_start_time_seconds` says, and they would double the number of series.
public enum PrometheusText {
    /// All series of one registry.
    public static func render(_ registry: MetricRegistry, as format: ExpositionFormat = .text) -> String {
        render([LabelledRegistry(registry)], as: format)
    }

    /// The series of several registries, each with labels of its own; families of one name are merged. Left out is what would
    /// make the whole answer unreadable: a family that a later registry declares with another type, and a second series of
    /// the same name and labels.
    public static func render(_ registries: [LabelledRegistry], as format: ExpositionFormat = .text) -> String {
        var families: [String: Family] = [:]
        for source in registries {
            for sample in source.registry.read() {
                let name = MetricName.metric(sample.name)
                var family = families[name] ?? Family(kind: sample.kind, help: sample.help)
                guard family.kind == sample.kind else { continue }
                for series in sample.series { family.add(series.labels.merging(source.labels) { own, _ in own }, series.value) }
                families[name] = family
            }
        }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
            switch format {
            case .text: appendHead(name, family, to: &text)
            case .openMetrics: appendOpenMetricsHead(name, family, isTaken: { families[$0] != nil }, to: &text)
            }
            for series in family.series { append(name, family.kind, series, format, to: &text) }
        }
        return format == .openMetrics ? text + "# EOF\n" : text
    }

    private typealias Labels = [(name: String, value: String)]
    private typealias Series = (labels: Labels, value: MetricRegistry.Sample.Value)

    private struct Family {
        let kind: MetricRegistry.Kind
        let help: String
        private(set) var series: [Series] = []
        private var known: Set<[String: String]> = []

        init(kind: MetricRegistry.Kind, help: String) {
            self.kind = kind
            self.help = help
        }

        mutating func add(_ labels: [String: String], _ value: MetricRegistry.Sample.Value) {
            let pairs = labels.sorted { $0.key < $1.key }.map { (MetricName.label($0.key), $0.value) }
            let cleaned = Dictionary(pairs, uniquingKeysWith: { first, _ in first })
            guard known.insert(cleaned).inserted else { return }
            series.append((cleaned.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, value))
        }
    }

    private static func appendHead(_ name: String, _ family: Family, to text: inout String) {
        let help = escaped(family.help, quotes: false)
        if !help.isEmpty { text += "# HELP \(name) \(help)\n" }
        text += "# TYPE \(name) \(family.kind.rawValue)\n"
    }

    /// A counter's family is named without `_total`, which its sample must have. One that cannot be told so is of unknown type.
    private static func appendOpenMetricsHead(
        _ name: String, _ family: Family, isTaken: (String) -> Bool, to text: inout String
    ) {
        var (shown, type) = (name, family.kind.rawValue)
        if family.kind == .counter {
            let base = name.hasSuffix("_total") ? String(name.dropLast("_total".count)) : name
            (shown, type) = base == name || isTaken(base) ? (name, "unknown") : (base, type)
        }
        text += "# TYPE \(shown) \(type)\n"
        for unit in ["seconds", "bytes"] where shown.hasSuffix("_\(unit)") { text += "# UNIT \(shown) \(unit)\n" }
        let help = escaped(family.help, quotes: true)
        if !help.isEmpty { text += "# HELP \(shown) \(help)\n" }
    }

    private static func append(
        _ name: String, _ kind: MetricRegistry.Kind, _ series: Series, _ format: ExpositionFormat, to text: inout String
    ) {
        switch series.value {
        case .number(let value) where kind == .counter || kind == .gauge:
            text += "\(name)\(labelText(series.labels)) \(number(value))\n"
        case .histogram(let bounds, let reading) where kind == .histogram:
            append(name, series.labels, bounds, reading, format, to: &text)
        case .summary(let reading) where kind == .summary: append(name, series.labels, reading, to: &text)
        case .number, .histogram, .summary: return  // another module's, under a name that is taken
        }
    }

    private static func append(
        _ name: String, _ labels: Labels, _ bounds: [Double], _ reading: MetricRegistry.Histogram.Reading,
        _ format: ExpositionFormat, to text: inout String
    ) {
        var total = 0
        for (bound, count) in zip(bounds + [.infinity], reading.counts) {
            total += count
            // OpenMetrics wants bounds to look like floating-point numbers.
            let shown = format == .openMetrics && bound.isFinite ? "\(bound)" : number(bound)
            text += "\(name)_bucket\(labelText(labels + [("le", shown)])) \(total)\n"
        }
        text += "\(name)_sum\(labelText(labels)) \(number(reading.sum))\n"
        text += "\(name)_count\(labelText(labels)) \(reading.count)\n"
    }

    private static func append(
        _ name: String, _ labels: Labels, _ reading: MetricRegistry.Summary.Reading, to text: inout String
    ) {
        for (quantile, seconds) in reading.quantiles {
            text += "\(name)\(labelText(labels + [("quantile", number(quantile))])) \(number(seconds))\n"
        }
        text += "\(name)_sum\(labelText(labels)) \(number(reading.sum))\n"
        text += "\(name)_count\(labelText(labels)) \(reading.count)\n"
    }

    private static func labelText(_ labels: Labels) -> String {
        guard !labels.isEmpty else { return "" }
        return "{\(labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ","))}"
    }

    /// Whole numbers without a fraction; `NaN`, `+Inf`, `-Inf` as the format wants them.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int(value)) }
        return "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(where: { $0 == 92 || $0 == 10 || ($0 == 34 && quotes) }) else { return text }
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}

/// A registry and the labels that tell its series from those of other registries.
public struct LabelledRegistry: Sendable {
    public let registry: MetricRegistry
    public let labels: [String: String]

    public init(_ registry: MetricRegistry, labels: [String: String] = [:]) {
        self.registry = registry
        self.labels = labels
    }
}

/// Names as Prometheus allows them: others' dots and dashes become underscores.
enum MetricName {
    static func metric(_ name: String) -> String { cleaned(name, colons: true) }
    static func label(_ name: String) -> String { cleaned(name, colons: false) }

    private static func cleaned(_ name: String, colons: Bool) -> String {
        let characters = name.utf8.map { byte -> Character in
            let isAllowed =
                (byte >= 97 && byte <= 122) || (byte >= 65 && byte <= 90) || (byte >= 48 && byte <= 57)
                || (colons && byte == 58)
            return isAllowed ? Character(UnicodeScalar(byte)) : "_"
        }
        let first = name.utf8.first ?? 48
        return (first >= 48 && first <= 57 ? "_" : "") + String(characters)
    }
}
