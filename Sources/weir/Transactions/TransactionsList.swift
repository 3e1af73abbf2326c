import ArgumentParser
import ConnectorKafka
import StreamRuntime
import WeirKit

/// `txn list`.
struct TransactionsList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Show the partitions whose readers wait for a transaction, and who may have it open.",
        discussion: """
            Looks twice, --interval apart. A partition whose last stable offset moves in between has a job at work; one that \
            STANDS STILL has a transaction that nobody ends. Brokers do not tell clients of this kind whose it is: below are the \
            transactional ids of the jobs of these settings, and which of those run.

            Exit code 1 when a partition stands still, or could not be asked: it has no leader.

            EXAMPLES
              weir txn list
              weir txn list --brokers kafka-1:9092 --topic trade_executed --topic weir-decisions
              weir txn list --all --output json
            """)

    @OptionGroup var cluster: ClusterFlags
    @Option(help: ArgumentHelp("Only this topic; may be repeated.", valueName: "name")) var topic: [String] = []
    @Flag(help: "Show every partition.") var all = false
    @Option(
        help: ArgumentHelp(
            "Time between the two looks (default: two checkpoint intervals and a second, 3s at least).", valueName: "duration"))
    var interval: String?
    @Option(help: "table or json.") var output = OutputFormat.table

    private enum State: String, Encodable {
        case settled, moving
        case standing = "standing still"
    }
    private struct Row: Encodable {
        let topic: String
        let partition: Int32
        let end: Int64
        let stable: Int64
        let withheld: Int64
        let state: State
    }
    private struct Report: Encodable {
        let partitions: [Row]
        /// `topic/partition` of those that could not be asked.
        let leaderless: [String]
        let jobs: [JobTransactions]
    }
    /// Partitions that are named, of many.
    private static let namedMax = 20

    func run() async throws {
        let configuration = try cluster.configuration()
        let admin = try cluster.admin(configuration)
        let millis = try intervalMillis(configuration)
        let (rows, leaderless) = try await rows(admin, millis)
        let report = Report(
            partitions: rows.filter { all || $0.state != .settled }, leaderless: leaderless,
            jobs: try await JobTransactions.all(configuration))
        switch output {
        case .json: say(try JSONOutput.text(report))
        case .table: say(text(report, of: rows.count))
        }
        let standing = rows.count { $0.state == .standing }
        var problems: [String] = []
        if standing > 0 {
            problems.append(
                "\(standing) partition\(standing == 1 ? " stands" : "s stand") still: start the job that wrote there, or use 'txn abort'"
            )
        }
        if !leaderless.isEmpty {
            let more = leaderless.count > Self.namedMax ? " and \(leaderless.count - Self.namedMax) more" : ""
            problems.append(
                "not asked, for want of a leader: \(leaderless.prefix(Self.namedMax).joined(separator: ", "))\(more); "
                    + "see that their brokers run")
        }
        guard problems.isEmpty else { throw CommandFailure(problems.joined(separator: ". ")) }
    }

    private func intervalMillis(_ configuration: Configuration) throws -> Int {
        guard let interval else { return max(3000, min(60_000, 2 * configuration[StandardSettings.checkpointInterval] + 1000)) }
        guard let millis = DurationText.parse(interval), (100...600_000).contains(millis) else {
            throw UsageError("--interval: '\(interval)' is not a duration of 100ms to 10m")
        }
        return millis
    }

    /// What is open the first time is looked at once more.
    private func rows(_ admin: KafkaAdmin, _ millis: Int) async throws -> ([Row], leaderless: [String]) {
        let topics = topic.isEmpty ? nil : topic
        let first = try await blocking { try admin.reachablePartitionEnds(of: topics) }
        let open = Set(first.ends.filter { $0.withheld > 0 }.map(\.topic))
        var later: [String: KafkaPartitionEnd] = [:]
        var leaderless = Set(first.leaderless)
        if !open.isEmpty {
            try await Task.sleep(for: .milliseconds(millis))
            let second = try await blocking { try admin.reachablePartitionEnds(of: open.sorted()) }
            later = Dictionary(second.ends.map { (Self.name($0), $0) }, uniquingKeysWith: { $1 })
            leaderless.formUnion(second.leaderless)
        }
        let rows = first.ends.filter { !leaderless.contains(Self.name($0)) }.map { before in
            let now = later[Self.name(before)] ?? before
            let isStanding = before.withheld > 0 && now.withheld > 0 && now.stable == before.stable
            return Row(
                topic: now.topic, partition: now.partition, end: now.end, stable: now.stable, withheld: now.withheld,
                state: isStanding ? .standing : now.withheld > 0 ? .moving : .settled)
        }
        return (rows, leaderless.sorted())
    }

    private static func name(_ end: KafkaPartitionEnd) -> String { "\(end.topic)/\(end.partition)" }

    private func text(_ report: Report, of count: Int) -> String {
        var lines: [String] = []
        if report.partitions.isEmpty {
            lines.append("no open transactions on \(count) partitions")
        } else {
            var table = TextTable(["TOPIC", "PARTITION", "END", "STABLE", "WITHHELD", "STATE"])
            table.rows = report.partitions.map {
                [
                    $0.topic, String($0.partition), String($0.end), String($0.stable), String($0.withheld),
                    $0.state == .standing ? "STANDS STILL" : $0.state.rawValue,
                ]
            }
            lines.append(table.text)
        }
        var jobs = TextTable(["JOB", "RUNS", "TRANSACTIONAL IDS"])
        jobs.rows = report.jobs.map { [$0.job, $0.runs ?? "-", $0.transactionalIDs.joined(separator: " ")] }
        return (lines + ["", jobs.text]).joined(separator: "\n")
    }
}
