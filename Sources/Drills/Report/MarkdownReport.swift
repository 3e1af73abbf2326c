extension DrillReport {
    /// A page for a repository or a ticket.
    public var markdown: String {
        var lines = ["# Drill of \(job): \(verdict)", ""]
        if !isPassed { lines += failures.map { "- **\(Self.escaped($0))**" } + [""] }
        lines += ["| | |", "|---|---|"]
        lines += facts.map { "| \($0.name) | \(Self.escaped($0.value)) |" }
        lines += ["", "## Recovery", ""]
        lines += ["From a kill to the first new output; else from the end of the trouble. In ms.", ""]
        lines += ["| trouble | times | measured | p50 | p99 | longest |", "|---|---|---|---|---|---|"]
        for times in recovery {
            lines.append(
                "| \(times.kind.rawValue) | \(times.troubles) | \(times.measured) | \(Self.cell(times.p50Millis)) "
                    + "| \(Self.cell(times.p99Millis)) | \(Self.cell(times.maxMillis)) |")
        }
        lines += ["", "## Timeline", "", "```", sparkline, "```", ""]
        lines += ["| at | trouble | lasted | recovery |", "|---|---|---|---|"]
        for mark in troubles.prefix(Self.marksMax) {
            let lasted = mark.endedMillis.map { "\($0 - mark.beganMillis) ms" } ?? ""
            let note = mark.note.map { " (\($0))" } ?? ""
            lines.append(
                "| \(Units.seconds(mark.beganMillis)) | \(Self.escaped(mark.kind.rawValue + note)) | \(lasted) "
                    + "| \(mark.recoveryMillis.map { "\($0) ms" } ?? "–") |")
        }
        if troubles.count > Self.marksMax { lines.append("| … | \(troubles.count - Self.marksMax) more | | |") }
        if !findings.details.isEmpty { lines += ["", "## Findings", ""] + findings.details.map { "- \(Self.escaped($0))" } }
        return lines.joined(separator: "\n") + "\n"
    }

    static let marksMax = 500

    /// What every form of the report says at its top.
    var facts: [(name: String, value: String)] {
        var facts: [(name: String, value: String)] = [
            ("verdict", verdict), ("found", findings.summary),
            ("inputs, outputs", "\(findings.inputs), \(findings.outputs)"),
            ("troubles", troublesText + (endedByItself > 0 ? "; ended by itself \(endedByItself)×" : "")),
            ("began", startedAt), ("lasted", Units.seconds(durationMillis)), ("outputs a second", "\(Int(meanRate))"),
        ]
        facts += setup.map { ("setup", $0) }
        if let trend { facts.append(("resources", Self.trendText(trend))) }
        facts.append(("seed", "\(seed)"))
        if !version.isEmpty { facts.append(("version", version)) }
        return facts
    }

    /// Throughput in one line of eighths of a block.
    private var sparkline: String {
        let columns = Self.columns(throughput, count: 100)
        let most = columns.max() ?? 0
        let blocks = Array(" ▁▂▃▄▅▆▇█")
        return String(columns.map { most > 0 ? blocks[Int(($0 / most * 8).rounded(.up))] : " " })
    }

    /// `count` columns at most, each the mean of the buckets under it.
    static func columns(_ buckets: [Int], count: Int) -> [Double] {
        let width = max(1, (buckets.count + count - 1) / count)
        return stride(from: 0, to: buckets.count, by: width).map { begin in
            let slice = buckets[begin..<min(begin + width, buckets.count)]
            return Double(slice.reduce(0, +)) / Double(slice.count)
        }
    }

    private static func cell(_ value: Int?) -> String { value.map(String.init) ?? "–" }

    private static func escaped(_ text: String) -> String {
        text.replacing("|", with: "\\|").replacing("\n", with: " ").replacing("<", with: "&lt;")
    }
}
