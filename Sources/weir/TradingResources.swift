import ConnectorKafka
import ConnectorLog
import Foundation
import Jobs
import StreamRuntime
import Trading
import TradingStores
import WeirKit

/// What the trading jobs of one process share, opened from settings.
struct TradingResources {
    let configuration: Configuration
    let environment: ApplicationEnvironment

    /// The data folder as an absolute path.
    var dataFolder: String {
        URL(fileURLWithPath: configuration[StandardSettings.dataFolder]).standardizedFileURL.path
    }

    var transportURL: String { configuration[TradingSettings.transport] ?? "log://\(dataFolder)/log" }
    var portfoliosURL: String {
        configuration[TradingSettings.portfolios] ?? embeddedStore("portfolios")
    }

    func embeddedStore(_ name: String) -> String {
        "rocksdb://\(dataFolder)/\(name)?memory=\(configuration[TradingSettings.storeMemory])"
    }

    /// Every job has its own transactions; the log underneath is one per process.
    func transport() throws -> TradingTransport {
        let url = transportURL
        if let configuration = try kafkaConfiguration() { return .kafka(configuration, KafkaTransactions(configuration)) }
        guard url.hasPrefix("log:") else {
            throw ConfigurationRefusal(["transport: '\(url)' is neither log:///path nor kafka://host:port"])
        }
        return .log(try log())
    }

    var isOnKafka: Bool { transportURL.hasPrefix("kafka://") }

    /// The cluster that carries the topics; nil when an embedded log does.
    func kafkaConfiguration() throws -> KafkaConfiguration? {
        guard isOnKafka else { return nil }
        return try KafkaConfiguration(
            bootstrapServers: String(transportURL.dropFirst("kafka://".count)), properties: kafkaProperties())
    }

    func log() throws -> LogStore {
        try environment.shared.resource(LogStore.self, named: transportURL) {
            var options = LogStoreOptions()
            options.retentions = topicPlan.logRetentions
            return try EmbeddedStore.open(insteadSet: "transport=kafka://host:port") {
                try LogStore.shared(at: transportURL, options: options)
            }
        }
    }

    private func kafkaProperties() throws -> [String: String] {
        var properties: [String: String] = [:]
        for item in configuration[TradingSettings.kafkaProperties] {
            guard let equals = item.firstIndex(of: "=") else {
                throw ConfigurationRefusal(["kafka.properties: '\(item)' is not name=value"])
            }
            properties[String(item[..<equals])] = String(item[item.index(after: equals)...])
        }
        return properties
    }

    func portfolios() throws -> any PortfolioStore {
        try environment.shared.resource(
            (any PortfolioStore).self, named: portfoliosURL,
            make: {
                if portfoliosURL.hasPrefix("rocksdb:") { try makeFolder(dataFolder) }
                let store = try StoreSetting.open(TradingSettings.portfolios.key.name, portfoliosURL) {
                    try EmbeddedStore.open(insteadSet: "portfolios=dynamodb://region") { try PortfolioStores.open(portfoliosURL) }
                }
                return GuardedPortfolioStore(store, name: Self.scheme(portfoliosURL))
            }, close: { await $0.close() })
    }

    func prices() throws -> any PriceStore {
        let store = try priceStore()
        return environment.shared.resource(GuardedPriceStore.self, named: pricesURL) {
            GuardedPriceStore(store, name: Self.scheme(pricesURL))
        }
    }

    /// The changes of `prices`.
    func priceUpdates() throws -> any PriceUpdates {
        let store = try priceStore()
        return try StoreSetting.open(TradingSettings.prices.key.name, pricesURL) { try PriceStores.updates(pricesURL, of: store) }
    }

    var pricesURL: String { configuration[TradingSettings.prices] }

    private func priceStore() throws -> any PriceStore {
        try environment.shared.resource(
            (any PriceStore).self, named: pricesURL,
            make: { try StoreSetting.open(TradingSettings.prices.key.name, pricesURL) { try PriceStores.open(pricesURL) } },
            close: { await $0.close() })
    }

    /// What metrics and messages call a store: never the URL, which may hold a password.
    static func scheme(_ url: String) -> String { String(url.prefix { $0 != ":" }) }

    func makeFolder(_ path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func symbols() throws -> [Symbol] {
        try configuration[TradingSettings.symbols].map { text in
            guard let symbol = Symbol(text) else {
                throw ConfigurationRefusal(["trading.symbols: '\(text)' is no symbol (1 to 12 of A-Z, 0-9 and '.')"])
            }
            return symbol
        }
    }

    func startingCash() throws -> Money {
        let text = configuration[TradingSettings.startingCash]
        do {
            let cash = try Money(text)
            if cash >= .zero { return cash }
        } catch {
            throw ConfigurationRefusal(["trading.starting-cash: '\(text)' \(error)"])
        }
        throw ConfigurationRefusal(["trading.starting-cash: '\(text)' is negative"])
    }

    /// Listed symbols with the base prices that simulated prices walk around.
    func listings() throws -> [Listing] {
        let known = Dictionary(Listing.standard.map { ($0.symbol, $0) }, uniquingKeysWith: { $1 })
        return try symbols().map { known[$0] ?? Listing(symbol: $0, basePrice: Price(units: 1_000_000)) }
    }

    func users() -> [UserID] {
        (0..<Int64(configuration[TradingSettings.users])).map { OrderGenerator.user($0) }
    }

    /// An account for each simulated user; those that have one keep it.
    func openAccounts(in portfolios: any PortfolioStore) async throws {
        let cash = try startingCash()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for user in users() {
                group.addTask { _ = try await portfolios.openAccount(user, cash: cash) }
            }
            try await group.waitForAll()
        }
    }
}
