import ConnectorKafka
import ConnectorLog
import Foundation
import Jobs
import StoreKit
import TradingStores
import WeirKit

// Which systems the settings name, and what must exist in them.
extension TradingResources {
    var topicPlan: TopicPlan {
        let bytes = configuration[ProvisionSettings.retentionBytes]
        return TopicPlan(
            partitions: Int32(configuration[ProvisionSettings.partitions]),
            replication: configuration[ProvisionSettings.replication].map { Int32($0) },
            logBytes: bytes == 0 ? nil : Int64(bytes))
    }

    /// A provider for each outside system in which something must exist. The stores behind them belong to
    /// `environment.shared`.
    /// - Parameter forWriting: whether something may be made; an embedded log is then opened as its owner.
    func providers(forWriting: Bool) throws -> [any ResourceProvider] {
        try [topicProvider(forWriting: forWriting)] + stores.map { try $0.open() }
    }

    /// A store outside, and how what must exist in it is found out.
    struct OutsideStore {
        /// The setting that names it.
        let setting: String
        let scheme: String
        let open: () throws -> any ResourceProvider
    }

    var stores: [OutsideStore] {
        let all = [
            OutsideStore(setting: TradingSettings.portfolios.key.name, scheme: "dynamodb") {
                try unguarded(DynamoDBPortfolioStore.self, portfoliosURL, { try PortfolioStores.open(portfoliosURL) }) {
                    await $0.close()
                }
                .tables
            },
            OutsideStore(setting: PersistenceSettings.history.key.name, scheme: "elasticsearch") {
                try unguarded(ElasticsearchTradeHistoryStore.self, historyURL, { try openHistory() }) { await $0.close() }
                    .templates
            },
            OutsideStore(setting: PersistenceSettings.analytics.key.name, scheme: "clickhouse") {
                try unguarded(ClickHouseTradeAnalyticsStore.self, analyticsURL, { try openAnalytics() }) { await $0.close() }
                    .tables
            },
        ]
        return all.filter { store in parts.contains { $0.setting == store.setting && $0.scheme == store.scheme } }
    }

    /// The store at `url`, whose scheme opens a `Store`: guarded ones hide what is to be made, so it is opened beside them.
    private func unguarded<Store: Sendable>(
        _: Store.Type, _ url: String, _ open: () throws -> Any, close: @escaping @Sendable (Store) async -> Void
    ) throws -> Store {
        try environment.shared.resource(
            Store.self, named: "provision \(url)",
            make: {
                guard let store = try open() as? Store else {
                    preconditionFailure("\(Self.scheme(url)): does not open \(Store.self)")
                }
                return store
            }, close: close)
    }

    private func topicProvider(forWriting: Bool) throws -> any ResourceProvider {
        if let configuration = try kafkaConfiguration() { return KafkaTopics(configuration, topicPlan) }
        guard !forWriting else { return LogTopics(try log(), topicPlan) }
        let path = try LogStore.folder(of: transportURL)
        guard FileManager.default.fileExists(atPath: path) else { return LogTopics(nil, topicPlan) }
        return LogTopics(try LogStore(path: path, reading: true), topicPlan)
    }

    /// Parts of the system that make what they need themselves: `portfolios (rocksdb)`.
    var embeddedParts: [String] {
        parts.filter { ["memory", "rocksdb", "sqlite"].contains($0.scheme) }.map { "\($0.setting) (\($0.scheme))" }
    }

    /// What is kept where, by the setting that says so.
    private var parts: [(setting: String, scheme: String)] {
        [
            (TradingSettings.portfolios.key.name, portfoliosURL), (TradingSettings.prices.key.name, pricesURL),
            (PersistenceSettings.history.key.name, historyURL), (PersistenceSettings.analytics.key.name, analyticsURL),
        ].map { (setting: $0.0, scheme: Self.scheme($0.1)) }
    }
}
