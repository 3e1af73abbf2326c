import Foundation
import WeirKit

/// The settings of the HTTP services. What is not set serves this machine only, with secrets made in the data folder.
enum ServiceSettings {
    static let gatewayHost = Setting.string("gateway.host", default: "127.0.0.1", help: "Address the gateway binds.")
    static let gatewayPort = Setting.integer(
        "gateway.port", default: 8080, in: 0...65_535, help: "Port of the gateway; 0: any free one.")
    static let gatewayRate = Setting.integer(
        "gateway.rate", default: 50, in: 1...1_000_000, help: "Requests a second that each user may make.")
    static let gatewayBurst = Setting.integer(
        "gateway.burst", default: 100, in: 1...1_000_000, help: "Requests that a user may make at once.")
    static let signIn = Setting.bool(
        "gateway.sign-in", default: true,
        help: "Whether the page may sign anybody in; only ever on a loopback address with the key in the data folder.")

    static let tokenSecret = Setting.optionalString(
        "tokens.secret", help: "Secret (32 bytes or more) tokens are signed with, HS256 (default: a file in the data folder).",
        isSecret: true)
    static let tokenKeySet = Setting.optionalString(
        "tokens.key-set",
        help: "Public keys (JWKS) of whoever mints tokens: a file, or the JSON itself; then none are minted here.")
    static let tokenAudience = Setting.string("tokens.audience", default: "weir", help: "The 'aud' tokens must name.")
    static let tokenIssuer = Setting.optionalString("tokens.issuer", help: "The 'iss' tokens must name.")

    static let credential = Setting.optionalString(
        "services.credential",
        help: "Secret that gateway and services share (default: a file in the data folder).", isSecret: true)
    static let host = Setting.string("services.host", default: "127.0.0.1", help: "Address a service run alone binds.")
    static let port = Setting.optionalInteger(
        "services.port", in: 0...65_535,
        help: "Port of a service run alone; 0: any free one (default: order 8091, portfolio 8092, query 8093, market-data 8094).")
    static let orderURL = Setting.string(
        "services.order-url", default: "http://127.0.0.1:8091", help: "Where a gateway run alone finds the order service.")
    static let portfolioURL = Setting.string(
        "services.portfolio-url", default: "http://127.0.0.1:8092", help: "The portfolio service.")
    static let queryURL = Setting.string("services.query-url", default: "http://127.0.0.1:8093", help: "The query service.")
    static let marketDataURL = Setting.string(
        "services.market-data-url", default: "http://127.0.0.1:8094", help: "The market data service.")

    static let orders = Setting.optionalString(
        "orders", help: "The ledger of accepted orders, as 'portfolios' (default: beside the portfolios).")
    static let requestTTL = Setting.millis(
        "orders.request-ttl", default: 86_400_000, in: 60_000...2_592_000_000,
        help: "How long a repeated Idempotency-Key is recognised.")

    /// Where a service is; throws `ConfigurationRefusal` for what is no such place.
    static func url(_ setting: Setting<String>, _ configuration: Configuration) throws -> String {
        let text = configuration[setting]
        guard let parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme), parts.host?.isEmpty == false
        else {
            throw ConfigurationRefusal([
                "\(configuration.origin(of: setting)): '\(text)' is not http://host:port (\(setting.key.name))"
            ])
        }
        return text
    }

    static let keys: [ConfigurationKey] = [
        gatewayHost.key, gatewayPort.key, gatewayRate.key, gatewayBurst.key, signIn.key, tokenSecret.key, tokenKeySet.key,
        tokenAudience.key, tokenIssuer.key, credential.key, host.key, port.key, orderURL.key, portfolioURL.key, queryURL.key,
        marketDataURL.key, orders.key, requestTTL.key,
    ]
}
