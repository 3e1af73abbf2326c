import Foundation
import HTTPTypes
import Hummingbird
import StreamRuntime
import WeirKit

/// What changes jobs: Flink's requests, and our own for submission.
///
///     PATCH  /jobs/ID[?mode=cancel]     202 {}
///     POST   /jobs/ID/stop              {"drain", "targetDirectory"?} → 202 {"request-id"}; a last checkpoint, then the end
///     POST   /jobs/ID/savepoints        {"target-directory"?, "cancel-job"?} → 202 {"request-id"}
///     POST   /jobs/ID/checkpoints       → 202 {"request-id"}; these three take a "triggerId", which then is that id
///     POST   /jobs/ID/profile           {"seconds"?, "method"?} → 202 {"request-id"}           (ours)
///     GET    /jobs/ID/profile           the last one, as SVG                                   (ours)
///     PATCH  /jobs/ID/rescaling?parallelism=N → {"request-id", "triggerid"}
///     GET    /jobs/ID/{savepoints,checkpoints,rescaling,profile}/REQUEST   how far it is
///     POST   /jobs                      Submission → {"jobid"}          (ours)
///     DELETE /jobs/ID                   forgets an ended job            (ours)
///     GET    /jobs/ID/log-levels        {"default", "levels"}           (ours)
///     PATCH  /jobs/ID/log-levels        {"levels": {LABEL: LEVEL}} → what is set then (ours)
///     GET    /jobs/ID/logs[?from=CURSOR]  text; Weir-Log-Next is the next cursor (ours)
struct ActionRoutes: Sendable {
    let supervisor: Supervisor

    func add(to group: RouterGroup<BasicRequestContext>) {
        group.post("jobs") { request, _ in
            let id = try await supervisor.submit(try await request.decoded(Submission.self))
            return try Answer.json(["jobid": JSON(id.rawValue)])
        }
        group.delete("jobs/:id") { _, context in
            try await supervisor.forget(try RouteJob.id(context))
            return try Answer.json([:])
        }
        group.patch("jobs/:id") { request, context in
            let mode = request.uri.queryParameters["mode"] ?? "cancel"
            // Clients made from Flink's OpenAPI document say it in capitals.
            guard mode.lowercased() == "cancel" else {
                throw ControlError(.badRequest, "mode '\(mode)' is not known; 'cancel' is")
            }
            try await supervisor.cancel(try RouteJob.id(context))
            return try Answer.json([:], .accepted)
        }
        addOperations(group)
        addLogLevels(group)
        group.get("jobs/:id/logs") { request, context in
            let path = try await supervisor.logPath(try RouteJob.id(context))
            let chunk = try LogReader.read(path, from: request.uri.queryParameters["from"].map(String.init))
            return Answer.data(
                Data(chunk.bytes), "text/plain; charset=utf-8", headers: [LogReader.nextHeader: chunk.next])
        }
    }

    /// The job's process makes the savepoint, in a working folder of its own.
    private func order(_ folder: String?, _ key: String, _ timeoutMillis: Int64?) throws -> SavepointOrder {
        if let folder, !folder.hasPrefix("/") {
            throw ControlError(.badRequest, "\(key): '\(folder)' is not an absolute path on the server's machine")
        }
        return try supervisor.savepointOrder(folder: folder, timeoutMillis: timeoutMillis)
    }

    private func addOperations(_ group: RouterGroup<BasicRequestContext>) {
        group.post("jobs/:id/stop") { request, context in
            let body = try await request.decoded(StopBody.self)
            let isSavepoint = body.targetDirectory != nil || body.formatType != nil
            let id = try await supervisor.stop(
                try RouteJob.id(context), drain: body.drain ?? false,
                savepoint: isSavepoint ? try order(body.targetDirectory, "targetDirectory", body.timeoutMillis) : nil,
                trigger: body.triggerId?.text)
            return try Answer.json(["request-id": JSON(id)], .accepted)
        }
        group.post("jobs/:id/savepoints") { request, context in
            let body = try await request.decoded(SavepointBody.self)
            let (job, trigger) = (try RouteJob.id(context), body.triggerId?.text)
            let order = try order(body.folder, "target-directory", body.timeoutMillis)
            let id =
                body.cancels == true
                ? try await supervisor.stop(job, drain: false, savepoint: order, trigger: trigger)
                : try await supervisor.savepoint(job, order, trigger: trigger)
            return try Answer.json(["request-id": JSON(id)], .accepted)
        }
        group.post("jobs/:id/checkpoints") { request, context in
            let body = try await request.decoded(CheckpointBody.self)
            let id = try await supervisor.checkpoint(try RouteJob.id(context), trigger: body.triggerId?.text)
            return try Answer.json(["request-id": JSON(id)], .accepted)
        }
        group.patch("jobs/:id/rescaling") { request, context in
            guard let parallelism = request.uri.queryParameters["parallelism"].flatMap({ Int($0) }) else {
                throw ControlError(.badRequest, "say ?parallelism=N")
            }
            let body = try await request.decoded(RescaleBody.self)
            let id = try await supervisor.rescale(
                try RouteJob.id(context), parallelism: parallelism,
                savepoint: try body.targetDirectory.map { try order($0, "targetDirectory", body.timeoutMillis) })
            return try Answer.json(["request-id": JSON(id), "triggerid": JSON(id)])
        }
        addProfiles(group)
        for kind in ["savepoints", "checkpoints", "rescaling", "profile"] {
            group.get("jobs/:id/\(kind)/:request") { _, context in
                let id = (context.parameters.get("request") ?? "").lowercased()
                return try Answer.json(
                    OperationView.json(try await supervisor.operation(id, of: try RouteJob.id(context), under: kind)))
            }
        }
    }
}

extension ActionRoutes {
    private func addLogLevels(_ group: RouterGroup<BasicRequestContext>) {
        @Sendable func answer(_ reading: LogLevels.Reading) throws -> Response {
            try Answer.json(["default": JSON(reading.default), "levels": .object(reading.levels.mapValues { JSON($0) })])
        }
        group.get("jobs/:id/log-levels") { _, context in
            try answer(try await supervisor.logLevels(try RouteJob.id(context)))
        }
        group.patch("jobs/:id/log-levels") { request, context in
            let body = try await request.decoded(LevelsBody.self)
            return try answer(try await supervisor.setLogLevels(try RouteJob.id(context), body.levels))
        }
    }

    private func addProfiles(_ group: RouterGroup<BasicRequestContext>) {
        group.post("jobs/:id/profile") { request, context in
            let body = try await request.decoded(ProfileBody.self)
            let id = try await supervisor.profile(
                try RouteJob.id(context), body.method?.word ?? .auto, seconds: body.seconds ?? 10)
            return try Answer.json(["request-id": JSON(id)], .accepted)
        }
        group.get("jobs/:id/profile") { _, context in
            // It holds names from the job: whatever they are, it may script itself and reach nothing.
            Answer.data(
                try await supervisor.profileSVG(try RouteJob.id(context)), "image/svg+xml; charset=utf-8",
                headers: [
                    .contentSecurityPolicy:
                        "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'"
                ])
        }
    }
}
