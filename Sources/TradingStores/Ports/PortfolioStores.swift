import ConnectorRedis
import Foundation
import StoreKit

/// Opens portfolio stores by URL.
///
/// - `memory:` nothing is kept beyond the process;
/// - `rocksdb:///absolute/path` or `rocksdb:relative/path`, `[?memory=BYTES]`: embedded, one process;
/// - `dynamodb://REGION[?endpoint=http://host:port][&table-prefix=x-][&timeout-ms=5000][&connections=64]`.
public enum PortfolioStores {
    /// Opens the store `url` names. Remote ones are not contacted yet.
    /// - Parameter environment: where AWS credentials are looked for.
    public static func open(
        _ url: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(StoreError) -> any PortfolioStore {
        let parts = try StoreURL(url)
        switch parts.scheme {
        case "memory":
            try parts.allow([])
            return MemoryPortfolioStore()
        case "rocksdb":
            try parts.allow(["memory"])
            guard parts.host.isEmpty, !parts.path.isEmpty else {
                throw .invalid("'\(url)': write rocksdb:///absolute/path or rocksdb:relative/path")
            }
            var settings = RocksDBPortfolioStore.Settings()
            settings.memoryBytes = Int(try parts.positive("memory", fallback: Int64(settings.memoryBytes)))
            return try RocksDBPortfolioStore(path: parts.path, settings: settings)
        case "dynamodb":
            return try DynamoDBPortfolioStore(DynamoDBPortfolioStore.Settings(parts), environment: environment)
        default:
            throw .invalid(
                "'\(parts.redacted)': no portfolio store has the scheme '\(parts.scheme)'; "
                    + "valid are memory:, rocksdb:///path, dynamodb://region")
        }
    }
}

extension DynamoDBPortfolioStore.Settings {
    /// What a `dynamodb:` URL says.
    init(_ parts: StoreURL) throws(StoreError) {
        try parts.allow(["endpoint", "table-prefix", "timeout-ms", "connections"])
        guard !parts.host.isEmpty else { throw .invalid("'\(parts.redacted)' names no region: dynamodb://eu-west-1") }
        self.init(region: parts.host, endpoint: parts["endpoint"], tablePrefix: parts["table-prefix"] ?? "")
        timeoutMillis = try parts.positive("timeout-ms", fallback: timeoutMillis)
        connectionsMax = Int(try parts.positive("connections", fallback: Int64(connectionsMax)))
    }
}

/// Opens price stores by URL.
///
/// - `memory:` in this process;
/// - `redis://[[user]:password@]host[:port][/database][?ttl-seconds=3600][&timeout-ms=2000]`;
/// - `rediss://` for the same over TLS, with `ca=/path` for an authority that the system does not know.
public enum PriceStores {
    /// Opens the store `url` names. Redis is not contacted yet.
    public static func open(_ url: String) throws(StoreError) -> any PriceStore {
        let parts = try StoreURL(url)
        switch parts.scheme {
        case "memory":
            try parts.allow([])
            return MemoryPriceStore()
        case "redis", "rediss":
            return RedisPriceStore(try redisSettings(parts))
        default:
            throw .invalid(
                "'\(parts.redacted)': no price store has the scheme '\(parts.scheme)'; "
                    + "valid are memory:, redis://host:port, rediss://host:port")
        }
    }

    /// The changes of `store`, which `url` opened.
    public static func updates(_ url: String, of store: any PriceStore) throws(StoreError) -> any PriceUpdates {
        let parts = try StoreURL(url)
        if ["redis", "rediss"].contains(parts.scheme) { return RedisPriceUpdates(try redisSettings(parts)) }
        guard let updates = store as? any PriceUpdates else {
            throw .invalid("'\(parts.redacted)': this price store does not tell its changes")
        }
        return updates
    }

    private static func redisSettings(_ parts: StoreURL) throws(StoreError) -> RedisPriceStore.Settings {
        try parts.allow(["ttl-seconds"] + RedisConnection.Address.settings)
        var settings = RedisPriceStore.Settings(try RedisConnection.Address(parts))
        settings.timeToLiveMillis = try parts.positive("ttl-seconds", fallback: settings.timeToLiveMillis / 1000) * 1000
        return settings
    }
}
