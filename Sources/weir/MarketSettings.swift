import Services
import Trading
import WeirKit

/// The settings of the simulated market and of the Market Data Service.
enum MarketSettings {
    static let burstFactor = Setting.integer(
        "prices.burst-factor", default: 1, in: 1...1000, help: "How many times as fast prices change in a burst; 1: no bursts.")
    static let burstFor = Setting.millis(
        "prices.burst-for", default: 2_000, in: 1...3_600_000, help: "How long a burst lasts.")
    static let burstEvery = Setting.millis(
        "prices.burst-every", default: 30_000, in: 1...86_400_000, help: "There is one burst in each such time.")
    static let haltPercent = Setting.integer(
        "prices.halt-percent", default: 0, in: 0...99, help: "Share of time in which trading in a symbol is halted.")
    static let haltFor = Setting.millis(
        "prices.halt-for", default: 20_000, in: 1...86_400_000, help: "How long a halt lasts.")

    static let origins = Setting.list(
        "market-data.origins", help: "Pages of other origins that may open WebSockets, e.g. https://trading.example.")
    static let connections = Setting.integer(
        "market-data.connections", default: 20_000, in: 1...1_000_000, help: "WebSockets open at a time.")
    static let symbolsPerConnection = Setting.integer(
        "market-data.symbols-per-connection", default: 64, in: 1...10_000, help: "Symbols a WebSocket may subscribe to.")
    static let pace = Setting.millis(
        "market-data.pace", default: 50, in: 0...60_000, help: "Price changes within this time are sent to a client once.")
    static let reconcile = Setting.millis(
        "market-data.reconcile", default: 2_000, in: 100...600_000,
        help: "How often the price store is compared with what is known, and lost prices written back.")

    static let keys: [ConfigurationKey] = [
        burstFactor.key, burstFor.key, burstEvery.key, haltPercent.key, haltFor.key, origins.key, connections.key,
        symbolsPerConnection.key, pace.key, reconcile.key,
    ]

    static func rhythm(_ configuration: Configuration, symbolsCount: Int) throws -> MarketRhythm {
        var settings = MarketRhythm.Settings()
        settings.seed = UInt64(configuration[TradingSettings.seed])
        settings.burstFactor = Int64(configuration[burstFactor])
        settings.burstMillis = Int64(configuration[burstFor])
        settings.burstEveryMillis = Int64(configuration[burstEvery])
        settings.haltMillionths = Int64(configuration[haltPercent]) * 10_000
        settings.haltMillis = Int64(configuration[haltFor])
        guard settings.burstMillis <= settings.burstEveryMillis else {
            throw ConfigurationRefusal(["prices.burst-for: a burst must fit into prices.burst-every"])
        }
        return MarketRhythm(
            settings, symbolsCount: symbolsCount, ticksPerSecond: Int64(configuration[TradingSettings.ticksPerSecond]))
    }

    static func options(_ configuration: Configuration) -> MarketDataService.Options {
        var options = MarketDataService.Options()
        options.origins = configuration[origins]
        options.connectionsMax = configuration[connections]
        options.symbolsPerConnectionMax = configuration[symbolsPerConnection]
        options.paceMillis = Int64(configuration[pace])
        options.reconcileMillis = Int64(configuration[reconcile])
        return options
    }
}
