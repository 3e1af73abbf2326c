import StreamRuntime
import WeirKit

/// `/jobs/:id/vertices/:vid…` in Flink's shapes. Pure.
package enum VertexViews {
    /// Bytes are not counted here: records move as memory, not as bytes.
    static func ioMetrics(_ subtasks: [SubtaskView]) -> JSON {
        func sum(_ path: KeyPath<JobSnapshot.Subtask, Int>) -> JSON {
            JSON(subtasks.reduce(0) { $0 + $1.reading[keyPath: path] })
        }
        return [
            "read-bytes": 0, "read-bytes-complete": true, "write-bytes": 0, "write-bytes-complete": true,
            "read-records": sum(\.recordsIn), "read-records-complete": true, "write-records": sum(\.recordsOut),
            "write-records-complete": true, "accumulated-backpressured-time": sum(\.backPressuredMillis),
            "accumulated-idle-time": sum(\.idleMillis), "accumulated-busy-time": sum(\.busyMillis),
        ]
    }

    package static func details(_ vertex: JobDescription.Vertex, _ view: JobView, atMillis now: Int64) -> JSON {
        let subtasks = SubtaskView.all(view, vertex: vertex.id)
        return [
            "id": JSON(vertex.id), "name": JSON(vertex.name), "parallelism": JSON(vertex.parallelism),
            "maxParallelism": JSON(view.snapshot?.plan.maxParallelism ?? -1), "now": JSON(now),
            "subtasks": JSON(subtasks.map { subtask($0, view, atMillis: now) }),
            "aggregated": Aggregates.json(subtasks, view, atMillis: now),
            "weir": ChainFacts(vertex, view).json,
        ]
    }

    package static func subtask(_ subtask: SubtaskView, _ view: JobView, atMillis now: Int64) -> JSON {
        let status = FlinkStatus(view).ofSubtasks
        let times = JobTimes(view.record, atMillis: now)
        let start = view.record.startedAtMillis ?? -1
        return [
            "subtask": JSON(subtask.reading.subtask), "status": JSON(status), "attempt": JSON(view.snapshot?.restarts ?? 0),
            "host": "localhost", "endpoint": "localhost", "start-time": JSON(start), "start_time": JSON(start),
            "end-time": JSON(times.end), "duration": JSON(times.duration), "metrics": ioMetrics([subtask]),
            "taskmanager-id": JSON(TaskManagerID.text(view)), "status-duration": StatusDurations(view, atMillis: now).json,
            "other-concurrent-attempts": [],
            "weir": [
                "recordsInPerSecond": JSON(subtask.rates.recordsIn), "recordsOutPerSecond": JSON(subtask.rates.recordsOut),
                "busy": JSON(subtask.rates.busy), "idle": JSON(subtask.rates.idle),
                "backPressured": JSON(subtask.rates.backPressured), "watermark": JSON(subtask.reading.watermarkMillis),
            ],
        ]
    }

    package static func backPressure(_ vertex: JobDescription.Vertex, _ view: JobView) -> JSON {
        let subtasks = SubtaskView.all(view, vertex: vertex.id)
        let worst = level(subtasks.map(\.rates.backPressured).max() ?? 0)
        return [
            "status": "ok", "backpressureLevel": worst, "backpressure-level": worst,
            "end-timestamp": JSON(view.snapshot?.takenAtMillis ?? 0),
            "subtasks": JSON(
                subtasks.map {
                    let own = level($0.rates.backPressured)
                    return [
                        "subtask": JSON($0.reading.subtask), "attempt-number": JSON(view.snapshot?.restarts ?? 0),
                        "backpressureLevel": own, "backpressure-level": own, "ratio": JSON($0.rates.backPressured),
                        "idleRatio": JSON($0.rates.idle), "busyRatio": JSON($0.rates.busy), "other-concurrent-attempts": [],
                    ]
                }),
        ]
    }

    /// Flink's limits.
    private static func level(_ ratio: Double) -> JSON { ratio <= 0.1 ? "ok" : ratio <= 0.5 ? "low" : "high" }

    package static func watermarks(_ vertex: JobDescription.Vertex, _ view: JobView) -> JSON {
        JSON(
            SubtaskView.all(view, vertex: vertex.id).compactMap { subtask in
                subtask.reading.watermarkMillis.map {
                    ["id": JSON("\(subtask.reading.subtask).currentInputWatermark"), "value": JSON(String($0))]
                }
            })
    }

    package static func subtaskTimes(_ vertex: JobDescription.Vertex, _ view: JobView, atMillis now: Int64) -> JSON {
        let times = JobTimes(view.record, atMillis: now)
        var timestamps: [String: JSON] = [:]
        for state in FlinkStatus.subtaskStates { timestamps[state] = 0 }
        timestamps["CREATED"] = JSON(times.start)
        timestamps[FlinkStatus(view).ofSubtasks] = JSON(view.record.modifiedAtMillis)
        return [
            "id": JSON(vertex.id), "name": JSON(vertex.name), "now": JSON(now),
            "subtasks": JSON(
                (0..<vertex.parallelism).map {
                    [
                        "subtask": JSON($0), "host": "localhost", "endpoint": "localhost", "duration": JSON(times.duration),
                        "timestamps": .object(timestamps),
                    ]
                }),
        ]
    }

    package static func taskManagers(_ vertex: JobDescription.Vertex, _ view: JobView, atMillis now: Int64) -> JSON {
        let subtasks = SubtaskView.all(view, vertex: vertex.id)
        let times = JobTimes(view.record, atMillis: now)
        let status = FlinkStatus(view).ofSubtasks
        var counts: [String: JSON] = [:]
        for state in FlinkStatus.subtaskStates { counts[state] = JSON(state == status ? subtasks.count : 0) }
        return [
            "id": JSON(vertex.id), "name": JSON(vertex.name), "now": JSON(now),
            "taskmanagers": [
                [
                    "host": "localhost", "endpoint": "localhost", "status": JSON(status),
                    "start-time": JSON(view.record.startedAtMillis ?? -1), "end-time": JSON(times.end),
                    "duration": JSON(times.duration), "metrics": ioMetrics(subtasks), "status-counts": .object(counts),
                    "taskmanager-id": JSON(TaskManagerID.text(view)),
                    "aggregated": Aggregates.json(subtasks, view, atMillis: now),
                ]
            ],
        ]
    }

    /// Accumulators are a batch API of Flink's; Weir has none, and clients ask here how many subtasks there are.
    package static func accumulators(_ vertex: JobDescription.Vertex) -> JSON {
        [
            "id": JSON(vertex.id), "parallelism": JSON(vertex.parallelism),
            "subtasks": JSON(
                (0..<vertex.parallelism).map {
                    ["subtask": JSON($0), "attempt": 0, "host": "localhost", "endpoint": "localhost", "user-accumulators": []]
                }),
        ]
    }
    /// Of one attempt of a subtask.
    package static func accumulators(_ subtask: SubtaskView, _ vertex: JobDescription.Vertex, _ view: JobView) -> JSON {
        let (number, attempt) = (subtask.reading.subtask, view.snapshot?.restarts ?? 0)
        return [
            "subtask": JSON(number), "attempt": JSON(attempt),
            "id": JSON("\(view.record.jobID.rawValue)_\(vertex.id)_\(number)_\(attempt)"), "user-accumulators": [],
        ]
    }
}
