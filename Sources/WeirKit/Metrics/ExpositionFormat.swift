/// How metrics are written down for a scraper.
public enum ExpositionFormat: Sendable, Equatable {
    /// Prometheus' text format 0.0.4, which every scraper reads.
    case text
    /// OpenMetrics 1.0.
    case openMetrics

    /// What a scraper that sends this `Accept` header likes best; the text format unless it asks for OpenMetrics 1.0 by name.
    public init(accepting accept: String?) {
        var best = (text: 0.0, openMetrics: 0.0)
        for range in (accept ?? "*/*").split(separator: ",") {
            let parts = range.split(separator: ";").map { Self.trimmed($0).lowercased() }
            func parameter(_ name: String) -> String? {
                parts.dropFirst().first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.count + 1)) }
            }
            let quality = parameter("q").map { Double($0) ?? 0 } ?? 1
            let version = parameter("version")
            switch parts.first {
            case "application/openmetrics-text" where version == nil || version == "1.0.0":
                best.openMetrics = max(best.openMetrics, quality)
            case "text/plain" where version == nil || version == "0.0.4": best.text = max(best.text, quality)
            case "text/*", "*/*": best.text = max(best.text, quality)
            default: break
            }
        }
        self = best.openMetrics > 0 && best.openMetrics >= best.text ? .openMetrics : .text
    }

    public var contentType: String {
        switch self {
        case .text: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }
}
