import Foundation

/// Opens portfolio stores by URL.
///
/// - `memory:` nothing is kept beyond the process;
/// - `rocksdb:///absolute/path` or `rocksdb:relative/path`: embedded, one process;
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
            try parts.allow([])
            guard parts.host.isEmpty, !parts.path.isEmpty else {
                throw .invalid("'\(url)': write rocksdb:///absolute/path or rocksdb:relative/path")
            }
            return try RocksDBPortfolioStore(path: parts.path)
        case "dynamodb":
            return try openDynamoDB(parts, environment)
        default:
            throw .invalid(
                "'\(parts.redacted)': no portfolio store has the scheme '\(parts.scheme)'; "
                    + "valid are memory:, rocksdb:///path, dynamodb://region")
        }
    }

    private static func openDynamoDB(
        _ parts: StoreURL, _ environment: [String: String]
    ) throws(StoreError) -> DynamoDBPortfolioStore {
        try parts.allow(["endpoint", "table-prefix", "timeout-ms", "connections"])
        guard !parts.host.isEmpty else { throw .invalid("'\(parts.redacted)' names no region: dynamodb://eu-west-1") }
        var settings = DynamoDBPortfolioStore.Settings(
            region: parts.host, endpoint: parts["endpoint"], tablePrefix: parts["table-prefix"] ?? "")
        settings.timeoutMillis = try parts.positive("timeout-ms", fallback: settings.timeoutMillis)
        settings.connectionsMax = Int(try parts.positive("connections", fallback: Int64(settings.connectionsMax)))
        return try DynamoDBPortfolioStore(settings, environment: environment)
    }
}

/// Opens price stores by URL.
///
/// - `memory:` in this process;
/// - `redis://[[user]:password@]host[:port][/database][?ttl-seconds=3600][&timeout-ms=2000]`.
public enum PriceStores {
    /// Opens the store `url` names. Redis is not contacted yet.
    public static func open(_ url: String) throws(StoreError) -> any PriceStore {
        let parts = try StoreURL(url)
        switch parts.scheme {
        case "memory":
            try parts.allow([])
            return MemoryPriceStore()
        case "redis":
            return try openRedis(parts)
        default:
            throw .invalid(
                "'\(parts.redacted)': no price store has the scheme '\(parts.scheme)'; "
                    + "valid are memory:, redis://host:port")
        }
    }

    private static func openRedis(_ parts: StoreURL) throws(StoreError) -> RedisPriceStore {
        try parts.allow(["ttl-seconds", "timeout-ms"])
        guard !parts.host.isEmpty else { throw .invalid("'\(parts.redacted)' names no host: redis://127.0.0.1:6379") }
        var settings = RedisPriceStore.Settings(host: parts.host, port: parts.port ?? 6379)
        settings.user = parts.user
        settings.password = parts.password
        let database = parts.path.drop { $0 == "/" }
        if !database.isEmpty {
            guard let number = Int(database), number >= 0 else {
                throw .invalid("'\(parts.redacted)': the path is the database's number, as in redis://host:6379/0")
            }
            settings.database = number
        }
        settings.timeToLiveMillis = try parts.positive("ttl-seconds", fallback: settings.timeToLiveMillis / 1000) * 1000
        settings.commandTimeoutMillis = Int(
            try parts.positive("timeout-ms", fallback: Int64(settings.commandTimeoutMillis)))
        return RedisPriceStore(settings)
    }
}
