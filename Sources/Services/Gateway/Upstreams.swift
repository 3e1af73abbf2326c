import AsyncHTTPClient
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOPosix
import StoreKit
import Synchronization
import TraceContext
import Tracing
import Trading
import UntrustedJSON

/// The services behind the gateway, reached over HTTP.
///
/// - What goes to a service is built afresh: method, route, the few fields that mean something to it. Nothing else a
///   client sent gets through, whatever it is called.
/// - Attempts are repeated only when that is safe (the route is repeatable, or the request was never sent), after a wait
///   with full jitter, within `RetryBudget`, at most `attemptsMax` times.
/// - A service that does not answer opens its breaker: requests are refused at once until a probe gets through.
///
/// Callable from any task.
package final class Upstreams: Sendable {
    package struct Settings: Sendable {
        package var attemptsMax = 3
        /// Of one attempt, connecting included.
        package var attemptMillisMax: Int64 = 6_000
        package var connectMillisMax: Int64 = 1_000
        package var connectionsMax = 128
        package var answerBytesMax = 4 << 20

        package init() {}
    }

    private struct Upstream: Sendable {
        let url: String
        let breaker: CircuitBreaker
        let metrics: StoreMetrics
    }

    private let upstreams: [APIRoutes.Backend: Upstream]
    private let credential: InternalCredential
    private let settings: Settings
    private let http: HTTPClient
    private let budget = Mutex(RetryBudget())
    private let waits: RetryPolicy

    /// - Parameter urls: `http://host:port` of each service. A route whose service is missing answers 503.
    package init(
        _ urls: [APIRoutes.Backend: String], credential: InternalCredential, settings: Settings = Settings()
    ) {
        upstreams = Dictionary(
            uniqueKeysWithValues: urls.map { backend, url in
                let name = "service-\(backend.rawValue)"
                return (
                    backend,
                    Upstream(
                        url: url.hasSuffix("/") ? String(url.dropLast()) : url, breaker: CircuitBreaker(name: name),
                        metrics: StoreMetrics(store: name))
                )
            })
        self.credential = credential
        self.settings = settings
        waits = RetryPolicy(baseMillis: 50, capMillis: 500, attemptsMax: settings.attemptsMax)
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .milliseconds(settings.connectMillisMax)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = settings.connectionsMax
        // Shorter than a service's own idle time: a connection it is about to close is not used any more.
        configuration.connectionPool.idleTimeout = .seconds(30)
        configuration.httpVersion = .http1Only
        // Spans are made here, and traceparent is sent once.
        configuration.tracing.tracer = nil
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Ends all connections.
    package func close() async { try? await http.shutdown() }

    /// The service's answer to the request. Throws `Problem` when there is none.
    func forward(
        _ request: Request, body: ByteBuffer?, for user: UserID, _ route: APIRoutes.Forwarded, _ context: APIContext
    ) async throws -> Response {
        guard let upstream = upstreams[route.backend] else { throw Problem.unavailable(route.backend.rawValue) }
        budget.withLock { $0.deposit() }
        var attempt = 1
        while true {
            let failure: Failure
            do {
                return try await send(request, body, user, upstream, route, context)
            } catch let error as Failure {
                failure = error
            }
            var random = SystemRandomNumberGenerator()
            guard failure.mayRepeat(route), !Task.isCancelled,
                let wait = waits.delayMillis(afterAttempt: attempt, using: &random), budget.withLock({ $0.withdraw() })
            else {
                context.log.warning(
                    "a service did not answer",
                    metadata: [
                        "backend": "\(route.backend.rawValue)", "attempts": "\(attempt)", "error": "\(failure.error)",
                    ])
                throw failure.problem(route.backend)
            }
            attempt += 1
            try await Task.sleep(for: .milliseconds(wait))
        }
    }

    /// How far an attempt got.
    private enum Reach {
        /// The breaker did not let it go out.
        case refused
        /// Nobody took the connection.
        case unsent
        /// The service may have seen it.
        case sent
    }

    /// Why an attempt brought no answer.
    private struct Failure: Error {
        let error: StoreError
        let reach: Reach

        func mayRepeat(_ route: APIRoutes.Forwarded) -> Bool {
            switch reach {
            case .refused: false
            case .unsent: true
            case .sent: route.isRepeatable && error.isRetryable
            }
        }

        func problem(_ backend: APIRoutes.Backend) -> Problem {
            if case .timeout = error { return .upstreamTimeout }
            return .unavailable(backend.rawValue)
        }
    }

    private func send(
        _ request: Request, _ body: ByteBuffer?, _ user: UserID, _ upstream: Upstream, _ route: APIRoutes.Forwarded,
        _ context: APIContext
    ) async throws -> Response {
        try await withSpan("\(route.backend.rawValue) \(route.route.path)", ofKind: .client) { span in
            let trace = context.trace.continued(in: span.context)
            let outgoing = outgoing(request, body, user, upstream.url, route, trace, context)
            var reach = Reach.refused
            do throws(StoreError) {
                let answer = try await upstream.breaker.run { () async throws(StoreError) in
                    try await upstream.metrics.measure(route.route.path) { () async throws(StoreError) in
                        reach = .sent
                        return try await perform(outgoing, &reach)
                    }
                }
                return try incoming(answer)
            } catch {
                throw Failure(error: error, reach: reach)
            }
        }
    }

    private func outgoing(
        _ request: Request, _ body: ByteBuffer?, _ user: UserID, _ url: String, _ route: APIRoutes.Forwarded,
        _ trace: TraceHeaders, _ context: APIContext
    ) -> HTTPClientRequest {
        // The path is canonical (`RequestRules`) and matched a route; the query is the service's to judge.
        var outgoing = HTTPClientRequest(url: url + request.uri.path + (request.uri.query.map { "?\($0)" } ?? ""))
        // HEAD is asked as GET: what is told of the body is told of the one that the router then drops.
        outgoing.method = HTTPMethod(rawValue: route.route.method.rawValue)
        for name in [HTTPField.Name.contentType, .idempotencyKey] {
            if let value = request.headers[name] { outgoing.headers.add(name: name.canonicalName, value: value) }
        }
        for (name, value) in trace.fields { outgoing.headers.add(name: name, value: value) }
        outgoing.headers.add(name: HTTPField.Name.requestID.canonicalName, value: context.requestID)
        outgoing.headers.add(name: HTTPField.Name.internalCredential.canonicalName, value: credential.text)
        outgoing.headers.add(name: HTTPField.Name.internalUser.canonicalName, value: user.text)
        if let body { outgoing.body = .bytes(body) }
        return outgoing
    }

    private struct Answer: Sendable {
        let status: Int
        let headers: NIOHTTP1.HTTPHeaders
        let body: ByteBuffer
    }

    private func perform(_ request: HTTPClientRequest, _ reach: inout Reach) async throws(StoreError) -> Answer {
        do {
            let response = try await http.execute(request, timeout: .milliseconds(settings.attemptMillisMax))
            let body = try await response.body.collect(upTo: settings.answerBytesMax)
            return Answer(status: Int(response.status.code), headers: response.headers, body: body)
        } catch let error as HTTPClientError where error == .connectTimeout {
            reach = .unsent
            throw .unavailable("it does not accept connections")
        } catch let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout {
            throw .timeout("no answer within \(settings.attemptMillisMax) ms")
        } catch is CancellationError {
            throw .timeout("the request was given up")
        } catch {
            // Refused connections come as system errors from the connecting itself.
            if error is NIOConnectionError || (error as? IOError)?.errnoCode == ECONNREFUSED { reach = .unsent }
            throw .unavailable("\(error)")
        }
    }

    /// What of a service's answer clients get to see.
    private func incoming(_ answer: Answer) throws(StoreError) -> Response {
        if answer.status == 401 {
            throw .invalid("the service does not take this gateway's credential; set services.credential alike")
        }
        var headers: HTTPFields = [:]
        for name in [HTTPField.Name.contentType, .cacheControl, .retryAfter, .location] {
            if let value = answer.headers.first(name: name.canonicalName) { headers[name] = value }
        }
        return Response(
            status: HTTPResponse.Status(code: answer.status), headers: headers, body: .init(byteBuffer: answer.body))
    }

    /// Whether each service is ready and, if not, for want of what: for `/readyz`.
    package var dependencies: [Dependency] {
        upstreams.sorted { $0.key.rawValue < $1.key.rawValue }.map { backend, upstream in
            let http = http
            return Dependency(service: backend.rawValue) {
                let answer = try await http.execute(
                    HTTPClientRequest(url: upstream.url + "/readyz"), timeout: .milliseconds(Health.serviceMillisMax))
                guard answer.status == .ok || answer.status == .serviceUnavailable else {
                    throw StoreError.unavailable("HTTP \(answer.status.code)")
                }
                let body = try await answer.body.collect(upTo: 64 << 10)
                return try UntrustedJSON.decode(Readiness.self, from: Data(body.readableBytesView))
            }
        }
    }
}

extension Problem {
    static let upstreamTimeout = Problem(
        "upstream-timeout", "A service did not answer in time", .gatewayTimeout,
        "Whether the request took effect is not known. Repeat it, an order with the same Idempotency-Key.",
        retryAfterSeconds: 1)
}
