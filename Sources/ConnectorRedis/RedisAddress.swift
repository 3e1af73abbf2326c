import StoreKit

extension RedisConnection.Address {
    /// Settings in the query of a URL that are read here.
    package static let settings = ["timeout-ms", "ca"]

    /// Reads `redis://[[user]:password@]host[:port][/database][?timeout-ms=2000]`, and `rediss://` for TLS, with `?ca=/path` for the
    /// certificates of an authority that the system does not know. Which other settings are allowed is the caller's to say.
    package init(_ url: StoreURL) throws(StoreError) {
        guard ["redis", "rediss"].contains(url.scheme), !url.host.isEmpty else {
            throw .invalid("'\(url.redacted)' names no Redis: write redis://127.0.0.1:6379, or rediss:// for TLS")
        }
        self.init(host: url.host, port: Int32(clamping: url.port ?? 6379))
        user = url.user
        password = url.password
        if url.scheme == "rediss" { tls = RedisConnection.TLS(trustFile: url["ca"]) }
        guard tls != nil || url["ca"] == nil else {
            throw .invalid("'\(url.redacted)': certificates (ca) are looked at by rediss:// only")
        }
        let number = url.path.drop { $0 == "/" }
        if !number.isEmpty {
            guard let number = Int(number), number >= 0 else {
                throw .invalid("'\(url.redacted)': the path is the database's number, as in redis://host:6379/0")
            }
            database = number
        }
        commandTimeoutMillis = Int(try url.positive("timeout-ms", fallback: Int64(commandTimeoutMillis)))
    }
}
