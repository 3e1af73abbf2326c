import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import StreamRuntime
import WeirKit

/// Flink's REST API about processes: the server, in the place of its job manager, and those of the jobs, in that of its task
/// managers.
struct ProcessRoutes: Sendable {
    let supervisor: Supervisor
    let settings: [JobSnapshot.SettingReading]
    /// Of the server's own process.
    let metrics: MetricRegistry

    func add(to group: RouterGroup<BasicRequestContext>) {
        group.get("jobmanager/config") { _, _ in
            try Answer.json(ClusterViews.settings(settings))
        }
        group.get("jobmanager/metrics") { request, _ in
            let all = MetricViews.ofServer(await supervisor.jobs, series: SeriesReading.all(of: metrics))
            return try Answer.json(MetricViews.list(all, get: request.words("get")))
        }
        group.get("taskmanagers") { _, _ in try Answer.json(TaskManagerViews.all(await supervisor.jobs)) }
        group.get("taskmanagers/metrics") { request, _ in
            let wanted = request.words("taskmanagers")
            let agg = try request.words("agg", of: MetricViews.aggregations)
            var members: [[(name: String, value: Double)]] = []
            for view in await supervisor.jobs where view.record.state.process != nil {
                guard wanted?.contains(TaskManagerID.text(view)) ?? true else { continue }
                // One that does not answer just now has nothing to tell.
                guard let series = try? await supervisor.series(view.record.jobID) else { continue }
                members.append(MetricViews.of(series))
            }
            return try Answer.json(MetricViews.aggregate(members, get: request.words("get"), agg: agg))
        }
        group.get("taskmanagers/:taskmanager") { _, context in
            let view = try await view(context)
            guard let found = TaskManagerViews.details(TaskManagerID.text(view), [view]) else { throw Self.none(context) }
            return try Answer.json(found)
        }
        group.get("taskmanagers/:taskmanager/metrics") { request, context in
            let series = try await supervisor.series(try await view(context).record.jobID)
            return try Answer.json(MetricViews.list(MetricViews.of(series), get: request.words("get")))
        }
        addLogs(group)
    }

    private func addLogs(_ group: RouterGroup<BasicRequestContext>) {
        group.get("taskmanagers/:taskmanager/logs") { _, context in
            try Answer.json(TaskManagerViews.logs(LogFile.all(try await logPath(context))))
        }
        // What the process writes to its standard output and error is in its log, too.
        for name in ["log", "stdout"] {
            group.get("taskmanagers/:taskmanager/\(name)") { _, context in
                let path = try await logPath(context)
                return try Self.text(of: URL(fileURLWithPath: path).lastPathComponent, path)
            }
        }
        group.get("taskmanagers/:taskmanager/logs/:file") { _, context in
            try Self.text(of: context.parameters.get("file") ?? "", try await logPath(context))
        }
    }

    /// Only what is listed is read, so that no name leads elsewhere.
    private static func text(of name: String, _ path: String) throws -> Response {
        guard let file = LogFile.all(path).first(where: { $0.name == name }), let handle = FileHandle(forReadingAtPath: file.path)
        else { throw ControlError(.notFound, "this process has no log file '\(name)'") }
        // It may grow meanwhile; a file that is set aside becomes no shorter.
        let length = Int(try handle.seekToEnd())
        try handle.seek(toOffset: 0)
        let body = ResponseBody(contentLength: length) { writer in
            var left = length
            while left > 0, let bytes = try handle.read(upToCount: min(left, LogReader.bytesPerRead)), !bytes.isEmpty {
                left -= bytes.count
                try await writer.write(ByteBuffer(bytes: bytes))
            }
            try handle.close()
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: Answer.fields("text/plain; charset=utf-8"), body: body)
    }

    private func view(_ context: BasicRequestContext) async throws -> JobView {
        let id = context.parameters.get("taskmanager") ?? ""
        guard let view = TaskManagerViews.process(id, await supervisor.jobs) else { throw Self.none(context) }
        return view
    }

    private func logPath(_ context: BasicRequestContext) async throws -> String {
        try await supervisor.logPath(try await view(context).record.jobID)
    }

    private static func none(_ context: BasicRequestContext) -> ControlError {
        ControlError(.notFound, "there is no task manager \(context.parameters.get("taskmanager") ?? "")")
    }
}
