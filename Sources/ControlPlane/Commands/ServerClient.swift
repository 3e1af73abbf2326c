import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import UntrustedJSON
import WeirKit

/// Talks to a weir server for a command: every failure is one sentence and an exit code.
struct ServerClient: Sendable {
    private static let bytesMax = 32 << 20
    private static let timeoutMillis: Int64 = 15_000

    /// One per process, for all of its life. A connection that is refused is not tried again: nobody is there.
    private static let http: HTTPClient = {
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(configuration: configuration)
    }()

    let url: String
    private let token: String?

    init(_ configuration: WeirKit.Configuration) throws {
        var text = configuration[ControlSettings.serverURL]
        while text.hasSuffix("/") { text.removeLast() }
        guard let parsed = URL(string: text), let scheme = parsed.scheme, ["http", "https"].contains(scheme), parsed.host != nil
        else { throw UsageError("\(configuration.origin(of: ControlSettings.serverURL)): '\(text)' is not an http URL") }
        url = text
        token = configuration[ControlSettings.serverToken]
    }

    private struct Errors: Decodable { let errors: [String] }
    private struct Request: Decodable {
        let id: String
        enum CodingKeys: String, CodingKey { case id = "request-id" }
    }

    struct Answer {
        let data: Data
        let headers: HTTPHeaders
    }

    func get<Value: Decodable>(_ path: String, as type: Value.Type = Value.self) async throws -> Value {
        try decode(try await send(.GET, path).data)
    }

    func text(_ path: String) async throws -> Answer { try await send(.GET, path) }

    /// The document as it came.
    func raw(_ path: String) async throws -> Data { try await send(.GET, path).data }

    @discardableResult func send(_ method: HTTPMethod, _ path: String, body: Data? = nil) async throws -> Answer {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let response: HTTPClientResponse
        let data: Data
        do {
            response = try await Self.http.execute(request, timeout: .milliseconds(Self.timeoutMillis))
            data = Data((try await response.body.collect(upTo: Self.bytesMax)).readableBytesView)
        } catch {
            throw CommandFailure(
                "\(CommandFailure.noServer) at \(url) (\(ConnectionErrorText.of(error))); start one with 'weir server', or name it with --server",
                status: .unreachable)
        }
        guard (200..<300).contains(response.status.code) else { throw failure(response.status, data) }
        return Answer(data: data, headers: response.headers)
    }

    /// Something that takes a while: its request id.
    func begin(_ method: HTTPMethod, _ path: String, body: some Encodable = [String: String]()) async throws -> String {
        let answer: Request = try decode(try await send(method, path, body: try JSONEncoder().encode(body)).data)
        return answer.id
    }

    func decode<Value: Decodable>(_ data: Data) throws -> Value {
        do { return try UntrustedJSON.decode(Value.self, from: data) } catch {
            throw CommandFailure("\(url) answers, but not as a weir server does: \(error)", status: .unreachable)
        }
    }

    private func failure(_ status: HTTPResponseStatus, _ data: Data) -> any Error {
        guard let text = (try? UntrustedJSON.decode(Errors.self, from: data))?.errors.joined(separator: "; ") else {
            return CommandFailure(
                "\(url) answers (\(status.code)), but not as a weir server does; name one with --server", status: .unreachable)
        }
        switch status {
        case .unauthorized, .forbidden: return CommandFailure(text, status: .unreachable)
        case .notFound, .badRequest: return UsageError(text)
        case .gatewayTimeout: return CommandFailure(text, status: .timedOut)
        default: return CommandFailure(text)
        }
    }
}

/// A job in the server's overview.
struct ListedJob: Decodable, Sendable {
    let jid: String
    let name: String
    let state: String
    let startTime: Int64
    let duration: Int64
    let tasks: [String: Int]
    let weir: Own

    struct Own: Decodable, Sendable {
        let status: String
        let reason: String?
        let pid: Int?
        let relaunches: Int
        let restarts: Int
        let parallelism: Int
        let executable: String
        let workingDirectory: String
        let lagRecords: Int?
        let checkpoint: Int?
        let checkpointMillis: Int?
        let recordsInPerSecond: Double
        let busy: Double
        let backPressured: Double
    }

    enum CodingKeys: String, CodingKey {
        case jid, name, state, duration, tasks, weir
        case startTime = "start-time"
    }

    var isEnded: Bool { ["FINISHED", "CANCELED", "FAILED"].contains(state) }
}

extension ServerClient {
    private struct Overview: Decodable { let jobs: [ListedJob] }

    func jobs() async throws -> [ListedJob] { try await get("/jobs/overview", as: Overview.self).jobs }

    /// The job a user names by its name, its id, or the beginning of its id.
    func job(_ text: String) async throws -> ListedJob {
        let jobs = try await jobs()
        if let exact = jobs.first(where: { $0.jid == text }) { return exact }
        let named = jobs.filter { $0.name == text }
        let matches = named.isEmpty ? jobs.filter { text.count >= 4 && $0.jid.hasPrefix(text) } : named
        if matches.count == 1 { return matches[0] }
        let living = matches.filter { !$0.isEnded }
        if living.count == 1 { return living[0] }
        guard matches.isEmpty else {
            throw UsageError("'\(text)' may mean several jobs: \(matches.map(\.jid).joined(separator: ", ")); give an id")
        }
        let nearest = Nearest.suggestion(text, among: jobs.map(\.name))
        throw UsageError("the server at \(url) knows no job '\(text)'.\(nearest) 'list' shows all.")
    }

    private struct Progress: Decodable {
        struct Status: Decodable { let id: String }
        struct Cause: Decodable {
            let type: String
            let text: String
            enum CodingKeys: String, CodingKey {
                case type = "class"
                case text = "stack-trace"
            }

            var status: ExitStatus {
                switch Operation.Cause(rawValue: type) {
                case .late?: .timedOut
                case .jobFailed?: .jobFailed
                case .failed?, nil: .failure
                }
            }
        }
        struct Own: Decodable { let note: String? }
        struct Outcome: Decodable {
            let location: String?
            let cause: Cause?
            let weir: Own?
            enum CodingKeys: String, CodingKey {
                case location, weir
                case cause = "failure-cause"
            }
        }
        let status: Status
        let operation: Outcome?
    }

    /// What an operation has come to.
    struct Done {
        /// Where its checkpoint, savepoint or profile is, if it has one.
        let location: String?
        let note: String?
    }

    /// Until the operation below `/jobs/ID` is done. Throws what made it fail, and when the deadline passes; without one the
    /// server's own bound counts.
    func wait(
        for id: String, _ path: String, _ deadline: ContinuousClock.Instant?, _ line: WaitingLine
    ) async throws -> Done {
        defer { line.end() }
        var state: String?
        while true {
            line.show(state)
            let progress: Progress
            do {
                progress = try await patiently(deadline) { try await get("/jobs/\(id)/\(path)") }
            } catch let lost as UsageError {
                // It was there when it was begun: nothing is wrong with how this was asked.
                throw CommandFailure(
                    "\(lost). A server that was started again has forgotten what it was asked; it may be done all the same: "
                        + "'describe' shows the job", status: .timedOut)
            }
            if progress.status.id == "COMPLETED" {
                if let cause = progress.operation?.cause {
                    throw CommandFailure(cause.text, status: cause.status)
                }
                return Done(location: progress.operation?.location, note: progress.operation?.weir?.note)
            }
            if line.isStateDue() { state = (try? await job(id).weir.status) ?? state }
            try await Self.pause(until: deadline ?? ContinuousClock.now + .seconds(1))
        }
    }

    /// Until the job is in a state for which `holds`.
    func wait(
        for id: String, _ deadline: ContinuousClock.Instant, _ line: WaitingLine? = nil, _ holds: (ListedJob) throws -> Bool
    ) async throws -> ListedJob {
        defer { line?.end() }
        var state: String?
        while true {
            line?.show(state)
            let found = try await patiently(deadline) { try await job(id) }
            if try holds(found) { return found }
            state = found.weir.status
            try await Self.pause(until: deadline)
        }
    }

    /// A server that goes away meanwhile may be started again: it is asked until the deadline, `silenceMax` without one.
    private func patiently<Value>(
        _ deadline: ContinuousClock.Instant?, _ ask: () async throws -> Value
    ) async throws -> Value {
        let silence = ContinuousClock.now + Self.silenceMax
        let limit = min(deadline ?? silence, silence)
        while true {
            do { return try await ask() } catch let failure as CommandFailure
                where failure.isNoServer && ContinuousClock.now < limit
            {
                try await Task.sleep(for: .milliseconds(500))
            }
        }
    }
    private static let silenceMax = Duration.seconds(60)

    private static func pause(until deadline: ContinuousClock.Instant) async throws {
        guard ContinuousClock.now < deadline else {
            throw CommandFailure("the time given with --timeout is over; it may still happen", status: .timedOut)
        }
        try await Task.sleep(for: .milliseconds(200))
    }
}
