import HTTPTypes
import Hummingbird
import Logging
import TraceContext
import Tracing

/// Around every request of a server: its id, its span, its time limit, its answer when something is thrown, its line in
/// the access log, its figures.
package struct ServiceResponder<Inner: HTTPResponder>: HTTPResponder where Inner.Context == APIContext {
    let service: String
    let inner: Inner
    let limits: HTTPLimits
    /// Of lines about requests that went well; those that failed here are warnings.
    let accessLevel: Logger.Level
    private let metrics: HTTPMetrics

    package init(service: String, inner: Inner, limits: HTTPLimits, accessLevel: Logger.Level = .info) {
        self.service = service
        self.inner = inner
        self.limits = limits
        self.accessLevel = accessLevel
        metrics = HTTPMetrics(service: service)
    }

    package func respond(to request: Request, context: APIContext) async throws -> Response {
        let began = ContinuousClock.now
        var context = context
        context.requestID = RequestIDs.accept(request.headers[.requestID])
        context.note("requestId", context.requestID)
        let incoming = TraceHeaders(incoming: request.headers)
        metrics.began()
        defer { metrics.ended() }
        return await withSpan("HTTP \(request.method.rawValue)", context: incoming.context, ofKind: .server) { span in
            context.trace = incoming.continued(in: span.context)
            context.note("traceId", context.trace.traceID)
            let (response, failure) = await answer(request, context)
            // The template, never the path: names of metrics and spans must be few.
            let route = context.endpointPath ?? "unmatched"
            span.operationName = "\(request.method.rawValue) \(route)"
            span.updateAttributes { attributes in
                attributes["http.request.method"] = request.method.rawValue
                attributes["http.route"] = route
                attributes["http.response.status_code"] = Int(response.status.code)
            }
            if response.status.kind == .serverError { span.setStatus(SpanStatus(code: .error)) }
            let took = ContinuousClock.now - began
            metrics.record(method: request.method, route: route, status: response.status.code, took)
            log(request, context, response, failure, took)
            return response
        }
    }

    private func answer(_ request: Request, _ context: APIContext) async -> (Response, failure: (any Error)?) {
        var response: Response
        var failure: (any Error)?
        do {
            response = try await withinTime(request, context)
        } catch {
            let problem = Problem(error, limits: limits)
            if problem.status.kind == .serverError { failure = error }
            response = (try? problem.response()) ?? Response(status: problem.status)
        }
        // Refusals, too: a client reads no body after HEAD, and would take one for its next answer.
        if request.method == .head { response = response.createHeadResponse() }
        response.headers[.requestID] = context.requestID
        response.headers[.contentTypeOptions] = "nosniff"
        return (response, failure)
    }

    /// Handlers see a cancelled task when the time is over; those that wait for a store end then.
    private func withinTime(_ request: Request, _ context: APIContext) async throws -> Response {
        try await withThrowingTaskGroup(of: Response?.self) { group in
            group.addTask { try await inner.respond(to: request, context: context) }
            group.addTask {
                try await Task.sleep(for: .milliseconds(limits.requestMillisMax))
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let response = first else { throw Problem.timedOut }
            return response
        }
    }

    private func log(
        _ request: Request, _ context: APIContext, _ response: Response, _ failure: (any Error)?, _ took: Duration
    ) {
        var fields: Logger.Metadata = [
            "service": "\(service)", "method": "\(request.method.rawValue)", "path": "\(request.uri.path.prefix(200))",
            "status": "\(response.status.code)", "millis": "\(took.wholeMillis)",
        ]
        if let failure { fields["error"] = "\(failure)" }
        context.log.log(level: failure == nil ? accessLevel : .warning, "request", metadata: fields)
    }
}

extension Duration {
    var wholeMillis: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
