import ArgumentParser
import Foundation
import StreamRuntime
import WeirKit

/// `top [JOB]`.
struct TopCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "top", abstract: "Watch the jobs of a weir server, or the chains of one of them.",
            discussion: """
                On a terminal the view is drawn anew each second until Ctrl-C; elsewhere each view follows the last. BUSY and \
                BACKPR are parts of the last second of the busiest subtask; P50 and P99 how long records took to the chain's last \
                operator from the slowest source, OUT/S '-' where no chain reads. With --output json each view is one line of JSON.

                EXAMPLES
                  \(App.commandName) top
                  \(App.commandName) top word-count --interval 5s
                  \(App.commandName) top --count 1 --output json
                """)
    }

    @Argument(help: "The job: its name, its id, or the beginning of its id; without one, all jobs.") var job: String?
    @Option(help: ArgumentHelp("Time between two views.", valueName: "duration")) var interval = "1s"
    @Option(help: ArgumentHelp("End after so many views.", valueName: "n")) var count: Int?
    @OptionGroup var flags: ControlFlags
    @OptionGroup var format: OutputFlags

    func run() async throws {
        guard let millis = DurationText.parse(interval), millis >= 100 else {
            throw UsageError("--interval: '\(interval)' is not a duration of 100ms at least")
        }
        guard count.map({ $0 > 0 }) ?? true else { throw UsageError("--count: \(count ?? 0) views are none; give 1 at least") }
        let client = try flags.client(App.self)
        let isTerminal = isatty(STDOUT_FILENO) == 1
        var shown = 0
        while count.map({ shown < $0 }) ?? true {
            if shown > 0 { try await Task.sleep(for: .milliseconds(millis)) }
            if format.isJSON {
                try StandardOutput.write(Data((try JSONOutput.line(try await document(client)) + "\n").utf8))
                shown += 1
                continue
            }
            let text = try await view(client)
            // Home, then what is new, then the rest of the old screen goes: no flicker.
            try StandardOutput.write(Data((isTerminal ? "\u{1B}[H" + text.replacing("\n", with: "\u{1B}[K\n") + "\u{1B}[J" : text + "\n").utf8))
            shown += 1
        }
    }

    private func view(_ client: ServerClient) async throws -> String {
        guard let job else { return TopView.jobs(try await client.jobs()) }
        let listed = try await client.job(job)
        return TopView.job(listed, try await vertices(of: listed, client))
    }

    private func vertices(of job: ListedJob, _ client: ServerClient) async throws -> [TopView.Vertex] {
        let details: JobDetails = try await client.get("/jobs/\(job.jid)")
        var vertices: [TopView.Vertex] = []
        for vertex in details.vertices {
            vertices.append(try await client.get("/jobs/\(job.jid)/vertices/\(vertex.id)"))
        }
        return vertices
    }

    private func document(_ client: ServerClient) async throws -> TopDocument {
        guard let job else { return TopDocument(try await client.jobs()) }
        let listed = try await client.job(job)
        return TopDocument([listed], chains: try await vertices(of: listed, client))
    }
}

/// A view as JSON.
struct TopDocument: Encodable {
    struct Job: Encodable {
        let id: String
        let name: String
        let status: String
        let reason: String?
        let recordsInPerSecond: Double
        let lagRecords: Int?
        /// Parts of the last second, 0 to 1.
        let busy: Double
        let backPressured: Double
        let checkpoint: Int?
        let checkpointMillis: Int?
        let restarts: Int
        let ageMillis: Int64
    }
    struct Chain: Encodable {
        let name: String
        let subtasks: [TopView.Vertex.Subtask.Own]
        let latencyP50Seconds: Double?
        let latencyP99Seconds: Double?
    }
    let jobs: [Job]
    /// Of one job, when it was asked for.
    let chains: [Chain]?

    init(_ listed: [ListedJob], chains vertices: [TopView.Vertex]? = nil) {
        jobs = listed.map { job in
            Job(
                id: job.jid, name: job.name, status: job.weir.status, reason: job.weir.reason,
                recordsInPerSecond: job.weir.recordsInPerSecond, lagRecords: job.weir.lagRecords, busy: job.weir.busy,
                backPressured: job.weir.backPressured, checkpoint: job.weir.checkpoint,
                checkpointMillis: job.weir.checkpointMillis, restarts: job.weir.restarts + job.weir.relaunches,
                ageMillis: job.duration)
        }
        chains = vertices?.map {
            Chain(
                name: $0.name, subtasks: $0.subtasks.map(\.weir), latencyP50Seconds: $0.weir?.latencyP50Seconds,
                latencyP99Seconds: $0.weir?.latencyP99Seconds)
        }
    }
}

/// The texts of `top`. Pure.
enum TopView {
    struct Vertex: Decodable {
        struct Subtask: Decodable {
            struct Own: Codable {
                let recordsInPerSecond: Double
                let recordsOutPerSecond: Double
                let busy: Double
                let backPressured: Double
                let watermark: Int64?
            }
            let weir: Own
        }
        let name: String
        let subtasks: [Subtask]
        let weir: OwnOfChain?
    }

    static func jobs(_ jobs: [ListedJob]) -> String {
        var table = TextTable(["JOB", "STATUS", "REC/S", "LAG", "BUSY", "BACKPR", "CHECKPOINT", "RESTARTS", "AGE"])
        table.rows = jobs.map { job in
            [
                job.name, job.weir.status, rate(job.weir.recordsInPerSecond), job.weir.lagRecords.map(String.init) ?? "-",
                percent(job.weir.busy), percent(job.weir.backPressured), checkpoint(job),
                String(job.weir.restarts + job.weir.relaunches), Age.text(millis: job.duration),
            ]
        }
        let running = jobs.count { !$0.isEnded }
        let reasons = jobs.compactMap { job in job.weir.reason.map { "\n\(job.name): \($0)" } }.joined()
        return "\(running) running, \(jobs.count - running) ended\n\n\(table.text)\n\(reasons)"
    }

    static func job(_ job: ListedJob, _ vertices: [Vertex]) -> String {
        var table = TextTable(["CHAIN", "SUBTASKS", "IN/S", "OUT/S", "BUSY", "BACKPR", "P50", "P99", "WATERMARK"])
        table.rows = vertices.map { vertex in
            let all = vertex.subtasks.map(\.weir)
            return [
                String(vertex.name.prefix(60)), String(all.count), rate(all.reduce(0) { $0 + $1.recordsInPerSecond }),
                vertex.weir?.hasReaders ?? true ? rate(all.reduce(0) { $0 + $1.recordsOutPerSecond }) : "-", percent(all.map(\.busy).max() ?? 0),
                percent(all.map(\.backPressured).max() ?? 0), LatencyText.text(vertex.weir?.latencyP50Seconds),
                LatencyText.text(vertex.weir?.latencyP99Seconds), all.compactMap(\.watermark).min().map(UTCTime.text) ?? "-",
            ]
        }
        let reason = job.weir.reason.map { ": \($0)" } ?? ""
        return """
            \(job.name)  \(job.weir.status)\(reason)  \(Age.text(millis: job.duration))  checkpoint \(checkpoint(job))  \
            lag \(job.weir.lagRecords.map(String.init) ?? "-")

            \(table.text)

            """
    }

    private static func checkpoint(_ job: ListedJob) -> String {
        guard let number = job.weir.checkpoint else { return "-" }
        return "\(number)" + (job.weir.checkpointMillis.map { " (\($0) ms)" } ?? "")
    }

    private static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

    private static func rate(_ perSecond: Double) -> String {
        switch perSecond {
        case 10_000_000...: "\(Int(perSecond / 1_000_000)) M"
        case 10_000...: "\(Int(perSecond / 1000)) k"
        default: "\(Int(perSecond.rounded()))"
        }
    }
}
