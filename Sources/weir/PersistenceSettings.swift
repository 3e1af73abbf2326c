import Foundation
import Jobs
import StreamRuntime
import TradingStores
import WeirKit

/// Where executed trades are kept for searches and analytics. What is not set is a SQLite file under the data folder.
enum PersistenceSettings {
    static let history = Setting.optionalString(
        "history",
        help: "sqlite:///path (default: under the data folder), elasticsearch://host:port (OpenSearch too), or memory:.")
    static let analytics = Setting.optionalString(
        "analytics", help: "sqlite:///path (default: under the data folder), clickhouse://host:port/database, or memory:.")
    static let lateness = Setting.millis(
        "analytics.lateness", default: 3_600_000, in: 0 ... .max,
        help: "How long after its minute a late trade still corrects the minute's bar.")

    static let keys: [ConfigurationKey] = [history.key, analytics.key, lateness.key]
}

extension TradingResources {
    var historyURL: String { configuration[PersistenceSettings.history] ?? "sqlite://\(dataFolder)/history.sqlite" }
    var analyticsURL: String { configuration[PersistenceSettings.analytics] ?? "sqlite://\(dataFolder)/analytics.sqlite" }

    func history() throws -> any TradeHistoryStore {
        try environment.shared.resource(
            (any TradeHistoryStore).self, named: historyURL,
            make: { GuardedTradeHistoryStore(try openHistory(), name: "history-\(Self.scheme(historyURL))") },
            close: { await $0.close() })
    }

    func analytics() throws -> any TradeAnalyticsStore {
        try environment.shared.resource(
            (any TradeAnalyticsStore).self, named: analyticsURL,
            make: {
                GuardedTradeAnalyticsStore(try openAnalytics(), name: "analytics-\(Self.scheme(analyticsURL))")
            }, close: { await $0.close() })
    }

    /// Its own, beside the shared and guarded one.
    func openHistory() throws -> any TradeHistoryStore {
        try StoreSetting.open(PersistenceSettings.history.key.name, historyURL) {
            try TradeHistoryStores.open(historyURL, environment: StoreCredentials.environment(configuration))
        }
    }

    /// Its own, beside the shared and guarded one.
    func openAnalytics() throws -> any TradeAnalyticsStore {
        try StoreSetting.open(PersistenceSettings.analytics.key.name, analyticsURL) {
            try TradeAnalyticsStores.open(analyticsURL, environment: StoreCredentials.environment(configuration))
        }
    }
}

extension TradeHistoryJob: ConfiguredJob {
    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        let resources = TradingResources(configuration: configuration, environment: environment)
        self.init(
            transport: try resources.transport(), history: try resources.history(),
            groupID: configuration.consumerGroup(of: Self.name))
    }
}

extension TradeAnalyticsJob: ConfiguredJob {
    public init(_ configuration: Configuration, _ environment: ApplicationEnvironment) throws {
        let resources = TradingResources(configuration: configuration, environment: environment)
        var settings = Settings()
        settings.lateness = .milliseconds(configuration[PersistenceSettings.lateness])
        self.init(
            transport: try resources.transport(), analytics: try resources.analytics(), settings: settings,
            groupID: configuration.consumerGroup(of: Self.name))
    }
}
