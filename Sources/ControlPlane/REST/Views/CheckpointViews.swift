import StreamRuntime
import WeirKit

/// `/jobs/:id/checkpoints…` in Flink's shapes. Pure.
package enum CheckpointViews {
    package static func statistics(_ view: JobView) -> JSON {
        let reading = view.snapshot?.checkpoints ?? .init()
        let inProgress = reading.records.count { $0.status == .inProgress }
        let completed = reading.records.filter { $0.status == .completed }
        return [
            "counts": [
                "restored": JSON(reading.restores), "total": JSON(reading.completed + reading.failed + inProgress),
                "in_progress": JSON(inProgress), "completed": JSON(reading.completed), "failed": JSON(reading.failed),
            ],
            "summary": [
                "checkpointed_size": summary(completed.map(\.newBytes)), "state_size": summary(completed.map(\.stateBytes)),
                "end_to_end_duration": summary(completed.map(\.durationMillis)), "alignment_buffered": summary([]),
                "processed_data": summary([]), "persisted_data": summary([]),
            ],
            "latest": [
                "completed": completed.last.map { entry($0, view, isSavepoint: false) } ?? .null,
                "savepoint": reading.lastSavepoint.map { entry($0, view, isSavepoint: true) } ?? .null,
                "failed": reading.records.last { $0.status == .failed }.map { checkpoint($0, view) } ?? .null,
                "restored": restored(reading.lastRestored),
            ],
            "history": JSON(reading.records.reversed().map { checkpoint($0, view) }),
        ]
    }

    private static func restored(_ restored: RestoredCheckpoint?) -> JSON {
        guard let restored else { return .null }
        return [
            "id": JSON(restored.epoch), "restore_timestamp": JSON(restored.restoredAtMillis),
            "is_savepoint": JSON(restored.isSavepoint),
            "external_path": JSON(restored.path),
        ]
    }

    private static func summary(_ values: [Int]) -> JSON {
        let sorted = values.sorted()
        /// The nearest rank: a value that occurred.
        func quantile(_ share: Double) -> JSON {
            sorted.isEmpty ? 0 : JSON(Double(sorted[min(sorted.count - 1, Int((share * Double(sorted.count)).rounded(.up)) - 1)]))
        }
        return [
            "min": JSON(sorted.first ?? 0), "max": JSON(sorted.last ?? 0),
            "avg": JSON(sorted.isEmpty ? 0 : sorted.reduce(0, +) / sorted.count), "p50": quantile(0.5), "p90": quantile(0.9),
            "p95": quantile(0.95), "p99": quantile(0.99), "p999": quantile(0.999),
        ]
    }

    /// In the history, and as `/details/:cid`, which adds the tasks. A savepoint is made of a checkpoint and has its number:
    /// such a one is told as the savepoint, and as the checkpoint in Flink's one place for checkpoints alone,
    /// `latest.completed`.
    package static func checkpoint(_ record: CheckpointRecord, _ view: JobView, tasks: Bool = false) -> JSON {
        entry(record, view, isSavepoint: record.status == .completed && record.savepointPath != nil, tasks: tasks)
    }

    private static func entry(_ record: CheckpointRecord, _ view: JobView, isSavepoint: Bool, tasks: Bool = false) -> JSON {
        var object: [String: JSON] = [
            "className": JSON(className(record.status)), "id": JSON(record.epoch), "status": JSON(record.status.rawValue),
            "is_savepoint": JSON(isSavepoint), "savepointFormat": isSavepoint ? "CANONICAL" : .null,
            "trigger_timestamp": JSON(record.triggeredAtMillis),
            "latest_ack_timestamp": JSON(lastAcknowledged(record.shares)), "checkpointed_size": JSON(record.newBytes),
            "state_size": JSON(record.stateBytes), "end_to_end_duration": JSON(record.durationMillis),
            "alignment_buffered": 0, "processed_data": 0, "persisted_data": 0, "num_subtasks": JSON(record.shares.count),
            "num_acknowledged_subtasks": JSON(record.acknowledgedCount),
            "checkpoint_type": isSavepoint ? "SAVEPOINT" : "CHECKPOINT",
            "tasks": tasks ? .object(taskStatistics(record, view)) : [:],
            "weir": [
                "alignmentMillisMax": JSON(record.alignmentMillisMax),
                "pauseMicrosMax": JSON(record.pauseMicrosMax.map { Int64($0) }),
            ],
        ]
        switch record.status {
        case .completed:
            let path = isSavepoint ? record.savepointPath : record.path
            object["external_path"] = JSON(path ?? "<checkpoint-not-externally-addressable>")
            // A savepoint is its owner's; nothing here deletes it.
            object["discarded"] = JSON(!isSavepoint && record.isDiscarded == true)
        case .failed:
            object["failure_timestamp"] = JSON(record.endedAtMillis)
            object["failure_message"] = JSON(record.failure)
        case .inProgress: break
        }
        return .object(object)
    }

    private static func className(_ status: CheckpointRecord.Status) -> String {
        switch status {
        case .completed: "completed"
        case .failed: "failed"
        case .inProgress: "in_progress"
        }
    }

    private static func lastAcknowledged(_ shares: [CheckpointRecord.Share]) -> Int64 {
        shares.compactMap(\.acknowledgedAtMillis).max() ?? -1
    }

    private static func taskStatistics(_ record: CheckpointRecord, _ view: JobView) -> [String: JSON] {
        var all: [String: JSON] = [:]
        for vertex in view.snapshot?.plan.vertices ?? [] {
            all[vertex.id] = taskStatistics(record, vertex)
        }
        return all
    }

    private static func taskStatistics(_ record: CheckpointRecord, _ vertex: JobDescription.Vertex) -> JSON {
        let shares = record.shares.filter { $0.task == vertex.name }
        let last = lastAcknowledged(shares)
        return [
            "id": JSON(record.epoch), "status": JSON(record.status.rawValue), "latest_ack_timestamp": JSON(last),
            "checkpointed_size": JSON(shares.reduce(0) { $0 + $1.stateBytes }),
            "state_size": JSON(shares.reduce(0) { $0 + $1.stateBytes }),
            "end_to_end_duration": JSON(max(0, last - record.triggeredAtMillis)), "alignment_buffered": 0,
            "processed_data": 0, "persisted_data": 0, "num_subtasks": JSON(shares.count),
            "num_acknowledged_subtasks": JSON(shares.count { $0.acknowledgedAtMillis != nil }),
        ]
    }

    /// While the subtask stood still for its snapshot; rounded to the nearest.
    private static func syncMillis(_ share: CheckpointRecord.Share) -> Int { ((share.pauseMicros ?? 0) + 500) / 1000 }

    /// While its snapshot was written beside the stream.
    private static func asyncMillis(_ share: CheckpointRecord.Share) -> Int {
        guard let taken = share.takenAtMillis, let acknowledged = share.acknowledgedAtMillis else { return 0 }
        return Int(max(0, acknowledged - taken))
    }

    /// `/details/:cid/subtasks/:vid`.
    package static func subtasks(_ record: CheckpointRecord, _ vertex: JobDescription.Vertex) -> JSON {
        let shares = record.shares.filter { $0.task == vertex.name }.sorted { $0.subtask < $1.subtask }
        let delays = shares.map { Int(max(0, ($0.acknowledgedAtMillis ?? record.triggeredAtMillis) - record.triggeredAtMillis)) }
        let sizes = summary(shares.map(\.stateBytes))
        return taskStatistics(record, vertex).merging([
            "summary": [
                "checkpointed_size": sizes, "state_size": sizes, "end_to_end_duration": summary(delays),
                "checkpoint_duration": ["sync": summary(shares.map(syncMillis)), "async": summary(shares.map(asyncMillis))],
                "alignment": [
                    "buffered": summary([]), "processed": summary([]), "persisted": summary([]),
                    "duration": summary(shares.map(\.alignmentMillis)),
                ],
                "start_delay": summary([]),
            ],
            "subtasks": JSON(
                shares.map { share in
                    guard let acknowledged = share.acknowledgedAtMillis else {
                        return ["className": "pending", "index": JSON(share.subtask), "status": "pending_or_failed"]
                    }
                    return [
                        "className": "completed", "index": JSON(share.subtask), "status": "completed",
                        "ack_timestamp": JSON(acknowledged),
                        "end_to_end_duration": JSON(max(0, acknowledged - record.triggeredAtMillis)),
                        "checkpointed_size": JSON(share.stateBytes), "state_size": JSON(share.stateBytes),
                        "checkpoint": ["sync": JSON(syncMillis(share)), "async": JSON(asyncMillis(share))],
                        "alignment": [
                            "buffered": 0, "processed": 0, "persisted": 0, "duration": JSON(share.alignmentMillis),
                        ],
                        "start_delay": 0, "unaligned_checkpoint": false, "aborted": false,
                    ]
                }),
        ])
    }

    package static func config(_ view: JobView) -> JSON {
        let settings = view.snapshot?.settings ?? []
        func value(_ name: String) -> String? { settings.first { $0.name == name }?.value }
        func millis(_ name: String) -> JSON { JSON(value(name).flatMap(DurationText.parse) ?? 0) }
        return [
            "mode": "exactly_once", "interval": millis(StandardSettings.checkpointInterval.key.name),
            "timeout": millis(StandardSettings.checkpointTimeout.key.name), "min_pause": 0, "max_concurrent": 1,
            "externalization": ["enabled": true, "delete_on_cancellation": false],
            "state_backend": JSON(value("state.backend") ?? "heap"),
            "checkpoint_storage": JSON(value(StandardSettings.checkpointFolder.key.name) ?? ""),
            "unaligned_checkpoints": false, "tolerable_failed_checkpoints": 0, "aligned_checkpoint_timeout": 0,
            "checkpoints_after_tasks_finish": true, "state_changelog_enabled": false,
            "changelog_periodic_materialization_interval": 0, "changelog_storage": "",
        ]
    }
}
