import StoreKit

extension DynamoDBClient.Settings {
    /// Reads `dynamodb://REGION[?endpoint=http://host:port][&timeout-ms=5000][&connections=64]`; which other settings are
    /// allowed is the caller's to say.
    package init(_ url: StoreURL) throws(StoreError) {
        guard !url.host.isEmpty else { throw .invalid("'\(url.redacted)' names no region: dynamodb://eu-west-1") }
        self.init(region: url.host, endpoint: url["endpoint"])
        timeoutMillis = try url.positive("timeout-ms", fallback: timeoutMillis)
        connectionsMax = Int(try url.positive("connections", fallback: Int64(connectionsMax)))
    }
}
