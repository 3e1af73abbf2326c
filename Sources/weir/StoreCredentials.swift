import Foundation
import WeirKit

/// Credentials of stores, kept out of their URLs.
enum StoreCredentials {
    static let elasticsearchKey = Setting.optionalString(
        "elasticsearch.api-key", help: "API key for Elasticsearch, unless its URL names a user.", isSecret: true)
    static let elasticsearchUser = Setting.optionalString(
        "elasticsearch.user", help: "User at Elasticsearch or OpenSearch, unless its URL names one.")
    static let elasticsearchPassword = Setting.optionalString(
        "elasticsearch.password", help: "Password at Elasticsearch or OpenSearch.", isSecret: true)
    static let clickHouseUser = Setting.optionalString(
        "clickhouse.user", help: "User at ClickHouse, unless its URL names one.")
    static let clickHousePassword = Setting.optionalString(
        "clickhouse.password", help: "Password at ClickHouse.", isSecret: true)

    private static let settings = [
        elasticsearchKey, elasticsearchUser, elasticsearchPassword, clickHouseUser, clickHousePassword,
    ]
    static let keys: [ConfigurationKey] = settings.map(\.key)

    /// The environment as stores read it: their credentials are those of the settings and no others, wherever these came
    /// from. The variables of these settings are the ones that the clients know.
    static func environment(_ configuration: Configuration) -> [String: String] {
        var environment = ProcessInfo.processInfo.environment
        for setting in settings { environment[setting.key.environmentVariable] = configuration[setting] }
        return environment
    }
}
