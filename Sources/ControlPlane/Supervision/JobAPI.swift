import AsyncHTTPClient
import Foundation
import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOPosix
import StreamRuntime
import UntrustedJSON
import WeirKit

/// A savepoint that is asked for.
package struct SavepointOrder: Sendable {
    /// Absolute, on the server's machine.
    package let folder: String
    /// How long it is waited for.
    package let timeoutMillis: Int64
}

/// The control API of one job's process.
struct JobAPI: Sendable {
    private static let bytesMax = 16 << 20
    private static let refusal = HTTPResponse.Status.badGateway

    let host: String
    let port: Int
    let token: String
    let job: JobID

    private struct Refusal: Decodable { let error: String }
    private struct Written: Decodable { let path: String? }
    private struct StopOrder: Encodable {
        let drain: Bool
        let savepointFolder: String?
    }

    /// Whether the process answered, with an error; else it was not reached, or not in time.
    static func isAnswer(_ error: any Error) -> Bool { (error as? ControlError)?.status == refusal }

    func snapshot() async throws -> JobSnapshot { try await get("", timeoutMillis: 3000) }
    func series() async throws -> [SeriesReading] { try await reached { try await get("/metrics", timeoutMillis: 5000) } }

    func logLevels() async throws -> LogLevels.Reading {
        try await reached { try await get("/log-levels", timeoutMillis: 5000) }
    }

    func setLogLevels(_ levels: [String: String]) async throws -> LogLevels.Reading {
        try await reached { try await ask(.PATCH, "log-levels", ["levels": levels], timeoutMillis: 5000) }
    }

    func cancel() async throws { _ = try await post("cancel", [String: String](), timeoutMillis: 5000) }
    func checkpoint() async throws {
        _ = try await reached { try await post("checkpoint", [String: String](), timeoutMillis: 5000) }
    }

    /// Where the savepoint is, once it is written.
    func savepoint(_ order: SavepointOrder) async throws -> String? {
        try await inTime(order) { try await post("savepoint", ["folder": order.folder], timeoutMillis: order.timeoutMillis).path }
    }

    /// With a savepoint of the end: where it is, once it is written. Without: at once.
    func stop(drain: Bool, savepoint order: SavepointOrder?) async throws -> String? {
        let stop = StopOrder(drain: drain, savepointFolder: order?.folder)
        guard let order else { return try await post("stop", stop, timeoutMillis: 5000).path }
        return try await inTime(order) { try await post("stop", stop, timeoutMillis: order.timeoutMillis).path }
    }

    /// For those whose answer goes to a user: one who is not reached is nothing that failed inside the server.
    private func reached<Value>(_ ask: () async throws -> Value) async throws -> Value {
        do { return try await ask() } catch  where error is HTTPClientError || error is NIOConnectionError || error is IOError {
            let reason = ConnectionErrorText.of(error)
            throw ControlError(.gatewayTimeout, "the job's process does not answer (\(reason)); what was asked may still be done")
        }
    }

    /// The client's word for a time that is over says neither whose nor what follows.
    private func inTime(_ order: SavepointOrder, _ ask: () async throws -> String?) async throws -> String? {
        do { return try await ask() } catch let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout
        {
            throw ControlError(
                .gatewayTimeout,
                """
                no savepoint was written to \(order.folder) within \(DurationText.text(Int(order.timeoutMillis))); the job may \
                still write it, its log says so. Give it longer: --timeout, or the server's server.savepoint-timeout
                """)
        }
    }

    private func post(_ verb: String, _ body: some Encodable, timeoutMillis: Int64) async throws -> Written {
        try await ask(.POST, verb, body, timeoutMillis: timeoutMillis)
    }

    private func ask<Answer: Decodable>(
        _ method: HTTPMethod, _ verb: String, _ body: some Encodable, timeoutMillis: Int64
    ) async throws -> Answer {
        var request = request("/\(verb)")
        request.method = method
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: try JSONEncoder().encode(body)))
        return try UntrustedJSON.decode(Answer.self, from: try await send(request, timeoutMillis))
    }

    private func get<Value: Decodable>(_ path: String, timeoutMillis: Int64) async throws -> Value {
        try UntrustedJSON.decode(Value.self, from: try await send(request(path), timeoutMillis))
    }

    private func request(_ path: String) -> HTTPClientRequest {
        let bracketed = host.contains(":") ? "[\(host)]" : host
        var request = HTTPClientRequest(url: "http://\(bracketed):\(port)/control/jobs/\(job)\(path)")
        request.headers.add(name: "authorization", value: "Bearer \(token)")
        return request
    }

    private func send(_ request: HTTPClientRequest, _ timeoutMillis: Int64) async throws -> Data {
        let response = try await HTTPClient.shared.execute(request, timeout: .milliseconds(timeoutMillis))
        let data = Data((try await response.body.collect(upTo: Self.bytesMax)).readableBytesView)
        guard response.status == .ok else {
            let reason = (try? UntrustedJSON.decode(Refusal.self, from: data))?.error
            throw ControlError(Self.refusal, "the job's process answered \(response.status.code): \(reason ?? "no reason given")")
        }
        return data
    }
}
