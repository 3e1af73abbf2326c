import Foundation

/// A server the tests need is not there. Never a skip: the message says what to do.
public struct MissingServer: Error, CustomStringConvertible {
    public let description: String

    public init(_ server: TestServer, _ problem: String) {
        description =
            "\(server.variable) \(problem): run `make test`, or `scripts/servers up \(server.rawValue)` and "
            + "`set -a; eval \"$(scripts/servers env)\"; set +a` before `swift test`"
    }
}

/// The servers that `scripts/servers` starts.
public enum TestServer: String, CaseIterable, Sendable {
    case kafka, redis, dynamodb, elasticsearch, opensearch, clickhouse, otlp

    public var variable: String {
        switch self {
        case .kafka: "WEIR_TEST_KAFKA"
        case .redis: "WEIR_TEST_REDIS_URL"
        case .dynamodb: "WEIR_TEST_DYNAMODB_ENDPOINT"
        case .elasticsearch: "WEIR_TEST_ELASTICSEARCH"
        case .opensearch: "WEIR_TEST_OPENSEARCH"
        case .clickhouse: "WEIR_TEST_CLICKHOUSE"
        case .otlp: "WEIR_TEST_OTLP"
        }
    }

    /// The server's URL from the environment; of Kafka, its bootstrap servers.
    public func url() throws -> String {
        guard let value = ProcessInfo.processInfo.environment[variable], !value.isEmpty else {
            throw MissingServer(self, "is not set")
        }
        return value
    }

    public func port() throws -> Int {
        guard let port = URLComponents(string: try url())?.port else { throw MissingServer(self, "has no port") }
        return port
    }
}

/// A name no other test uses, of letters and digits.
public func freshName(_ prefix: String = "t") -> String {
    prefix + UUID().uuidString.replacingOccurrences(of: "-", with: "").prefix(12).lowercased()
}
