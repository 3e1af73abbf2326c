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

            Exit code 1 when a partition stands still.

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
        let jobs: [JobTransactions]
    }

    func run() async throws {
        let configuration = try cluster.configuration()
        let admin = try cluster.admin(configuration)
        let millis = try intervalMillis(configuration)
        let rows = try await rows(admin, millis)
        let report = Report(
            partitions: rows.filter { all || $0.state != .settled },
            jobs: try await JobTransactions.all(configuration))
        switch output {
        case .json: say(try JSONOutput.text(report))
        case .table: say(text(report, of: rows.count))
        }
        let standing = rows.count { $0.state == .standing }
        guard standing == 0 else {
            throw CommandFailure(
                "\(standing) partition\(standing == 1 ? " stands" : "s stand") still: start the job that wrote there, or use 'txn abort'"
            )
        }
    }

    private func intervalMillis(_ configuration: Configuration) throws -> Int {
        guard let interval else { return max(3000, min(60_000, 2 * configuration[StandardSettings.checkpointInterval] + 1000)) }
        guard let millis = DurationText.parse(interval), (100...600_000).contains(millis) else {
            throw UsageError("--interval: '\(interval)' is not a duration of 100ms to 10m")
        }
        return millis
    }

    /// What is open the first time is looked at once more.
    private func rows(_ admin: KafkaAdmin, _ millis: Int) async throws -> [Row] {
        let topics = topic.isEmpty ? nil : topic
        let first = try await blocking { try admin.partitionEnds(of: topics) }
        let open = Set(first.filter { $0.withheld > 0 }.map(\.topic))
        var later: [String: KafkaPartitionEnd] = [:]
        if !open.isEmpty {
            try await Task.sleep(for: .milliseconds(millis))
            let second = try await blocking { try admin.partitionEnds(of: open.sorted()) }
            later = Dictionary(second.map { ("\($0.topic)/\($0.partition)", $0) }, uniquingKeysWith: { $1 })
        }
        return first.map { before in
            let now = later["\(before.topic)/\(before.partition)"] ?? before
            let isStanding = before.withheld > 0 && now.withheld > 0 && now.stable == before.stable
            return Row(
                topic: now.topic, partition: now.partition, end: now.end, stable: now.stable, withheld: now.withheld,
                state: isStanding ? .standing : now.withheld > 0 ? .moving : .settled)
        }
    }

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
