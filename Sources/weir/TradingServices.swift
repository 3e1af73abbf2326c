import Foundation
import Hummingbird
import Logging
import ServiceLifecycle
import Services
import StreamRuntime
import Trading
import WeirKit

/// Makes the HTTP services from settings. Each is made once per process.
struct TradingServices {
    let resources: TradingResources
    /// Prometheus text of the whole process.
    let metrics: @Sendable () -> String
    /// Of the access log's lines about requests that went well.
    var accessLevel = Logger.Level.info

    private var configuration: Configuration { resources.configuration }

    /// A service behind the gateway, and what has to run beside it.
    func parts(
        _ name: ServiceName, host: String, port: Int, portFlag: String
    ) throws -> (host: HTTPHost, beside: [any Service]) {
        var options = HTTPHost.Options(name: name.rawValue)
        (options.host, options.port, options.portFlag, options.accessLevel) = (host, port, portFlag, accessLevel)
        let credential = try resources.credential()
        switch name {
        case .order:
            let service = OrderService(try desk(), credential: credential, limits: options.limits)
            return (HTTPHost(options, service.router(Health(service.dependencies, metrics: metrics))), [])
        case .portfolio:
            let service = PortfolioService(
                portfolios: try resources.portfolios(), prices: try resources.prices(),
                startingCash: try resources.startingCash(), credential: credential)
            return (HTTPHost(options, service.router(Health(service.dependencies, metrics: metrics))), [])
        case .query:
            let service = QueryService(
                history: try resources.history(), analytics: try resources.analytics(), credential: credential)
            return (HTTPHost(options, service.router(Health(service.dependencies, metrics: metrics))), [])
        case .marketData:
            let service = MarketDataService(
                symbols: try resources.symbols(), prices: try resources.prices(), updates: try resources.priceUpdates(),
                credential: credential, options: MarketSettings.options(configuration))
            options.limits = service.limits(options.limits)
            let router = service.router(Health(service.dependencies, metrics: metrics))
            return (HTTPHost(options, router, server: service.server(options.limits)), [service])
        case .gateway:
            preconditionFailure("the gateway is made by gateway(_:)")
        }
    }

    private func desk() throws -> OrderDesk {
        var policy = OrderDesk.Policy(symbols: Set(try resources.symbols()))
        policy.requestMillis = Int64(configuration[ServiceSettings.requestTTL])
        // A request that is recognised finds its order.
        policy.orderMillis = max(policy.requestMillis, Int64(configuration[TradingSettings.ledgerTTL]))
        return OrderDesk(
            ledger: try resources.orders(), publisher: try resources.orderPublisher(),
            portfolios: try resources.portfolios(), prices: try resources.prices(), policy: policy)
    }

    /// All services: those behind the gateway on free ports of this machine, then the gateway. `announce` gets its URL.
    func startAll(in hosted: HostedServices, announce: @escaping @Sendable (String) -> Void) async throws {
        var urls: [APIRoutes.Backend: String] = [:]
        for (name, backend) in ServiceName.backends {
            let (host, beside) = try parts(name, host: "127.0.0.1", port: 0, portFlag: "--set services.port=")
            try await hosted.start(beside + [host]) { _ = try await host.port() }
            urls[backend] = try await host.url()
        }
        try await startGateway(in: hosted, urls, announce: announce)
    }

    /// The gateway in front of the services at `urls`.
    func startGateway(
        in hosted: HostedServices, _ urls: [APIRoutes.Backend: String], announce: @escaping @Sendable (String) -> Void
    ) async throws {
        var options = HTTPHost.Options(name: "gateway")
        options.host = configuration[ServiceSettings.gatewayHost]
        options.port = configuration[ServiceSettings.gatewayPort]
        (options.portFlag, options.accessLevel) = ("--gateway-port", accessLevel)
        let (authority, isLocal) = try await resources.tokenAuthority()
        let upstreams = Upstreams(urls, credential: try resources.credential())
        var rules = Gateway.Options()
        rules.limits = options.limits
        rules.rates.perSecond = Double(configuration[ServiceSettings.gatewayRate])
        rules.rates.burst = Double(configuration[ServiceSettings.gatewayBurst])
        rules.hasSignIn = configuration[ServiceSettings.signIn] && isLocal && Self.isLoopback(options.host)
        rules.page = StaticFiles()
        let tunnel = try tunnel(to: urls[.marketData])
        if let tunnel {
            rules.webSocketRefusal = { tunnel.refusal(of: $0) }
            options.limits.connectionsMax += configuration[MarketSettings.connections]
        }
        let gateway = Gateway(authority, upstreams, rules)
        let router = gateway.router(Health(upstreams.dependencies, metrics: metrics))
        let host = HTTPHost(options, router, server: tunnel?.server(options.limits))
        try await hosted.start([Closing { await upstreams.close() }, host]) { announce(try await host.url()) }
    }

    /// What hands WebSockets on to the market data service.
    private func tunnel(to url: String?) throws -> WebSocketTunnel? {
        guard let url else { return nil }
        guard let parts = URLComponents(string: url), let host = parts.host, let port = parts.port else {
            throw ConfigurationRefusal(["services.market-data-url: '\(url)' is not http://host:port"])
        }
        var options = WebSocketTunnel.Options(host: host, port: port)
        options.origins = configuration[MarketSettings.origins]
        options.tunnelsMax = configuration[MarketSettings.connections]
        return WebSocketTunnel(options, credential: try resources.credential())
    }

    private static func isLoopback(_ host: String) -> Bool { ["127.0.0.1", "localhost", "::1"].contains(host) }
}

/// Closes something when the services behind it in a group have ended.
private struct Closing: Service {
    let close: @Sendable () async -> Void

    func run() async {
        try? await gracefulShutdown()
        await close()
    }
}
