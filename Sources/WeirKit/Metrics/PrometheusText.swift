import StreamRuntime

/// Metrics as Prometheus' text exposition format 0.0.4.
public enum PrometheusText {
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// All series of one registry.
    public static func render(_ registry: MetricRegistry) -> String { render([LabelledRegistry(registry)]) }

    /// The series of several registries, each with labels of its own; families of one name are merged. A
    /// family that a later registry declares with another type is left out there: it would make the whole
    /// answer unreadable.
    public static func render(_ registries: [LabelledRegistry]) -> String {
        var families: [String: Family] = [:]
        for source in registries {
            for sample in source.registry.read() {
                var family = families[sample.name] ?? Family(kind: sample.kind, help: sample.help)
                guard family.kind == sample.kind else { continue }
                for series in sample.series {
                    let labels = series.labels.merging(source.labels) { own, _ in own }
                    family.series.append((labels.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, series.value))
                }
                families[sample.name] = family
            }
        }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) where !family.series.isEmpty {
            append(MetricName.metric(name), family, to: &text)
        }
        return text
    }

    private struct Family {
        let kind: MetricRegistry.Kind
        let help: String
        var series: [(labels: [(name: String, value: String)], value: MetricRegistry.Sample.Value)] = []
    }

    private static func append(_ name: String, _ family: Family, to text: inout String) {
        let help = escaped(family.help, quotes: false)
        if !help.isEmpty { text += "# HELP \(name) \(help)\n" }
        text += "# TYPE \(name) \(family.kind.rawValue)\n"
        for series in family.series {
            switch series.value {
            case .number(let value) where family.kind != .histogram:
                text += "\(name)\(labelText(series.labels)) \(number(value))\n"
            case .histogram(let bounds, let reading) where family.kind == .histogram:
                append(name, series.labels, bounds, reading, to: &text)
            case .number, .histogram: continue  // another module's, under a name that is taken
            }
        }
    }

    private static func append(
        _ name: String, _ labels: [(name: String, value: String)], _ bounds: [Double],
        _ reading: MetricRegistry.Histogram.Reading, to text: inout String
    ) {
        var total = 0
        for (bound, count) in zip(bounds + [.infinity], reading.counts) {
            total += count
            text += "\(name)_bucket\(labelText(labels + [("le", number(bound))])) \(total)\n"
        }
        text += "\(name)_sum\(labelText(labels)) \(number(reading.sum))\n"
        text += "\(name)_count\(labelText(labels)) \(reading.count)\n"
    }

    private static func labelText(_ labels: [(name: String, value: String)]) -> String {
        guard !labels.isEmpty else { return "" }
        let pairs = labels.map { "\(MetricName.label($0.name))=\"\(escaped($0.value, quotes: true))\"" }
        return "{\(pairs.joined(separator: ","))}"
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
