import Foundation
import Testing
import Yams

/// A route of `deploy/openapi.yaml`, which is the list of what there is to attack.
struct DescribedRoute: Hashable, Sendable, CustomTestStringConvertible {
    let method: String
    let path: String
    /// Served without a token.
    let isOpen: Bool
    /// When it exists, for one that does not always; such a one is not there in a system as it is deployed.
    let condition: String?

    var name: String { "\(method) \(path)" }
    var testDescription: String { name }

    private static let described: [DescribedRoute] = (try? load()) ?? []
    static let all = described.filter { $0.condition == nil }
    static let conditional = described.filter { $0.condition != nil }
    static let ofUsers = all.filter { !$0.isOpen }

    private static func load() throws -> [DescribedRoute] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("deploy/openapi.yaml"), encoding: .utf8)
        let document = try Yams.load(yaml: text) as? [String: Any]
        let paths = document?["paths"] as? [String: [String: [String: Any]]] ?? [:]
        return paths.flatMap { path, operations in
            operations.map { method, operation in
                DescribedRoute(
                    method: method.uppercased(), path: path, isOpen: (operation["security"] as? [Any])?.isEmpty ?? false,
                    condition: operation["x-weir-exists"] as? String)
            }
        }.sorted { $0.name < $1.name }
    }

    /// What the route serves when nothing is wrong.
    struct Example: Sendable {
        /// Who serves it beside the gateway; nil: every service.
        var service: Door?
        var statuses: Set<Int> = [200]
        /// Of ada's, without whatever proves who asks.
        let request: @Sendable (SecuredSystem) -> WireRequest
    }

    var example: Example {
        get throws { try #require(Self.examples[name], "nothing attacks \(name): give it an example here") }
    }

    static let order = #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":1}"#

    private static func get(_ target: String) -> @Sendable (SecuredSystem) -> WireRequest {
        { _ in WireRequest(method: "GET", target: target) }
    }

    static let examples: [String: Example] = [
        "POST /v1/orders": Example(service: .order, statuses: [202]) { _ in
            WireRequest(
                method: "POST", target: "/v1/orders",
                headers: [("Idempotency-Key", UUID().uuidString), ("Content-Type", "application/json")],
                body: Array(order.utf8))
        },
        "GET /v1/orders/{orderId}": Example(service: .order) {
            WireRequest(method: "GET", target: "/v1/orders/\($0.adasOrder)")
        },
        "POST /v1/accounts": Example(service: .portfolio, statuses: [409]) { _ in
            WireRequest(method: "POST", target: "/v1/accounts")
        },
        "GET /v1/portfolio": Example(service: .portfolio, request: get("/v1/portfolio?consistent=true")),
        "GET /v1/trades": Example(service: .query, request: get("/v1/trades?symbol=AAPL&limit=5")),
        "GET /v1/analytics/volume": Example(service: .query, request: get("/v1/analytics/volume?symbol=AAPL")),
        "GET /v1/analytics/top": Example(service: .query, request: get("/v1/analytics/top?by=volume")),
        "GET /v1/prices": Example(service: .marketData, request: get("/v1/prices?symbols=AAPL")),
        "GET /healthz": Example(request: get("/healthz")),
        "GET /readyz": Example(request: get("/readyz")),
        "GET /metrics": Example(request: get("/metrics")),
    ]
}

/// The processes that listen.
enum Door: String, CaseIterable, Sendable {
    case order, portfolio, query
    case marketData = "market-data"
    case gateway
}
