import Foundation
import StoreKit

/// Opens stores of the trade history by URL.
///
/// - `memory:` nothing is kept beyond the process;
/// - `sqlite:///absolute/path` or `sqlite:relative/path`: embedded;
/// - `elasticsearch://[user:password@]host[:9200][/prefix][?index=trades][&tls=true][&timeout-ms=10000][&connections=16]`,
///   which OpenSearch answers too. Credentials may come from the environment: see `ElasticsearchClient`.
public enum TradeHistoryStores {
    /// Opens the store `url` names. Remote ones are not contacted yet.
    public static func open(
        _ url: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(StoreError) -> any TradeHistoryStore {
        let parts = try StoreURL(url)
        switch parts.scheme {
        case "memory":
            try parts.allow([])
            return MemoryTradeHistoryStore()
        case "sqlite": return try SQLiteTradeHistoryStore(path: try parts.sqlitePath())
        case "elasticsearch": return try ElasticsearchTradeHistoryStore(parts, environment: environment)
        default:
            throw .invalid(
                "'\(parts.redacted)': no store of the trade history has the scheme '\(parts.scheme)'; "
                    + "valid are memory:, sqlite:///path, elasticsearch://host:port")
        }
    }
}

/// Opens analytics stores by URL.
///
/// - `memory:` nothing is kept beyond the process;
/// - `sqlite:///absolute/path` or `sqlite:relative/path`: embedded;
/// - `clickhouse://[user:password@]host[:8123]/database[?tls=true][&timeout-ms=30000][&connections=8]`. Credentials may come
///   from the environment: see `ClickHouseClient`.
public enum TradeAnalyticsStores {
    /// Opens the store `url` names. Remote ones are not contacted yet.
    public static func open(
        _ url: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(StoreError) -> any TradeAnalyticsStore {
        let parts = try StoreURL(url)
        switch parts.scheme {
        case "memory":
            try parts.allow([])
            return MemoryTradeAnalyticsStore()
        case "sqlite": return try SQLiteTradeAnalyticsStore(path: try parts.sqlitePath())
        case "clickhouse": return try ClickHouseTradeAnalyticsStore(parts, environment: environment)
        default:
            throw .invalid(
                "'\(parts.redacted)': no analytics store has the scheme '\(parts.scheme)'; "
                    + "valid are memory:, sqlite:///path, clickhouse://host:port/database")
        }
    }
}

extension StoreURL {
    /// The path of a SQLite file.
    fileprivate func sqlitePath() throws(StoreError) -> String {
        try allow([])
        guard host.isEmpty, !path.isEmpty, path != "/" else {
            throw .invalid("'\(redacted)': write sqlite:///absolute/path or sqlite:relative/path")
        }
        return path
    }
}
