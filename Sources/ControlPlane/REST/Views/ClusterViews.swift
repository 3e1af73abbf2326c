import Foundation
import StreamRuntime
import WeirKit

/// `/overview`, `/config`, `/jobs`, `/jobs/overview`: Flink's shapes of all jobs together. Pure.
package enum ClusterViews {
    /// Of the server, or of a job: Flink's list of keys and values.
    static func settings(_ settings: [JobSnapshot.SettingReading]) -> JSON {
        JSON(settings.map { ["key": JSON($0.name), "value": JSON($0.value)] })
    }

    package static func overview(_ jobs: [JobView], version: String) -> JSON {
        func count(_ statuses: Set<FlinkStatus>) -> JSON { JSON(jobs.count { statuses.contains(FlinkStatus($0)) }) }
        let processes = jobs.count { $0.record.state.process != nil }
        let cores = ProcessInfo.processInfo.activeProcessorCount
        return [
            "taskmanagers": JSON(processes), "slots-total": JSON(cores), "slots-available": JSON(max(0, cores - processes)),
            "jobs-running": count([.initializing, .created, .running, .restarting, .failing, .cancelling]),
            "jobs-finished": count([.finished]), "jobs-cancelled": count([.canceled]), "jobs-failed": count([.failed]),
            "flink-version": JSON("weir \(version)"), "flink-commit": "", "taskmanagers-blocked": 0, "slots-free-and-blocked": 0,
        ]
    }

    package static func config(version: String) -> JSON {
        [
            "refresh-interval": 3000, "timezone-name": "UTC", "timezone-offset": 0, "flink-version": JSON("weir \(version)"),
            "flink-revision": "",
            "features": ["web-submit": false, "web-cancel": true, "web-rescale": true, "web-history": false],
        ]
    }

    package static func jobs(_ jobs: [JobView]) -> JSON {
        ["jobs": JSON(jobs.map { ["id": JSON($0.record.jobID.rawValue), "status": JSON(FlinkStatus($0).rawValue)] })]
    }

    package static func jobsOverview(_ jobs: [JobView], atMillis now: Int64) -> JSON {
        ["jobs": JSON(jobs.map { jobOverview($0, atMillis: now) })]
    }

    static func jobOverview(_ view: JobView, atMillis now: Int64) -> JSON {
        let times = JobTimes(view.record, atMillis: now)
        return [
            "jid": JSON(view.record.jobID.rawValue), "name": JSON(view.record.name), "start-time": JSON(times.start),
            "end-time": JSON(times.end), "duration": JSON(times.duration), "state": JSON(FlinkStatus(view).rawValue),
            "last-modification": JSON(view.record.modifiedAtMillis), "tasks": taskCounts(view, total: true),
            "pending-operators": 0, "jobType": "STREAMING", "weir": own(view),
        ]
    }

    /// What Flink has no field for.
    static func own(_ view: JobView) -> JSON {
        let submission = view.record.submission
        let last = view.snapshot?.checkpoints.records.last { $0.status == .completed }
        let rates = SubtaskView.all(view).map(\.rates)
        return [
            "status": JSON(FlinkStatus.word(view)), "reason": JSON(FlinkStatus.reason(view)),
            "pid": JSON(view.record.state.process.map { Int64($0.pid) }), "relaunches": JSON(view.record.relaunches),
            "restarts": JSON(view.snapshot?.restarts ?? 0), "executable": JSON(submission.executable),
            "workingDirectory": JSON(submission.workingDirectory),
            "parallelism": JSON(submission.settings[StandardSettings.parallelism.key.name].flatMap { Int64($0) } ?? 1),
            "lagRecords": JSON(view.snapshot?.lagRecords.map { Int64($0) }),
            "checkpoint": JSON(last.map { Int64(clamping: $0.epoch) }),
            "checkpointMillis": JSON(last.map { Int64($0.durationMillis) }),
            "recordsInPerSecond": JSON(rates.map(\.recordsIn).reduce(0, +)), "busy": JSON(rates.map(\.busy).max() ?? 0),
            "backPressured": JSON(rates.map(\.backPressured).max() ?? 0),
        ]
    }

    /// Subtasks by Flink's ExecutionState, in lower case as its overview has them.
    static func taskCounts(_ view: JobView, total: Bool) -> JSON {
        let count = view.snapshot?.subtasks.count ?? 0
        var counts: [String: JSON] = total ? ["total": JSON(count)] : [:]
        let own = FlinkStatus(view).ofSubtasks
        for state in FlinkStatus.subtaskStates {
            counts[total ? state.lowercased() : state] = JSON(state == own ? count : 0)
        }
        return .object(counts)
    }
}

/// When a job began and ended, as Flink tells it: −1 for what has not happened.
struct JobTimes {
    let start: Int64
    let end: Int64
    let duration: Int64

    init(_ record: JobRecord, atMillis now: Int64) {
        start = record.createdAtMillis
        end = record.endedAtMillis ?? -1
        duration = max(0, (record.endedAtMillis ?? now) - record.createdAtMillis)
    }
}
