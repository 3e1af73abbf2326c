import Foundation
import Logging
import ServiceLifecycle
import Services
import StoreKit
import Testing
import Trading
import TradingStores

/// A Market Data Service that runs for a test, on a port of its own.
struct RunningService {
    let port: Int
    let service: MarketDataService
    let prices: any PriceStore
    private let group: ServiceGroup

    /// Symbols nobody else uses: a Redis is shared.
    static func symbols(_ count: Int) -> [Symbol] {
        (0..<count).map { _ in Symbol("M\(UUID().uuidString.replacing("-", with: "").prefix(11))")! }
    }

    /// Runs `body`, then stops the service in good order.
    static func with(
        symbols: [Symbol], prices: any PriceStore = MemoryPriceStore(), updates: (any PriceUpdates)? = nil,
        credential: InternalCredential? = nil, options: MarketDataService.Options = .init(),
        limits: MarketDataLimits = TestLimits.fast, _ body: (RunningService) async throws -> Void
    ) async throws {
        let updates = try updates ?? #require(prices as? any PriceUpdates)
        let service = MarketDataService(
            symbols: symbols, prices: prices, updates: updates, credential: credential, options: options, limits: limits)
        let router = service.router(Health(service.dependencies) { "" })
        let host = HTTPHost(HTTPHost.Options(name: "market-data"), router, server: service.server(service.limits()))
        var quiet = Logger(label: "test")
        quiet.logLevel = .critical
        let group = ServiceGroup(services: [service, host], logger: quiet)
        let running = Task { try await group.run() }
        do {
            try await body(RunningService(port: try await host.port(), service: service, prices: prices, group: group))
        } catch {
            await group.triggerGracefulShutdown()
            try await running.value
            throw error
        }
        await group.triggerGracefulShutdown()
        try await running.value
    }

    func stop() async { await group.triggerGracefulShutdown() }

    func tell(_ symbol: Symbol, _ seq: Int64, units: Int64 = 1_892_500) async throws {
        try await prices.update([
            PriceTick(symbol: symbol, price: Price(units: units), seq: seq, timestampMillis: 1_700_000_000_000)
        ])
    }
}

enum TestLimits {
    /// Nothing waits for a pace.
    static var fast: MarketDataLimits {
        var limits = MarketDataLimits()
        limits.paceMillis = 0
        return limits
    }
}

/// A price message as the service words it.
func priceMessage(_ symbol: Symbol, _ seq: Int64, price: String = "189.25") -> String {
    #"{"type":"price","symbol":"\#(symbol)","price":"\#(price)","seq":\#(seq),"ts":"2023-11-14T22:13:20.000Z"}"#
}
