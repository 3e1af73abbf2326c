import HTTPTypes

/// The public interface: every route that clients see, and which service answers it. The services serve these routes,
/// the gateway forwards them, `deploy/openapi.yaml` describes them.
package enum APIRoutes {
    package static let placeOrder = Route(.post, "/v1/orders")
    package static let order = Route(.get, "/v1/orders/{orderId}")
    package static let openAccount = Route(.post, "/v1/accounts")
    package static let portfolio = Route(.get, "/v1/portfolio")
    package static let trades = Route(.get, "/v1/trades")
    package static let volume = Route(.get, "/v1/analytics/volume")
    package static let top = Route(.get, "/v1/analytics/top")
    package static let prices = Route(.get, "/v1/prices")

    /// Answered by the gateway itself, and only on a user's own machine.
    package static let signIn = Route(.post, "/v1/dev/token")

    /// What stands behind the gateway.
    package enum Backend: String, CaseIterable, Sendable {
        case order, portfolio, query
        case marketData = "market-data"
    }

    /// A route as the gateway forwards it.
    package struct Forwarded: Sendable {
        package let route: Route
        package let backend: Backend
        /// Whether sending it twice has the effect of sending it once.
        package let isRepeatable: Bool
    }

    package static let forwarded: [Forwarded] = [
        // Repeatable by its Idempotency-Key.
        Forwarded(route: placeOrder, backend: .order, isRepeatable: true),
        Forwarded(route: order, backend: .order, isRepeatable: true),
        // The second time would be told that the account is there already.
        Forwarded(route: openAccount, backend: .portfolio, isRepeatable: false),
        Forwarded(route: portfolio, backend: .portfolio, isRepeatable: true),
        Forwarded(route: trades, backend: .query, isRepeatable: true),
        Forwarded(route: volume, backend: .query, isRepeatable: true),
        Forwarded(route: top, backend: .query, isRepeatable: true),
        Forwarded(route: prices, backend: .marketData, isRepeatable: true),
    ]
}
