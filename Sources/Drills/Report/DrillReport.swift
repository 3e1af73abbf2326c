import Foundation

/// Everything a drill found: what `--output json` prints, and what the other forms are made from.
public struct DrillReport: Sendable, Codable {
    public var job: String
    /// What ran, in the words of the drill: state size, rate, transport.
    public var setup: [String]
    public var seed: UInt64
    /// UTC, ISO 8601.
    public var startedAt: String
    public var durationMillis: Int
    /// The version of the executable.
    public var version: String
    public var troubles: [DrillTimeline.Mark]
    public var recovery: [RecoveryTimes]
    /// Outputs that became visible in each bucket.
    public var throughput: [Int]
    public var bucketMillis: Int
    public var findings: DrillFindings
    public var resources: [ResourceReading]
    public var trend: ResourceTrend?
    /// How often the process ended by itself, or not in order when it was stopped, because no file could be written.
    public var endedByItself: Int
    /// Why the drill did not pass; empty: it did.
    public var failures: [String]

    public var isPassed: Bool { failures.isEmpty }

    public init(
        job: String, setup: [String], seed: UInt64, startedAt: Date, durationMillis: Int, version: String,
        timeline: DrillTimeline, findings: DrillFindings, resources: [ResourceReading], endedByItself: Int, failures: [String]
    ) {
        self.job = job
        self.setup = setup
        self.seed = seed
        self.startedAt = ISO8601DateFormatter().string(from: startedAt)
        self.durationMillis = durationMillis
        self.version = version
        troubles = timeline.marks
        recovery = RecoveryTimes.all(timeline.marks)
        throughput = timeline.buckets
        bucketMillis = timeline.bucketMillis
        self.findings = findings
        self.resources = resources
        trend = ResourceTrend(resources)
        self.endedByItself = endedByItself
        self.failures = failures
    }

    public var verdict: String { isPassed ? "PASSED" : "FAILED" }

    /// Outputs a second, over the whole drill.
    public var meanRate: Double { durationMillis > 0 ? Double(findings.outputs) * 1000 / Double(durationMillis) : 0 }

    /// `12 kill, 3 stop-cont`.
    public var troublesText: String {
        recovery.isEmpty ? "none" : recovery.map { "\($0.troubles) \($0.kind.rawValue)" }.joined(separator: ", ")
    }

    /// For people at a terminal.
    public var text: String {
        var lines = ["", "drill of \(job): \(verdict)"]
        lines += failures.map { "  \($0)" }
        lines += [
            "  troubles    \(troublesText)" + (endedByItself > 0 ? "; ended by itself \(endedByItself)×" : ""),
            "  inputs      \(findings.inputs), outputs \(findings.outputs), \(Int(meanRate))/s in \(Units.seconds(durationMillis))",
            "  found       \(findings.summary)",
        ]
        for times in recovery {
            lines.append("  recovery    " + Self.recoveryText(times))
        }
        if let trend { lines.append("  resources   " + Self.trendText(trend)) }
        lines += findings.details.map { "    \($0)" }
        lines.append("  seed        \(seed)")
        return lines.joined(separator: "\n")
    }

    static func recoveryText(_ times: RecoveryTimes) -> String {
        guard let p50 = times.p50Millis, let p99 = times.p99Millis, let most = times.maxMillis else {
            return "\(times.kind.rawValue): not measured, the next trouble always came first"
        }
        return
            "\(times.kind.rawValue): p50 \(p50) ms, p99 \(p99) ms, longest \(most) ms (\(times.measured) of \(times.troubles) measured)"
    }

    static func trendText(_ trend: ResourceTrend) -> String {
        "\(trend.isFlat ? "flat" : "GROWING"): memory \(Units.signedMebibytes(trend.residentBytesPerHour))/h around "
            + "\(Units.mebibytes(trend.residentBytesMean)), files \(Units.signed(trend.openFilesPerHour))/h around "
            + "\(Int(trend.openFilesMean.rounded())), over \(Units.seconds(trend.measuredMillis))"
    }
}

/// Numbers with their units, as the reports write them.
enum Units {
    static func seconds(_ millis: Int) -> String {
        millis < 120_000 ? "\(Double(millis / 100) / 10) s" : "\(Double(millis / 6_000) / 10) min"
    }

    static func mebibytes(_ bytes: Double) -> String { "\((bytes / 1_048_576 * 10).rounded() / 10) MiB" }
    static func signedMebibytes(_ bytes: Double) -> String { (bytes < 0 ? "" : "+") + mebibytes(bytes) }
    static func signed(_ value: Double) -> String { (value < 0 ? "" : "+") + "\((value * 10).rounded() / 10)" }
}
