import ArgumentParser
import Foundation
import StreamRuntime
import WeirKit

/// `list`.
struct ListCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "list", abstract: "List the jobs of a weir server.",
            discussion: """
                EXAMPLES
                  \(App.commandName) list --running
                  \(App.commandName) list --output json | jq -r '.[] | select(.status == "FAILED") | .id'
                """)
    }

    @Flag(name: .shortAndLong, help: "Only jobs that have not ended.") var running = false
    @OptionGroup var flags: ControlFlags
    @OptionGroup var format: OutputFlags

    private struct Row: Encodable {
        let id: String
        let name: String
        let status: String
        let reason: String?
        let pid: Int?
        let parallelism: Int
        let startedAtMillis: Int64
        let durationMillis: Int64
        let restarts: Int
        let checkpoint: Int?
    }

    func run() async throws {
        let jobs = try await flags.client(App.self).jobs().filter { !running || !$0.isEnded }
        let rows = jobs.map { job in
            Row(
                id: job.jid, name: job.name, status: job.weir.status, reason: job.weir.reason, pid: job.weir.pid,
                parallelism: job.weir.parallelism, startedAtMillis: job.startTime, durationMillis: job.duration,
                restarts: job.weir.restarts + job.weir.relaunches, checkpoint: job.weir.checkpoint)
        }
        if format.isJSON { return print(try JSONOutput.text(rows)) }
        guard !rows.isEmpty else { return print("no jobs; 'submit JOB' adds one") }
        var table = TextTable(["JOB", "ID", "STATUS", "PID", "PARALLELISM", "AGE", "RESTARTS", "CHECKPOINT"])
        table.rows = rows.map {
            [
                $0.name, $0.id, $0.status, $0.pid.map(String.init) ?? "-", String($0.parallelism),
                Age.text(millis: $0.durationMillis), String($0.restarts), $0.checkpoint.map(String.init) ?? "-",
            ]
        }
        print(table.text)
        for row in rows { if let reason = row.reason { print("\(row.name): \(reason)") } }
    }
}

/// A time span for people: two units at most.
enum Age {
    static func text(millis: Int64) -> String {
        let seconds = max(0, millis) / 1000
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3600: return "\(seconds / 60)m \(seconds % 60)s"
        case ..<86_400: return "\(seconds / 3600)h \(seconds % 3600 / 60)m"
        default: return "\(seconds / 86_400)d \(seconds % 86_400 / 3600)h"
        }
    }
}

/// `describe JOB`.
struct DescribeCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "describe", abstract: "Show a job: its graph, its subtasks, checkpoints, failures and history.",
            discussion: """
                OUT counts what a chain sent to other chains: '-' where none reads from it, as from a sink. P50, P99 and P99.9: \
                how long records of the last minute or two took from the slowest source to the chain's last operator. \
                With --output json it is the server's document of the job, in Flink's shape.

                EXAMPLES
                  \(App.commandName) describe word-count
                  \(App.commandName) describe word-count --output json
                """)
    }

    @OptionGroup var target: JobArguments
    @OptionGroup var format: OutputFlags

    func run() async throws {
        let (client, job) = try await target.find(App.self)
        if format.isJSON {
            return try StandardOutput.write(try await client.raw("/jobs/\(job.jid)") + Data("\n".utf8))
        }
        let details: JobDetails = try await client.get("/jobs/\(job.jid)")
        let checkpoints: Checkpoints = try await client.get("/jobs/\(job.jid)/checkpoints")
        let failures: Failures = try await client.get("/jobs/\(job.jid)/exceptions")
        var text = TextTable(["job", job.name])
        text.rows = [
            ["id", job.jid], ["status", job.weir.status + (job.weir.reason.map { ": \($0)" } ?? "")],
            ["process", job.weir.pid.map(String.init) ?? "-"], ["executable", job.weir.executable],
            ["folder", job.weir.workingDirectory], ["age", Age.text(millis: job.duration)],
            ["restarts", "\(job.weir.restarts) of attempts, \(job.weir.relaunches) of processes"],
            [
                "checkpoints",
                "\(checkpoints.counts.completed) decided, \(checkpoints.counts.failed) given up"
                    + (job.weir.checkpoint.map { ", last \($0)" } ?? ""),
            ],
        ]
        print(text.text)
        var vertices = TextTable(["CHAIN", "PARALLELISM", "STATUS", "IN", "OUT", "P50", "P99", "P99.9"])
        vertices.rows = details.vertices.map {
            [
                $0.name, String($0.parallelism), $0.status, String($0.metrics.recordsIn),
                $0.hasReaders ? String($0.metrics.recordsOut) : "-", LatencyText.text($0.weir?.latencyP50Seconds),
                LatencyText.text($0.weir?.latencyP99Seconds), LatencyText.text($0.weir?.latencyP999Seconds),
            ]
        }
        print("\n" + vertices.text)
        for failure in failures.history.entries.prefix(5) {
            print("\n\(UTCTime.text(failure.timestamp)) \(failure.taskName): \(failure.exceptionName): \(failure.stacktrace)")
        }
        print("")
        for event in failures.weir.events.prefix(10) { print("\(UTCTime.text(event.timestamp))  \(event.text)") }
    }
}

/// What commands read of Flink's documents.
struct JobDetails: Decodable {
    struct Vertex: Decodable {
        struct Metrics: Decodable {
            let recordsIn: Int
            let recordsOut: Int
            enum CodingKeys: String, CodingKey {
                case recordsIn = "read-records"
                case recordsOut = "write-records"
            }
        }
        let id: String
        let name: String
        let parallelism: Int
        let status: String
        let metrics: Metrics
        let weir: OwnOfChain?

        var hasReaders: Bool { weir?.hasReaders ?? true }
    }
    let vertices: [Vertex]
}

/// Weir's own words about a chain; a server of an earlier release has none.
struct OwnOfChain: Decodable {
    let hasReaders: Bool?
    let latencyP50Seconds: Double?
    let latencyP99Seconds: Double?
    let latencyP999Seconds: Double?
    let checkpointMillis: Int64?
    let operators: [OwnOfOperator]?
}

/// And about an operator of it.
struct OwnOfOperator: Codable {
    let id: String
    let recordsInPerSecond: Double?
    let recordsOutPerSecond: Double?
    let lagRecords: Int?
    let latencyP50Seconds: Double?
    let latencyP99Seconds: Double?
    let latencyP999Seconds: Double?
}

/// A latency for people.
enum LatencyText {
    static func text(_ seconds: Double?) -> String {
        guard let seconds else { return "-" }
        switch seconds {
        case ..<0.001: return "\(Int((seconds * 1_000_000).rounded())) µs"
        case ..<0.01: return "\((seconds * 10_000).rounded() / 10) ms"
        case ..<10: return "\(Int((seconds * 1000).rounded())) ms"
        default: return "\(Int(seconds.rounded())) s"
        }
    }
}

struct Checkpoints: Decodable {
    struct Counts: Decodable {
        let completed: Int
        let failed: Int
    }
    let counts: Counts
}

struct Failures: Decodable {
    struct Entry: Decodable {
        let exceptionName: String
        let stacktrace: String
        let timestamp: Int64
        let taskName: String
    }
    struct History: Decodable { let entries: [Entry] }
    struct Event: Decodable {
        let timestamp: Int64
        let text: String
    }
    struct Own: Decodable { let events: [Event] }
    let history: History
    let weir: Own
    enum CodingKeys: String, CodingKey {
        case weir
        case history = "exceptionHistory"
    }
}
