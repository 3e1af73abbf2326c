import Foundation
import StoreKit

/// Opens order ledgers by URL: the same forms as `PortfolioStores`, whose DynamoDB tables lie beside the ledger's.
///
/// - `memory:` nothing is kept beyond the process;
/// - `rocksdb:///absolute/path` or `rocksdb:relative/path`, `[?memory=BYTES]`: embedded, one process;
/// - `dynamodb://REGION[?endpoint=http://host:port][&table-prefix=x-][&timeout-ms=5000][&connections=64]`.
public enum OrderLedgers {
    /// Opens the ledger `url` names. Remote ones are not contacted yet.
    /// - Parameter environment: where AWS credentials are looked for.
    public static func open(
        _ url: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(StoreError) -> any OrderLedger {
        let parts = try StoreURL(url)
        switch parts.scheme {
        case "memory":
            try parts.allow([])
            return MemoryOrderLedger()
        case "rocksdb":
            try parts.allow(["memory"])
            guard parts.host.isEmpty, !parts.path.isEmpty else {
                throw .invalid("'\(url)': write rocksdb:///absolute/path or rocksdb:relative/path")
            }
            var settings = RocksDBOrderLedger.Settings()
            settings.memoryBytes = Int(try parts.positive("memory", fallback: Int64(settings.memoryBytes)))
            return try RocksDBOrderLedger(path: parts.path, settings: settings)
        case "dynamodb":
            return try DynamoDBOrderLedger(
                DynamoDBPortfolioStore.Settings(parts), environment: environment)
        default:
            throw .invalid(
                "'\(parts.redacted)': no order ledger has the scheme '\(parts.scheme)'; "
                    + "valid are memory:, rocksdb:///path, dynamodb://region")
        }
    }
}
