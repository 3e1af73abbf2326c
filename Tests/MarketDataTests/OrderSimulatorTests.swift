import Foundation
import Hummingbird
import Logging
import ServiceLifecycle
import Services
import Synchronization
import Testing
import Trading

/// Simulated users against gateways that fail in known ways.
@Suite(.timeLimit(.minutes(5))) struct OrderSimulatorTests {
    /// A gateway that keeps orders by key in memory.
    private final class Desk: Sendable {
        enum Fault { case none, forgetsKeys, takesOtherOrders }

        struct State {
            var orders: [String: (body: Data, id: String)] = [:]
            var requests = 0
        }
        let state = Mutex(State())
        private let fault: Fault
        /// Every so many-th request to place an order is answered 503: in turn before and after it has taken effect.
        private let failsEvery: Int

        init(_ fault: Fault, failsEvery: Int) {
            self.fault = fault
            self.failsEvery = failsEvery
        }

        var router: ServiceRouter {
            let router = ServiceRouter()
            router.on(Route(.post, "/v1/dev/token")) { _, _ in try JSONAnswer(["token": "t"], status: .created) }
            router.on(Route(.post, "/v1/accounts")) { _, _ in try JSONAnswer(["userId": "u"], status: .conflict) }
            router.on(Route(.get, "/v1/prices")) { _, _ in
                try JSONAnswer(["prices": [["symbol": "AAPL", "price": "189.25"], ["symbol": "KO", "price": "60.00"]]])
            }
            router.on(Route(.get, "/v1/orders/{orderId}")) { _, _ in try JSONAnswer(["status": "FILLED"]) }
            router.on(Route(.post, "/v1/orders")) { [self] request, _ in
                let key = request.headers[.idempotencyKey] ?? ""
                return try place(key, Data(try await request.jsonBody(HTTPLimits())))
            }
            return router
        }

        private func place(_ key: String, _ body: Data) throws -> JSONAnswer {
            try state.withLock { state in
                state.requests += 1
                let fails = state.requests % failsEvery == 0
                if fails, state.requests / failsEvery % 2 == 0 { throw Problem.unavailable("orders") }
                if let known = state.orders[key], fault != .forgetsKeys {
                    if known.body != body, fault != .takesOtherOrders {
                        throw Problem("other", "other", .unprocessableContent, "other")
                    }
                } else {
                    let text = String(decoding: body, as: UTF8.self)
                    if text.contains("NOSUCH") || text.contains(#""quantity":0"#) || text.contains(#""quantity":-"#)
                        || text.contains(#""0.00""#)
                    {
                        throw Problem("order-refused", "refused", .unprocessableContent, "refused")
                    }
                    state.orders[key] = (body, "order-\(state.requests)")
                }
                if fails { throw Problem.unavailable("orders") }
                return try JSONAnswer(["orderId": state.orders[key]?.id ?? ""], status: .accepted)
            }
        }
    }

    private func simulate(_ router: ServiceRouter) async throws -> SimulationReport {
        let host = HTTPHost(HTTPHost.Options(name: "gateway"), router)
        var quiet = Logger(label: "test")
        quiet.logLevel = .critical
        let group = ServiceGroup(services: [host], logger: quiet)
        let running = Task { try await group.run() }
        let client = GatewayClient(try await host.url(), connectionsMax: 16)
        var settings = OrderSimulator.Settings()
        (settings.users, settings.ordersPerSecond, settings.ordersMax, settings.inFlightMax) = (10, 2_000, 400, 16)
        (settings.duplicateMillionths, settings.conflictMillionths) = (200_000, 100_000)
        settings.traders.nonsenseMillionths = 100_000
        let simulator = OrderSimulator(client, settings) { try await client.signIn($0) }
        let result = await Task { try await simulator.run() }.result
        await client.close()
        await group.triggerGracefulShutdown()
        try await running.value
        return try result.get()
    }

    @Test func eachOrderIsPlacedOnceHoweverOftenAnswersFail() async throws {
        let desk = Desk(.none, failsEvery: 10)
        let report = try await simulate(desk.router)
        #expect(report.isSound, "\(report.text)")
        #expect(report.placed == 400)
        #expect(report.accepted == desk.state.withLock { $0.orders.count })
        #expect(report.accepted + report.refused.values.reduce(0, +) == 400)
        #expect(report.refused["order-refused", default: 0] > 0 && report.retries > 0)
        #expect(report.duplicates > 0 && report.conflicts > 0)
        #expect(report.filled == report.accepted && report.pending == 0)
    }

    @Test func aGatewayThatForgetsKeysIsFound() async throws {
        let report = try await simulate(Desk(.forgetsKeys, failsEvery: .max).router)
        #expect(!report.isSound && report.duplicatesAnsweredOtherwise == report.duplicates && report.duplicates > 0)
    }

    @Test func aGatewayThatTakesAnotherOrderUnderAUsedKeyIsFound() async throws {
        let report = try await simulate(Desk(.takesOtherOrders, failsEvery: .max).router)
        #expect(!report.isSound && report.conflictsNotRefused == report.conflicts && report.conflicts > 0)
    }

    /// Its secret is another one: the user is told where tokens come from, not only that the answer was 401.
    @Test func aGatewayThatDoesNotKnowTheTokensIsToldOf() async throws {
        let router = ServiceRouter()
        router.on(Route(.post, "/v1/dev/token")) { _, _ in try JSONAnswer(["token": "t"], status: .created) }
        router.on(Route(.post, "/v1/accounts")) { _, _ -> JSONAnswer in
            throw Problem("bad-token", "The token does not count here", .unauthorized, "minted elsewhere")
        }
        let failure = await #expect(throws: SimulationFailure.self) { try await simulate(router) }
        let text = try #require(failure).description
        #expect(text.contains("http://127.0.0.1:") && text.contains("tokens.secret") && text.contains("--sign-in"), "\(text)")
    }
}
