import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import StoreKit
import Synchronization
import Trading

/// The one door for clients: says who asks (a token), how often they may, and hands the request on to its service.
package struct Gateway: Sendable {
    package struct Options: Sendable {
        package var limits = HTTPLimits()
        package var rates = TokenBuckets.Settings()
        /// Whether `POST /v1/dev/token` gives anybody a token: for a page on the user's own machine, never elsewhere.
        package var hasSignIn = false
        package var page: StaticFiles?
        /// Why a request that asks for a WebSocket has not become one; nil: it asks for none.
        package var webSocketRefusal: @Sendable (Request) -> Problem? = { _ in nil }

        package init() {}
    }

    private let authority: TokenAuthority
    private let upstreams: Upstreams
    private let options: Options
    private let buckets: Buckets

    private final class Buckets: Sendable {
        let state: Mutex<TokenBuckets>
        init(_ settings: TokenBuckets.Settings) { state = Mutex(TokenBuckets(settings)) }
    }

    package init(_ authority: TokenAuthority, _ upstreams: Upstreams, _ options: Options = Options()) {
        self.authority = authority
        self.upstreams = upstreams
        self.options = options
        buckets = Buckets(options.rates)
    }

    package func router(_ health: Health) -> ServiceRouter {
        let router = ServiceRouter()
        for forwarded in APIRoutes.forwarded {
            router.on(forwarded.route) { request, context in
                if let refusal = options.webSocketRefusal(request) { throw refusal }
                var context = context
                let user = try await authenticate(request, &context)
                try limit(user)
                let body = request.method == .post ? try await request.body.collect(upTo: options.limits.bodyBytesMax) : nil
                return try await upstreams.forward(request, body: body, for: user, forwarded, context)
            }
        }
        if options.hasSignIn { SignIn(authority, options.limits).add(to: router) }
        options.page?.add(to: router)
        health.add(to: router)
        return router
    }

    private func authenticate(_ request: Request, _ context: inout APIContext) async throws -> UserID {
        let parts = (request.headers[.authorization] ?? "").split(separator: " ")
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { throw Problem.noToken }
        do {
            let user = try await authority.user(of: String(parts[1]))
            context.user = user
            return user
        } catch {
            context.note("refused", "\(error)")
            throw Problem.badToken
        }
    }

    private func limit(_ user: UserID) throws(Problem) {
        let now = CircuitBreaker.steadyMillis()
        switch buckets.state.withLock({ $0.take(user, nowMillis: now) }) {
        case .allowed: return
        case .limited(let retryAfterMillis):
            throw Problem(
                "rate-limited", "Too many requests", .tooManyRequests,
                "Each user may make \(Int(options.rates.perSecond)) requests a second.",
                retryAfterSeconds: Int((retryAfterMillis + 999) / 1000))
        }
    }
}

extension Problem {
    static let noToken = Problem(
        "no-token", "A token is needed", .unauthorized, "Send Authorization: Bearer TOKEN; `weir token USER` mints one.",
        headers: [.wwwAuthenticate: "Bearer"])
    static let badToken = Problem(
        "bad-token", "The token does not count here", .unauthorized,
        "It is malformed, has expired, or was not made for this system. Sign in again.",
        headers: [.wwwAuthenticate: "Bearer error=\"invalid_token\""])
}
