import Foundation
import HTTPServing
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// Serves `/metrics` (Prometheus), `/healthz` (200 while the process lives) and `/readyz` (200 once every job
/// runs, else 503; the jobs' states as JSON either way), and what `routes` adds. Plain HTTP; what is named here has no
/// password: bind it to loopback, or to an address only the scraper reaches.
///
/// `start` and `stop` are called once each, from any thread.
public final class MetricsServer: Sendable {
    public struct Options: Sendable {
        public var host: String
        /// 0: any free one.
        public var port: Int
        /// How a user changes the port; part of the refusal when it is taken.
        public var portFlag: String

        public init(host: String = "127.0.0.1", port: Int = 9600, portFlag: String = "--metrics-port") {
            self.host = host
            self.port = port
            self.portFlag = portFlag
        }
    }
    /// Idle connections beyond this wait; a scraper needs one.
    private static let connectionsMax = 64
    private static let limits = ConnectionLimits(bodyBytesMax: JobControlRoutes.bodyBytesMax)

    private let options: Options
    private let metrics: @Sendable (ExpositionFormat) -> String
    private let jobs: @Sendable () -> [JobReport]
    private let routes: @Sendable (Router<BasicRequestContext>) -> Void
    private let running = Mutex<(group: ServiceGroup, task: Task<Void, Never>)?>(nil)

    /// `metrics` and `jobs` are called for each request, on any thread.
    public init(
        _ options: Options = Options(), metrics: @escaping @Sendable (ExpositionFormat) -> String,
        jobs: @escaping @Sendable () -> [JobReport],
        routes: @escaping @Sendable (Router<BasicRequestContext>) -> Void = { _ in }
    ) {
        self.options = options
        self.metrics = metrics
        self.jobs = jobs
        self.routes = routes
    }

    /// Returns the bound port. Throws `MetricsServerError` when the address cannot be bound.
    public func start() async throws -> Int {
        let bound = OnceResult<Int>()
        var logger = Logger(label: "weir.metrics")
        logger.logLevel = .warning
        let application = Application(
            router: makeRouter(),
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [RequestGuard(Self.limits) { Self.refusal($0.text) }],
                    idleTimeout: .seconds(60))),
            configuration: .init(
                address: .hostname(options.host, port: options.port), serverName: nil, reuseAddress: true,
                availableConnectionsDelegate: .maximum(Self.connectionsMax, logger: logger)),
            onServerRunning: { bound.complete(.success($0.localAddress?.port ?? 0)) }, logger: logger)
        var configuration = ServiceGroupConfiguration(services: [application], logger: logger)
        configuration.maximumGracefulShutdownDuration = .seconds(2)
        let group = ServiceGroup(configuration: configuration)
        let options = options
        let task = Task {
            do {
                try await group.run()
                bound.complete(.failure(MetricsServerError(options, cause: "it ended at once")))
            } catch {
                bound.complete(.failure(MetricsServerError(options, error)))
            }
        }
        let port = try await bound.value()
        running.withLock { $0 = (group, task) }
        return port
    }

    /// Answers what is being asked (2 s at most), then closes. Does nothing when not started.
    public func stop() async {
        let ending = running.withLock { running in
            defer { running = nil }
            return running
        }
        guard let ending else { return }
        await ending.group.triggerGracefulShutdown()
        await ending.task.value
    }

    private func makeRouter() -> Router<BasicRequestContext> {
        let router = Router(options: .autoGenerateHeadEndpoints)
        router.middlewares.add(HostCheck())
        let metrics = metrics
        let jobs = jobs
        router.get("/metrics") { request, _ in
            let format = ExpositionFormat(accepting: request.headers[.accept])
            return Self.answer(.ok, format.contentType, metrics(format))
        }
        router.get("/healthz") { _, _ in Self.answer(.ok, "application/json", "{\"status\":\"ok\"}\n") }
        router.get("/readyz") { _, _ in
            let readiness = Readiness(jobs())
            return Self.answer(
                readiness.ready ? .ok : .serviceUnavailable, "application/json", try readiness.json())
        }
        routes(router)
        return router
    }

    /// In the form of the control API's errors.
    fileprivate static func refusal(_ text: String) -> ErrorAnswer? {
        guard let json = try? JSONEncoder().encode(["error": text]) else { return nil }
        return ErrorAnswer([.contentType: "application/json", .cacheControl: "no-store"], ByteBuffer(bytes: json))
    }

    private static func answer(_ status: HTTPResponse.Status, _ contentType: String, _ body: String) -> Response {
        Response(
            status: status, headers: [.contentType: contentType, .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: body)))
    }
}

/// Refuses requests that do not name their host.
private struct HostCheck: RouterMiddleware {
    typealias Context = BasicRequestContext

    func handle(
        _ request: Request, context: BasicRequestContext, next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        guard let answer = HostRule.refusal(request.head).flatMap(MetricsServer.refusal) else {
            return try await next(request, context)
        }
        var response = Response(status: .badRequest, headers: answer.headers, body: .init(byteBuffer: answer.body))
        response.headers[.connection] = "close"
        return request.method == .head ? response.createHeadResponse() : response
    }
}

/// What `/readyz` says.
private struct Readiness: Encodable {
    let ready: Bool
    let jobs: [JobReport]

    init(_ jobs: [JobReport]) {
        self.jobs = jobs
        ready = !jobs.isEmpty && jobs.allSatisfy(\.isReady)
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }
}

/// The metrics server cannot listen.
public struct MetricsServerError: Error, Sendable, CustomStringConvertible {
    public var description: String

    init(_ options: MetricsServer.Options, cause: String) {
        description = "the metrics server cannot listen on \(options.host):\(options.port): \(cause)"
    }

    init(_ options: MetricsServer.Options, _ error: any Error) {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE:
            self.init(
                options,
                cause: "the port is in use by another process; choose another with \(options.portFlag) PORT "
                    + "(0: any free one), or switch the server off with --set metrics.enabled=false")
        case EACCES:
            self.init(options, cause: "not permitted; choose a port above 1023 with \(options.portFlag) PORT")
        default: self.init(options, cause: "\(error)")
        }
    }
}

/// A value that arrives once; later results are dropped. One waiter.
private final class OnceResult<Value: Sendable>: Sendable {
    private enum State {
        case empty
        case waiting(CheckedContinuation<Value, any Error>)
        case done(Result<Value, any Error>)
    }
    private let state = Mutex(State.empty)

    func complete(_ result: Result<Value, any Error>) {
        let waiter = state.withLock { state -> CheckedContinuation<Value, any Error>? in
            switch state {
            case .done: return nil
            case .empty:
                state = .done(result)
                return nil
            case .waiting(let waiter):
                state = .done(result)
                return waiter
            }
        }
        waiter?.resume(with: result)
    }

    func value() async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let done = state.withLock { state -> Result<Value, any Error>? in
                if case .done(let result) = state { return result }
                state = .waiting(continuation)
                return nil
            }
            if let done { continuation.resume(with: done) }
        }
    }
}
