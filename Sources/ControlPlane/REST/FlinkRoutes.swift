import Foundation
import Hummingbird
import StreamRuntime
import WeirKit

/// Flink's REST API, as far as there is a counterpart: what is read.
struct FlinkRoutes: Sendable {
    let supervisor: Supervisor
    let version: String
    let clock: any RuntimeClock

    func add(to group: RouterGroup<BasicRequestContext>) {
        addCluster(group)
        addJobs(group)
        addCheckpoints(group)
        addVertices(group)
    }

    private func addCluster(_ group: RouterGroup<BasicRequestContext>) {
        group.get("overview") { _, _ in try Answer.json(ClusterViews.overview(await supervisor.jobs, version: version)) }
        group.get("config") { _, _ in try Answer.json(ClusterViews.config(version: version)) }
        // Of Flink's batch jobs, for later ones; there are none.
        group.get("datasets") { _, _ in try Answer.json(["dataSets": []]) }
        group.get("jobs") { _, _ in try Answer.json(ClusterViews.jobs(await supervisor.jobs)) }
        group.get("jobs/overview") { _, _ in
            try Answer.json(ClusterViews.jobsOverview(await supervisor.jobs, atMillis: clock.wallMillis()))
        }
        group.get("jobs/metrics") { request, _ in
            let wanted = request.words("jobs")
            let jobs = await supervisor.jobs.filter { wanted?.contains($0.record.jobID.rawValue) ?? true }
            let members = jobs.map { MetricViews.ofJob($0, series: [], atMillis: clock.wallMillis()) }
            return try Answer.json(
                MetricViews.aggregate(
                    members, get: request.words("get"), agg: try request.words("agg", of: MetricViews.aggregations)))
        }
    }

    private func addJobs(_ group: RouterGroup<BasicRequestContext>) {
        group.get("jobs/:id") { _, context in
            try Answer.json(JobViews.details(try await view(context), atMillis: clock.wallMillis()))
        }
        group.get("jobs/:id/status") { _, context in
            try Answer.json(["status": JSON(FlinkStatus(try await view(context)).rawValue)])
        }
        group.get("jobs/:id/plan") { _, context in try Answer.json(["plan": JobViews.plan(try await view(context))]) }
        group.get("jobs/:id/jobmanager/config") { _, context in
            let settings = try await view(context).snapshot?.settings ?? []
            return try Answer.json(ClusterViews.settings(settings))
        }
        group.get("jobs/:id/config") { _, context in try Answer.json(JobViews.config(try await view(context))) }
        group.get("jobs/:id/exceptions") { request, context in
            let view = try await view(context)
            let max = try request.uri.queryParameters["maxExceptions"].map { try RoutePart.number($0, "maxExceptions") } ?? 20
            return try Answer.json(
                JobViews.exceptions(
                    view, events: try await supervisor.events(view.record.jobID), max: Swift.max(0, max),
                    labelled: !(request.words("failureLabelFilter") ?? []).isEmpty))
        }
        group.get("jobs/:id/execution-result") { _, context in
            try Answer.json(JobViews.executionResult(try await view(context), atMillis: clock.wallMillis()))
        }
        group.get("jobs/:id/accumulators") { _, context in
            _ = try await view(context)
            return try Answer.json([
                "job-accumulators": [], "user-task-accumulators": [], "serialized-user-task-accumulators": [:],
            ])
        }
        group.get("jobs/:id/resource-requirements") { _, context in
            try Answer.json(JobViews.requirements(try await view(context)))
        }
        group.get("jobs/:id/metrics") { request, context in
            let view = try await view(context)
            let get = request.words("get")
            let series = try await supervisor.series(view.record.jobID)
            return try Answer.json(
                MetricViews.list(MetricViews.ofJob(view, series: series, atMillis: clock.wallMillis()), get: get))
        }
    }

    private func addCheckpoints(_ group: RouterGroup<BasicRequestContext>) {
        group.get("jobs/:id/checkpoints") { _, context in
            try Answer.json(CheckpointViews.statistics(try await view(context)))
        }
        group.get("jobs/:id/checkpoints/config") { _, context in
            try Answer.json(CheckpointViews.config(try await view(context)))
        }
        group.get("jobs/:id/checkpoints/details/:checkpoint") { _, context in
            let view = try await view(context)
            return try Answer.json(CheckpointViews.checkpoint(try checkpoint(view, context), view, tasks: true))
        }
        group.get("jobs/:id/checkpoints/details/:checkpoint/subtasks/:vertex") { _, context in
            let view = try await view(context)
            return try Answer.json(CheckpointViews.subtasks(try checkpoint(view, context), try vertex(view, context)))
        }
    }

    private func addVertices(_ group: RouterGroup<BasicRequestContext>) {
        func get(
            _ path: RouterPath,
            _ body: @escaping @Sendable (JobDescription.Vertex, JobView, Request, BasicRequestContext) throws -> JSON
        ) {
            group.get("jobs/:id/vertices/:vertex\(path)") { request, context in
                let view = try await view(context)
                return try Answer.json(try body(try vertex(view, context), view, request, context))
            }
        }
        get("") { vertex, view, _, _ in VertexViews.details(vertex, view, atMillis: clock.wallMillis()) }
        get("/backpressure") { vertex, view, _, _ in VertexViews.backPressure(vertex, view) }
        get("/watermarks") { vertex, view, _, _ in VertexViews.watermarks(vertex, view) }
        get("/subtasktimes") { vertex, view, _, _ in VertexViews.subtaskTimes(vertex, view, atMillis: clock.wallMillis()) }
        get("/taskmanagers") { vertex, view, _, _ in VertexViews.taskManagers(vertex, view, atMillis: clock.wallMillis()) }
        get("/accumulators") { vertex, _, _, _ in ["id": JSON(vertex.id), "user-accumulators": []] }
        get("/subtasks/accumulators") { vertex, _, _, _ in VertexViews.accumulators(vertex) }
        get("/metrics") { vertex, view, request, _ in
            let all = SubtaskView.all(view, vertex: vertex.id).flatMap { subtask in
                MetricViews.ofSubtask(subtask).map { (name: "\(subtask.reading.subtask).\($0.name)", value: $0.value) }
            }
            return MetricViews.list(all, get: request.words("get"))
        }
        get("/subtasks/metrics") { vertex, view, request, _ in
            let wanted = try request.ranges("subtasks")
            let members = SubtaskView.all(view, vertex: vertex.id)
                .filter { wanted?.contains($0.reading.subtask) ?? true }.map(MetricViews.ofSubtask)
            return MetricViews.aggregate(
                members, get: request.words("get"), agg: try request.words("agg", of: MetricViews.aggregations))
        }
        get("/subtasks/:subtask") { vertex, view, _, context in
            VertexViews.subtask(try subtask(vertex, view, context), view, atMillis: clock.wallMillis())
        }
        // Of an operator's part that runs in Flink's job manager; there is none.
        get("/jm-operator-metrics") { _, _, request, _ in MetricViews.list([], get: request.words("get")) }
        get("/subtasks/:subtask/attempts/:attempt") { vertex, view, _, context in
            let subtask = try attempt(try subtask(vertex, view, context), view, context)
            return VertexViews.subtask(subtask, view, atMillis: clock.wallMillis())
        }
        get("/subtasks/:subtask/attempts/:attempt/accumulators") { vertex, view, _, context in
            VertexViews.accumulators(try attempt(try subtask(vertex, view, context), view, context), vertex, view)
        }
        get("/subtasks/:subtask/metrics") { vertex, view, request, context in
            MetricViews.list(MetricViews.ofSubtask(try subtask(vertex, view, context)), get: request.words("get"))
        }
    }

    // MARK: What a path names

    private func view(_ context: BasicRequestContext) async throws -> JobView {
        try await supervisor.job(try RouteJob.id(context))
    }

    private func vertex(_ view: JobView, _ context: BasicRequestContext) throws -> JobDescription.Vertex {
        let id = try RoutePart.id(context, "vertex")
        guard let found = view.snapshot?.plan.vertices.first(where: { $0.id == id }) else {
            throw ControlError(.notFound, "job \(view.record.jobID) has no vertex \(id)")
        }
        return found
    }

    private func subtask(_ vertex: JobDescription.Vertex, _ view: JobView, _ context: BasicRequestContext) throws -> SubtaskView {
        let number = try RoutePart.number(context, "subtask")
        guard let found = SubtaskView.all(view, vertex: vertex.id).first(where: { $0.reading.subtask == number }) else {
            throw ControlError(.notFound, "vertex \(vertex.id) has no subtask \(number)")
        }
        return found
    }

    /// Only what the subtask does now is known of it, not its earlier attempts.
    private func attempt(_ subtask: SubtaskView, _ view: JobView, _ context: BasicRequestContext) throws -> SubtaskView {
        let (number, now) = (try RoutePart.number(context, "attempt"), view.snapshot?.restarts ?? 0)
        guard number == now else {
            throw ControlError(.notFound, "attempt \(number) of subtask \(subtask.reading.subtask) is not there; \(now) is")
        }
        return subtask
    }

    private func checkpoint(_ view: JobView, _ context: BasicRequestContext) throws -> CheckpointRecord {
        let number = try RoutePart.number(context, "checkpoint")
        guard let found = view.snapshot?.checkpoints.records.first(where: { Int64(clamping: $0.epoch) == number }) else {
            throw ControlError(
                .notFound, "checkpoint \(number) is not among the last \(CheckpointHistory.recordsKept) of this job's process")
        }
        return found
    }
}
