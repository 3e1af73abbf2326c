import ArgumentParser
import ServiceLifecycle
import Services
import WeirKit

/// `service NAME`: one HTTP service in this process.
struct ServiceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "service", abstract: "Run one HTTP service of the trading system in this process.",
        discussion: """
            Services run apart share real stores: set transport, portfolios, prices and the others to their URLs, and \
            services.credential alike everywhere. Embedded stores belong to one process; 'weir up' runs everything in one.

            EXAMPLES
              weir service gateway --config production.yaml
              weir service order --port 8091 --set transport=kafka://kafka-1:9092
            """)

    @Argument(help: "order, portfolio, query, market-data or gateway.") var name: ServiceName
    @OptionGroup(title: "Settings") var flags: ConfigurationFlags
    @Option(help: ArgumentHelp("Port to listen on; 0: any free one.", valueName: "port")) var port: Int?

    func run() async throws {
        let configuration = try flags(with: port).resolve(for: Weir.self)
        try refuseLonelyPrices(configuration)
        let session = try ApplicationSession(Weir.self, configuration)
        let resources = TradingResources(configuration: configuration, environment: session.launcher.environment)
        let services = TradingServices(
            resources: resources, metrics: { PrometheusText.render(session.processMetrics) })
        do {
            _ = try await session.run(
                servesMetrics: false, startServices: { try await start(services, in: $0, configuration) }
            ) { _, _ in }
        } catch let error as HTTPHostError {
            throw CommandFailure("\(error)")
        }
    }

    private func start(
        _ services: TradingServices, in hosted: HostedServices, _ configuration: Configuration
    ) async throws {
        if name == .gateway {
            return try await services.startGateway(
                in: hosted,
                [
                    .order: try ServiceSettings.url(ServiceSettings.orderURL, configuration),
                    .portfolio: try ServiceSettings.url(ServiceSettings.portfolioURL, configuration),
                    .query: try ServiceSettings.url(ServiceSettings.queryURL, configuration),
                    .marketData: try ServiceSettings.url(ServiceSettings.marketDataURL, configuration),
                ]
            ) { say("the gateway listens on \($0)") }
        }
        let name = name
        let (host, beside) = try services.parts(
            name, host: configuration[ServiceSettings.host], port: configuration[ServiceSettings.port] ?? name.port,
            portFlag: "--port")
        try await hosted.start(beside + [host]) { say("the \(name.rawValue) service listens on \(try await host.url())") }
    }

    private func flags(with port: Int?) -> ConfigurationFlags {
        var flags = flags
        if let port { flags.set.append("\(name == .gateway ? "gateway" : "services").port=\(port)") }
        return flags
    }

    /// Prices in memory are written by whoever has them, and a service alone writes none: every order would be refused, and
    /// no subscriber told anything.
    private func refuseLonelyPrices(_ configuration: Configuration) throws {
        guard name == .order || name == .marketData, configuration[TradingSettings.prices].hasPrefix("memory:") else { return }
        throw ConfigurationRefusal([
            "prices: memory: is this process's own, and nothing in it writes prices; run everything with 'weir up', or share "
                + "a store with the job price-cache: --set prices=redis://host:port"
        ])
    }
}
