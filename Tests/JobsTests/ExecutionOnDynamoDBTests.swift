import ConnectorLog
import Foundation
import Jobs
import StoreKit
import TestServers
import Testing
import Trading
import TradingStores

/// Failure case 3 with DynamoDB itself: throttled, in conflict, away, silent after the effect, in the middle of orders.
@Suite struct ExecutionOnDynamoDBTests {
    private static func refused(_ name: String, _ more: String = "", status: Int = 400) -> ScriptedServer.Reply {
        .answer(.init(status, [:], #"{"__type":"com.amazonaws.dynamodb.v20120810#\#(name)","message":"as scripted"\#(more)}"#))
    }

    private static func cancelled(_ reasons: String) -> ScriptedServer.Reply {
        refused("TransactionCanceledException", #","CancellationReasons":[\#(reasons)]"#)
    }

    private static let lost = 3
    private static let replies: [ScriptedServer.Reply] = [
        cancelled(#"{"Code":"TransactionConflict"},{"Code":"None"}"#), .pass,
        cancelled(#"{"Code":"None"},{"Code":"ThrottlingError"}"#),
        .passAndHangUp, refused("ProvisionedThroughputExceededException"), .pass, refused("ThrottlingException"),
        .passAndFallSilent,
        refused("InternalServerError", status: 500), .answer(.init(503)), .passAndHangUp, .pass,
    ]

    @Test func eachOrderIsExecutedOnceThroughRefusalsAndLostAnswers() async throws {
        let bench = try TradingBench()
        let server = try await ScriptedServer(to: try TestServer.dynamodb.port(), replies: Self.replies) {
            $0.headers["x-amz-target"]?.hasSuffix("TransactWriteItems") == true
        }
        let prefix = freshName()
        func open(port: Int, _ more: String = "") throws -> DynamoDBPortfolioStore {
            let url = "dynamodb://us-east-1?endpoint=http://127.0.0.1:\(port)&table-prefix=\(prefix)-\(more)"
            return try #require(try PortfolioStores.open(url, environment: [:]) as? DynamoDBPortfolioStore)
        }
        let direct = try open(port: try TestServer.dynamodb.port())
        try await direct.provision()
        let users = ["ada", "bob", "eve"]
        for user in users { _ = try await direct.openAccount(UserID(user)!, cash: try Money("1000.00"), nowMillis: 1) }
        // Short, so that falling silent is soon noticed.
        let store = try open(port: server.port, "&timeout-ms=5000")
        try await bench.price("10.00")
        try bench.place((0..<15).map { bench.order("\($0)", users[$0 % 3], quantity: 2) })
        try await bench.run(GuardedPortfolioStore(store, name: "dynamodb"), until: 15)

        let trades = try bench.values("trade_executed").map { try Trade.decode($0.value ?? []) }
        #expect(trades.count == 15 && Set(trades.map(\.orderID)).count == 15)
        #expect(try bench.values("trade_rejected").isEmpty)
        for user in users {
            let portfolio = try #require(try await direct.portfolio(UserID(user)!, consistent: true))
            #expect(portfolio.holdings[bench.apple]?.quantity == 10)
            #expect(portfolio.cash == (try Money("900.00")))
        }
        // One transaction an order, one for each that was refused, one for each whose answer was lost: that one finds the outcome,
        // unless its answer is lost too. More where the machine is so slow that an answer is taken for lost.
        let refused = Self.replies.count { if case .answer = $0 { true } else { false } }
        #expect(server.requests.count >= 15 + refused + Self.lost)
        #expect(bench.metrics.value("weir_replayed_orders_total") ?? 0 >= 1)
        #expect(bench.metrics.value("weir_job_restarts_total") ?? 0 == 0)
        await store.close()
        await direct.close()
        await server.stop()
    }
}
