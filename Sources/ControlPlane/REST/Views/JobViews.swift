import StreamRuntime
import WeirKit

/// `/jobs/:id`, its plan, configuration, exceptions and status, in Flink's shapes. Pure.
package enum JobViews {
    package static func details(_ view: JobView, atMillis now: Int64) -> JSON {
        let times = JobTimes(view.record, atMillis: now)
        let status = FlinkStatus(view)
        return [
            "jid": JSON(view.record.jobID.rawValue), "name": JSON(view.record.name), "isStoppable": JSON(!status.isEnded),
            "state": JSON(status.rawValue), "job-type": "STREAMING", "start-time": JSON(times.start), "end-time": JSON(times.end),
            "duration": JSON(times.duration), "maxParallelism": JSON(view.snapshot?.plan.maxParallelism ?? -1),
            "now": JSON(now), "timestamps": timestamps(view, status),
            "vertices": JSON((view.snapshot?.plan.vertices ?? []).map { vertex($0, view, atMillis: now) }),
            "status-counts": ClusterViews.taskCounts(view, total: false), "plan": plan(view), "pending-operators": 0,
            "weir": ClusterViews.own(view),
        ]
    }

    private static func timestamps(_ view: JobView, _ status: FlinkStatus) -> JSON {
        var times: [String: JSON] = [:]
        for each in FlinkStatus.allCases { times[each.rawValue] = 0 }
        times["SUSPENDED"] = 0
        times["RECONCILING"] = 0
        times[FlinkStatus.initializing.rawValue] = JSON(view.record.createdAtMillis)
        times[FlinkStatus.created.rawValue] = JSON(view.record.createdAtMillis)
        if let started = view.record.startedAtMillis { times[FlinkStatus.running.rawValue] = JSON(started) }
        if status != .running { times[status.rawValue] = JSON(view.record.modifiedAtMillis) }
        return .object(times)
    }

    private static func vertex(_ vertex: JobDescription.Vertex, _ view: JobView, atMillis now: Int64) -> JSON {
        let times = JobTimes(view.record, atMillis: now)
        let status = FlinkStatus(view).ofSubtasks
        let subtasks = SubtaskView.all(view, vertex: vertex.id)
        var counts: [String: JSON] = [:]
        for state in FlinkStatus.subtaskStates { counts[state] = JSON(state == status ? subtasks.count : 0) }
        return [
            "id": JSON(vertex.id), "name": JSON(vertex.name), "maxParallelism": JSON(view.snapshot?.plan.maxParallelism ?? -1),
            "parallelism": JSON(vertex.parallelism), "status": JSON(status),
            "start-time": JSON(view.record.startedAtMillis ?? -1), "end-time": JSON(times.end), "duration": JSON(times.duration),
            "tasks": .object(counts), "metrics": VertexViews.ioMetrics(subtasks),
            // All of a job's subtasks share its process.
            "slotSharingGroupId": JSON(view.record.jobID.rawValue), "slotSharingGroupName": "default",
            "weir": ChainFacts(vertex, view).json,
        ]
    }

    /// The document inside `/jobs/:id/plan`.
    package static func plan(_ view: JobView) -> JSON {
        [
            "jid": JSON(view.record.jobID.rawValue), "name": JSON(view.record.name), "type": "STREAMING",
            "nodes": JSON(
                (view.snapshot?.plan.vertices ?? []).map { vertex in
                    [
                        "id": JSON(vertex.id), "parallelism": JSON(vertex.parallelism), "operator": "",
                        "operator_strategy": "", "description": JSON(vertex.name),
                        "inputs": JSON(
                            vertex.inputs.enumerated().map { number, input in
                                [
                                    "num": JSON(number), "id": JSON(input.from), "ship_strategy": JSON(input.ship),
                                    "exchange": "pipelined_bounded",
                                ]
                            }),
                        "optimizer_properties": [:],
                    ]
                }),
        ]
    }

    package static func config(_ view: JobView) -> JSON {
        let settings = view.snapshot?.settings ?? []
        func value(_ name: String) -> String? { settings.first { $0.name == name }?.value }
        return [
            "jid": JSON(view.record.jobID.rawValue), "name": JSON(view.record.name),
            "execution-config": [
                "execution-mode": "PIPELINED",
                "restart-strategy": JSON(value(StandardSettings.restartStrategy.key.name) ?? "unknown"),
                "job-parallelism": JSON(value(StandardSettings.parallelism.key.name).flatMap { Int($0) } ?? 1),
                "object-reuse-mode": true,
                "user-config": .object(
                    Dictionary(settings.map { ($0.name, JSON($0.value)) }, uniquingKeysWith: { $1 })),
            ],
        ]
    }

    /// `/jobs/:id/resource-requirements`: a vertex has as many subtasks as were asked for, no fewer.
    package static func requirements(_ view: JobView) -> JSON {
        .object(
            Dictionary(
                (view.snapshot?.plan.vertices ?? []).map { vertex in
                    let parallelism = JSON(vertex.parallelism)
                    return (vertex.id, ["parallelism": ["lowerBound": parallelism, "upperBound": parallelism]])
                }, uniquingKeysWith: { $1 }))
    }

    /// Failures of attempts and of processes, newest first. `labelled`: in the history only those with labels, of which there
    /// are none.
    package static func exceptions(_ view: JobView, events: [JobEvent], max: Int = 20, labelled: Bool = false) -> JSON {
        var failures = Array((view.record.failures + (view.snapshot?.failures ?? [])).reversed()).sorted {
            $0.atMillis > $1.atMillis
        }
        if case .ended(.failed(let reason)) = view.record.state, failures.first?.isRestarted != false {
            failures.insert(
                FailureRecord(
                    atMillis: view.record.endedAtMillis ?? view.record.modifiedAtMillis, place: FailureRecord.ofProcess,
                    type: "JobFailed",
                    message: reason, isRestarted: false), at: 0)
        }
        let shown = failures.prefix(max)
        let location = JSON(TaskManagerID.text(view))
        return [
            "root-exception": JSON(shown.first.map { "\($0.type): \($0.message)" }), "timestamp": JSON(shown.first?.atMillis),
            "all-exceptions": JSON(
                shown.map {
                    [
                        "exception": JSON("\($0.type): \(text($0))"), "task": JSON($0.place), "location": location,
                        "endpoint": location, "timestamp": JSON($0.atMillis), "taskManagerId": location,
                    ]
                }),
            "truncated": JSON(shown.count < failures.count),
            "exceptionHistory": [
                "entries": JSON(
                    (labelled ? [] : shown).map {
                        [
                            "exceptionName": JSON($0.type), "stacktrace": JSON(text($0)), "timestamp": JSON($0.atMillis),
                            "taskName": JSON($0.place), "location": location, "endpoint": location,
                            "taskManagerId": location, "failureLabels": [:], "concurrentExceptions": [],
                        ]
                    }),
                "truncated": JSON(!labelled && shown.count < failures.count),
            ],
            "weir": ["events": JSON(events.reversed().map { ["timestamp": JSON($0.atMillis), "text": JSON($0.text)] })],
        ]
    }

    /// In place of a stack trace, which Swift's errors do not carry: the message, and what the task had in hand.
    private static func text(_ failure: FailureRecord) -> String {
        failure.message + (failure.position.map { " (\($0))" } ?? "")
    }

    package static func executionResult(_ view: JobView, atMillis now: Int64) -> JSON {
        let status = FlinkStatus(view)
        guard status.isEnded else { return ["status": ["id": "IN_PROGRESS"]] }
        let word: JSON = status == .finished ? "SUCCEEDED" : status == .canceled ? "CANCELED" : "FAILED"
        var result: [String: JSON] = [
            "id": JSON(view.record.jobID.rawValue), "application-status": word, "accumulator-results": [:],
            "net-runtime": JSON(JobTimes(view.record, atMillis: now).duration),
        ]
        if case .ended(.failed(let reason)) = view.record.state {
            result["failure-cause"] = FlinkThrowable.json(class: Operation.Cause.jobFailed.rawValue, reason)
        }
        return ["status": ["id": "COMPLETED"], "job-execution-result": .object(result)]
    }
}
