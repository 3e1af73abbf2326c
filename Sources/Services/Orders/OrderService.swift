import HTTPTypes
import Hummingbird
import Trading
import TradingStores

/// `POST /v1/orders` and `GET /v1/orders/{orderId}`, behind the gateway.
package struct OrderService: Sendable {
    private let desk: OrderDesk
    private let credential: InternalCredential
    private let limits: HTTPLimits

    package init(_ desk: OrderDesk, credential: InternalCredential, limits: HTTPLimits = HTTPLimits()) {
        self.desk = desk
        self.credential = credential
        self.limits = limits
    }

    private struct Accepted: Encodable {
        let orderId: String
        let status = "ACCEPTED"
    }

    package func router(_ health: Health) -> ServiceRouter {
        let router = ServiceRouter()
        router.on(APIRoutes.placeOrder) { request, context in
            var context = context
            let user = try credential.user(of: request, &context)
            _ = try QueryParameters(request, [])
            guard let text = request.headers[.idempotencyKey] else {
                throw Problem.badRequest("The field Idempotency-Key is missing: make one up for each new order.")
            }
            guard let key = IdempotencyKey(text) else {
                throw Problem.badRequest(
                    "The field Idempotency-Key must be 1 to \(IdempotencyKey.bytesMax) visible ASCII characters.")
            }
            let requestKey = RequestKey(user, key)
            context.note("orderId", requestKey.orderID.description)
            let noted = context
            let id = try await desk.place(try await request.jsonBody(limits), requestKey, trace: context.trace) {
                noted.note("symbol", $0.symbol.text)
            }
            return try JSONAnswer(
                Accepted(orderId: id.description), status: .accepted, headers: [.location: "/v1/orders/\(id)"])
        }
        router.on(APIRoutes.order) { request, context in
            var context = context
            let user = try credential.user(of: request, &context)
            _ = try QueryParameters(request, [])
            guard let id = context.parameters.get("orderId").flatMap({ OrderID($0) }) else {
                throw Problem.badRequest("The order's id is a UUID, as the answer to its placing said.")
            }
            context.note("orderId", id.description)
            guard let view = try await desk.status(of: id, for: user) else { throw Problem.noOrder }
            context.note("symbol", view.symbol)
            return try JSONAnswer(view)
        }
        health.add(to: router)
        return router
    }

    /// What the service needs, for `/readyz`.
    package var dependencies: [Dependency] {
        let desk = desk
        let probe = OrderID(UUIDValue(high: 0, low: 0))
        return [
            Dependency("orders") { _ = try await desk.ledger.order(probe, nowMillis: 0) },
            Dependency("topic") { try await desk.publisher.ping() },
            Dependency("portfolios") { _ = try await desk.portfolios.execution(of: probe) },
            Dependency("prices") { if let any = desk.policy.symbols.first { _ = try await desk.prices.latest(any) } },
        ]
    }
}

extension Problem {
    static let noOrder = Problem(
        "unknown-order", "There is no such order", .notFound, "You have placed no order with this id.")
}
