import ArgumentParser
import Foundation
import StreamRuntime
import WeirKit

/// `top [JOB]`.
struct TopCommand<App: WeirApplication>: AsyncParsableCommand {
    static var configuration: CommandConfiguration {
        CommandConfiguration(
            commandName: "top", abstract: "Watch the jobs of a weir server, or the chains and operators of one of them.",
            discussion: """
                On a terminal the view is drawn anew each second, until q or Ctrl-C; elsewhere, and with --count, each view \
                follows the last. BUSY and BACKPR are parts of the last second of the busiest subtask: a chain's operators share \
                its thread, so they are the chain's. CHECKPOINT is how long after its start the chain's last subtask had \
                acknowledged the last checkpoint; P50, P99 and P99.9 how long records took to the chain's last operator, or to \
                an operator, from the slowest source; OUT/S is '-' where no chain reads. With --output json each view is one \
                line of JSON.

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
        let views = TopViews(client: try flags.client(App.self), job: job)
        if count == nil, !format.isJSON, let screen = TerminalScreen() {
            defer { screen.restore() }
            return try await screen.show(everyMillis: millis) { try await views.text() }
        }
        var shown = 0
        while count.map({ shown < $0 }) ?? true {
            if shown > 0 { try await Task.sleep(for: .milliseconds(millis)) }
            let text = format.isJSON ? try JSONOutput.line(try await views.document()) : try await views.text()
            try StandardOutput.write((text + "\n").utf8)
            shown += 1
        }
    }
}

/// Asks a server for what `top` shows.
private struct TopViews: Sendable {
    let client: ServerClient
    let job: String?

    func text() async throws -> String {
        guard let job else { return TopView.jobs(try await client.jobs()) }
        let listed = try await client.job(job)
        return TopView.job(listed, try await vertices(of: listed))
    }

    func document() async throws -> TopDocument {
        guard let job else { return TopDocument(try await client.jobs()) }
        let listed = try await client.job(job)
        return TopDocument([listed], chains: try await vertices(of: listed))
    }

    private func vertices(of job: ListedJob) async throws -> [TopView.Vertex] {
        let details: JobDetails = try await client.get("/jobs/\(job.jid)")
        var vertices: [TopView.Vertex] = []
        for vertex in details.vertices {
            vertices.append(try await client.get("/jobs/\(job.jid)/vertices/\(vertex.id)"))
        }
        return vertices
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
        let latencyP999Seconds: Double?
        let checkpointMillis: Int64?
        let operators: [OwnOfOperator]
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
                latencyP99Seconds: $0.weir?.latencyP99Seconds, latencyP999Seconds: $0.weir?.latencyP999Seconds,
                checkpointMillis: $0.weir?.checkpointMillis, operators: $0.weir?.operators ?? [])
        }
    }
}
