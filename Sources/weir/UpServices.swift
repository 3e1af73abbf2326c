import Foundation
import Services
import Trading
import WeirKit

/// The HTTP side of `weir up`.
enum UpServices {
    /// Whom the example order is of.
    static let sampleUser = "me"

    static func services(_ resources: TradingResources, _ session: ApplicationSession) -> TradingServices {
        let (metrics, jobs) = (session.processMetrics, session.host)
        return TradingServices(
            resources: resources,
            metrics: { PrometheusText.render([LabelledRegistry(metrics)] + jobs.registries) },
            // The terminal shows a live line; requests that fail are still told of.
            accessLevel: .debug)
    }

    /// What is said once the gateway listens. The commands can be pasted as they stand.
    static func text(_ url: String, token: String?) -> String {
        guard let token else { return "  gateway      \(url) (tokens come from whoever holds the keys of tokens.key-set)" }
        let order = #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":10}"#
        return """
              page         \(url)/ (sign in by any name)
              gateway      \(url)

            An account and an order, to paste into another terminal:
              TOKEN=\(token)
              curl -sX POST \(url)/v1/accounts -H "Authorization: Bearer $TOKEN"
              curl -sX POST \(url)/v1/orders -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $RANDOM" \\
                -H 'Content-Type: application/json' -d '\(order)'
              curl -s \(url)/v1/portfolio -H "Authorization: Bearer $TOKEN"

            """
    }
}

extension TradingResources {
    /// A token for the example, when tokens are minted here.
    func sampleToken() async throws -> String? {
        let (authority, _) = try await tokenAuthority()
        guard authority.canMint, let user = UserID(UpServices.sampleUser) else { return nil }
        return try await authority.mint(user, lifetimeMillis: 12 * 3_600_000).token
    }
}
