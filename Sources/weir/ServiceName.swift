import ArgumentParser
import Services

/// What `weir service` runs.
enum ServiceName: String, CaseIterable, ExpressibleByArgument {
    case order, portfolio, query, gateway
    case marketData = "market-data"

    /// Those behind the gateway, by what it calls them.
    static let backends: [(name: ServiceName, backend: APIRoutes.Backend)] = [
        (.order, .order), (.portfolio, .portfolio), (.query, .query), (.marketData, .marketData),
    ]

    /// Where each listens when run alone, unless set.
    var port: Int {
        switch self {
        case .gateway: 8080
        case .order: 8091
        case .portfolio: 8092
        case .query: 8093
        case .marketData: 8094
        }
    }
}
