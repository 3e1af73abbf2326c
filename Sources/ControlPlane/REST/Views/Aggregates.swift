import StreamRuntime
import WeirKit

/// What Flink tells of all subtasks of a vertex together: of each metric its least, mean, greatest, sum and quantiles. Pure.
package enum Aggregates {
    package static func json(_ subtasks: [SubtaskView], _ view: JobView, atMillis now: Int64) -> JSON {
        func summary(_ path: KeyPath<JobSnapshot.Subtask, Int>) -> JSON {
            self.summary(subtasks.map { Int64($0.reading[keyPath: path]) })
        }
        // Bytes are not counted (`VertexViews.ioMetrics`).
        let none = self.summary(subtasks.map { _ in 0 })
        let durations = StatusDurations(view, atMillis: now).millis
            .mapValues { value in self.summary(subtasks.map { _ in value }) }
        return [
            "metrics": [
                "read-bytes": none, "write-bytes": none, "read-records": summary(\.recordsIn),
                "write-records": summary(\.recordsOut), "accumulated-backpressured-time": summary(\.backPressuredMillis),
                "accumulated-busy-time": summary(\.busyMillis), "accumulated-idle-time": summary(\.idleMillis),
            ],
            "status-duration": .object(durations),
        ]
    }

    package static func summary(_ values: [Int64]) -> JSON {
        let sorted = values.sorted()
        let sum = sorted.reduce(0, +)
        /// The nearest rank: a value that occurred.
        func quantile(_ percent: Int) -> JSON { sorted.isEmpty ? 0 : JSON(sorted[(percent * sorted.count + 99) / 100 - 1]) }
        return [
            "min": JSON(sorted.first ?? 0), "max": JSON(sorted.last ?? 0), "sum": JSON(sum),
            "avg": JSON(sorted.isEmpty ? 0 : sum / Int64(sorted.count)), "median": quantile(50), "p25": quantile(25),
            "p75": quantile(75), "p95": quantile(95),
        ]
    }
}

/// How long a job's subtasks have been in each state, in milliseconds: −1 for what is not known. Weir's begin together, and
/// wait for nothing before.
struct StatusDurations {
    let millis: [String: Int64]

    init(_ view: JobView, atMillis now: Int64) {
        var millis = Dictionary(
            uniqueKeysWithValues: ["CREATED", "SCHEDULED", "DEPLOYING", "INITIALIZING", "RUNNING"].map { ($0, Int64(-1)) })
        if let started = view.record.startedAtMillis {
            let state = FlinkStatus(view).ofSubtasks == "INITIALIZING" ? "INITIALIZING" : "RUNNING"
            millis[state] = max(0, (view.record.endedAtMillis ?? now) - started)
        }
        self.millis = millis
    }

    var json: JSON { .object(millis.mapValues { JSON($0) }) }
}
