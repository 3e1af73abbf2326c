import WeirKit

/// The texts of `top`. Pure.
package enum TopView {
    package struct Vertex: Decodable {
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
        let reason = job.weir.reason.map { ": \($0)" } ?? ""
        return """
            \(job.name)  \(job.weir.status)\(reason)  \(Age.text(millis: job.duration))  checkpoint \(checkpoint(job))  \
            lag \(job.weir.lagRecords.map(String.init) ?? "-")

            \(chains(vertices))

            """
    }

    /// Every chain with its operators below it, in the order of the stream; the one operator of a chain is the chain.
    package static func chains(_ vertices: [Vertex]) -> String {
        var table = TextTable([
            "CHAIN", "SUBTASKS", "IN/S", "OUT/S", "BUSY", "BACKPR", "LAG", "CHECKPOINT", "P50", "P99", "P99.9", "WATERMARK",
        ])
        for vertex in vertices {
            let operators = vertex.weir?.operators ?? []
            table.rows.append(row(vertex, operators))
            if operators.count > 1 { table.rows += operators.map(row) }
        }
        return table.text
    }

    private static func row(_ vertex: Vertex, _ operators: [OwnOfOperator]) -> [String] {
        let all = vertex.subtasks.map(\.weir)
        let lags = operators.compactMap(\.lagRecords)
        let own = vertex.weir
        return [
            String(vertex.name.prefix(nameWidth)), String(all.count), rate(all.reduce(0) { $0 + $1.recordsInPerSecond }),
            own?.hasReaders ?? true ? rate(all.reduce(0) { $0 + $1.recordsOutPerSecond }) : "-",
            percent(all.map(\.busy).max() ?? 0), percent(all.map(\.backPressured).max() ?? 0),
            lags.isEmpty ? "-" : String(lags.reduce(0, +)),
            own?.checkpointMillis.map { "\($0) ms" } ?? "-", LatencyText.text(own?.latencyP50Seconds),
            LatencyText.text(own?.latencyP99Seconds), LatencyText.text(own?.latencyP999Seconds),
            all.compactMap(\.watermark).min().map(UTCTime.text) ?? "-",
        ]
    }

    private static func row(_ own: OwnOfOperator) -> [String] {
        [
            "  " + own.id.prefix(nameWidth - 2), "", own.recordsInPerSecond.map(rate) ?? "-",
            own.recordsOutPerSecond.map(rate) ?? "-", "", "", own.lagRecords.map(String.init) ?? "", "",
            LatencyText.text(own.latencyP50Seconds),
            LatencyText.text(own.latencyP99Seconds), LatencyText.text(own.latencyP999Seconds),
            "",
        ]
    }

    private static let nameWidth = 60

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
