/// A server of the system that is away for longer than any call waits for it.
enum SystemOutage: String, CaseIterable {
    case elasticsearch, clickhouse, dynamodb, redis

    /// The job that waits for it, and what its pause names.
    var waiting: (job: SystemUnderTest.Part, name: String) {
        switch self {
        case .elasticsearch: (.history, "the trade history")
        case .clickhouse: (.analytics, "the analytics store")
        case .dynamodb: (.execution, "the portfolio store")
        case .redis: (.execution, "the price store")
        }
    }

    /// The service that is not ready meanwhile, and the dependency it names.
    var unready: (service: SystemUnderTest.Part, dependency: String) {
        switch self {
        case .elasticsearch: (.query, "history")
        case .clickhouse: (.query, "analytics")
        case .dynamodb: (.order, "portfolios")
        case .redis: (.order, "prices")
        }
    }
}
