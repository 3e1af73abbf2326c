import Foundation
import HTTPServing
import HTTPTypes
import Hummingbird
import NIOCore
import StreamRuntime
import UntrustedJSON

/// The control API of a job's process, on its metrics server; `weir server` is its user. Everything is JSON.
///
///     GET  /control/jobs               every job's name, id and status
///     GET  /control/jobs/ID            JobSnapshot
///     GET  /control/jobs/ID/metrics    every series: [{"name", "labels", "value"}]
///     POST /control/jobs/ID/checkpoint begins one now
///     POST /control/jobs/ID/savepoint  {"folder"}; answered with its {"path"} when it is written
///     POST /control/jobs/ID/stop       {"drain", "savepointFolder"?}; with a savepoint, answered as above
///     POST /control/jobs/ID/cancel     ends it without a further epoch
///     GET   /control/jobs/ID/log-levels  LogLevels.Reading: of the whole process
///     PATCH /control/jobs/ID/log-levels  {"levels": {LABEL: LEVEL}}; answered with what is set then
///
/// With `control.token`, each request must present it as a bearer token. Without, reading is as free as `/metrics` is (on a
/// loopback address: under a name of this machine), and what changes a job is refused: any page in a browser of this machine
/// could send such a request.
struct JobControlRoutes: Sendable {
    static let bodyBytesMax = 16_384

    private let host: JobHost
    private let token: String?
    /// Only this machine reaches the server.
    private let isLocal: Bool
    private let settings: [JobSnapshot.SettingReading]
    private let clock = SystemClock()

    init(_ host: JobHost, _ configuration: Configuration) {
        self.host = host
        token = configuration[ControlSettings.controlToken]
        isLocal = LoopbackHost.isAddress(configuration[StandardSettings.metricsHost])
        settings = JobSnapshot.SettingReading.all(of: configuration)
    }

    @Sendable func add(to router: Router<BasicRequestContext>) {
        let group = router.group("/control/jobs")
        group.get("") { request, _ in try answer(request) { try json(host.statuses) } }
        group.get(":id") { request, context in
            try answer(request) {
                try json(JobSnapshot(try runner(context), settings: settings, atMillis: clock.wallMillis()))
            }
        }
        group.get(":id/metrics") { request, context in
            try answer(request) { try json(SeriesReading.all(of: try runner(context).metrics)) }
        }
        group.get(":id/log-levels") { request, context in
            try answer(request) {
                _ = try runner(context)
                return try json(LogLevels.process.reading)
            }
        }
        group.patch(":id/log-levels") { request, context in
            try await answer(request, context) { (order: LogLevelOrder, _) in
                do { try LogLevels.process.change(order.levels) } catch { throw ControlRefusal(.badRequest, "\(error)") }
                return try json(LogLevels.process.reading)
            }
        }
        group.post(":id/checkpoint") { request, context in
            try answer(request) {
                guard try runner(context).requestCheckpoint() else {
                    throw ControlRefusal(.conflict, "the job does not run just now")
                }
                return try json(Done())
            }
        }
        group.post(":id/cancel") { request, context in
            try answer(request) {
                try runner(context).cancel()
                return try json(Done())
            }
        }
        group.post(":id/savepoint") { request, context in
            try await answer(request, context) { (order: SavepointOrder, runner) in
                try json(Written(path: try await runner.savepoint(to: order.folder).path))
            }
        }
        group.post(":id/stop") { request, context in
            try await answer(request, context) { (order: StopOrder, runner) in
                guard let folder = order.savepointFolder else {
                    runner.stop(drain: order.drain)
                    return try json(Done())
                }
                return try json(Written(path: try await runner.stop(drain: order.drain, savepointFolder: folder).path))
            }
        }
    }

    private struct Done: Encodable { var status = "accepted" }
    private struct Written: Encodable { let path: String }
    private struct SavepointOrder: Decodable { let folder: String }
    private struct LogLevelOrder: Decodable { let levels: [String: String] }
    private struct StopOrder: Decodable {
        let drain: Bool
        let savepointFolder: String?
    }

    /// For what has a body and takes a while; what the job cannot do is a conflict.
    private func answer<Order: Decodable>(
        _ request: Request, _ context: BasicRequestContext, _ body: (Order, JobRunner) async throws -> ByteBuffer
    ) async throws -> Response {
        do {
            try check(request)
            let runner = try runner(context)
            let bytes = try await self.body(of: request)
            guard let order = try? UntrustedJSON.decode(Order.self, from: bytes) else {
                throw ControlRefusal(.badRequest, "the body is not what is expected here")
            }
            return response(.ok, try await body(order, runner))
        } catch let refusal as ControlRefusal {
            return response(refusal.status, try json(["error": refusal.message]))
        } catch {
            return response(.conflict, try json(["error": "\(error)"]))
        }
    }

    private func body(of request: Request) async throws -> Data {
        let tooLarge = ControlRefusal(.contentTooLarge, "the body is larger than \(Self.bodyBytesMax) bytes")
        guard !BodyRule.isTooLarge(request.head, max: Self.bodyBytesMax) else { throw tooLarge }
        do { return Data(try await request.body.collect(upTo: Self.bodyBytesMax).readableBytesView) } catch { throw tooLarge }
    }

    private func runner(_ context: BasicRequestContext) throws -> JobRunner {
        guard let text = context.parameters.get("id"), let id = JobID(text), let runner = host.runner(id) else {
            throw ControlRefusal(.notFound, "there is no such job in this process")
        }
        return runner
    }

    private func answer(_ request: Request, _ body: () throws -> ByteBuffer) throws -> Response {
        do {
            try check(request)
            return response(.ok, try body())
        } catch let refusal as ControlRefusal {
            return response(refusal.status, try json(["error": refusal.message]))
        }
    }

    private func check(_ request: Request) throws {
        guard let token else {
            guard [.get, .head].contains(request.method) else {
                throw ControlRefusal(.forbidden, "set control.token to control the jobs of this process over HTTP")
            }
            guard !isLocal || request.head.authority.map(LoopbackHost.isNamed(by:)) ?? false else {
                throw ControlRefusal(.forbidden, "ask for this process as localhost or 127.0.0.1, or set control.token")
            }
            return
        }
        guard BearerToken.isPresented(token, by: request.headers[.authorization]) else {
            throw ControlRefusal(.unauthorized, "present control.token as a bearer token")
        }
    }

    private func json(_ value: some Encodable) throws -> ByteBuffer {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return ByteBuffer(bytes: try encoder.encode(value))
    }

    private func response(_ status: HTTPResponse.Status, _ body: ByteBuffer) -> Response {
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-store"]
        // So that the rest of the body need not be read.
        if status == .contentTooLarge { headers[.connection] = "close" }
        return Response(status: status, headers: headers, body: .init(byteBuffer: body))
    }
}

private struct ControlRefusal: Error {
    let status: HTTPResponse.Status
    let message: String

    init(_ status: HTTPResponse.Status, _ message: String) {
        self.status = status
        self.message = message
    }
}
