import HTTPTypes
import Hummingbird

/// One operation of an HTTP interface.
package struct Route: Hashable, Sendable {
    package let method: HTTPRequest.Method
    /// As OpenAPI writes it: `/v1/orders/{orderId}`.
    package let path: String

    package init(_ method: HTTPRequest.Method, _ path: String) {
        self.method = method
        self.path = path
    }
}

/// A router that knows its routes: for 405, for the gateway, and for checks against the OpenAPI document. HEAD is where GET is.
/// Filled by one thread, then given to an `HTTPHost`.
package final class ServiceRouter {
    private let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
    package private(set) var routes: [Route] = []

    package init() {}

    /// Answers `route` with `handler`. What the handler throws becomes a problem.
    package func on<Output: ResponseGenerator>(
        _ route: Route, use handler: @escaping @Sendable (Request, APIContext) async throws -> Output
    ) {
        routes.append(route)
        router.on(RouterPath(route.path), method: route.method) { request, context in
            try await handler(request, context).response(from: request, context: context)
        }
    }

    /// The finished responder. Nothing may be added afterwards.
    func responder(_ limits: HTTPLimits) -> RoutedResponder {
        RoutedResponder(inner: router.buildResponder(), methods: MethodTable(routes), limits: limits)
    }
}

/// The router with its refusals made ours: paths in their one form only, 405 where another method would do.
struct RoutedResponder: HTTPResponder {
    let inner: RouterResponder<APIContext>
    let methods: MethodTable
    let limits: HTTPLimits

    func respond(to request: Request, context: APIContext) async throws -> Response {
        do { try RequestRules.check(request, limits) } catch {
            var problem = error
            // What follows on a connection whose requests another program may read in another way is not trusted either.
            if problem.status == .badRequest { problem.headers[.connection] = "close" }
            throw problem
        }
        let allowed = methods.allowed(request.uri.path)
        if allowed.isEmpty { throw Problem.notFound }
        guard allowed.contains(request.method) else { throw Problem.methodNotAllowed(allowed) }
        return try await inner.respond(to: request, context: context)
    }
}

/// Which methods a path has.
struct MethodTable: Sendable {
    private let entries: [(segments: [Substring], method: HTTPRequest.Method)]

    init(_ routes: [Route]) {
        entries = routes.map { (Self.segments($0.path), $0.method) }
    }

    /// HEAD is where GET is.
    func allowed(_ path: String) -> [HTTPRequest.Method] {
        let asked = Self.segments(path)
        let found = entries.filter { Self.matches($0.segments, asked) }.map(\.method)
        return found + (found.contains(.get) ? [.head] : [])
    }

    private static func segments(_ path: String) -> [Substring] {
        path.split(separator: "/", omittingEmptySubsequences: false)
    }

    private static func matches(_ template: [Substring], _ asked: [Substring]) -> Bool {
        guard template.count == asked.count else { return false }
        return zip(template, asked).allSatisfy { part, text in part.hasPrefix("{") ? !text.isEmpty : part == text }
    }
}
