import AsyncHTTPClient
import ConnectorLog
import Foundation
import TestKit
import Testing
import Trading

/// `verify` on what a killed system left.
@Suite struct VerifyTests {
    @Test func aKilledSystemIsNotDecidedYetUntilItRanAgain() async throws {
        let folder = TemporaryFolder()
        let place = ["--checkpoint-dir", "\(folder.path)/checkpoints", "--set", "trading.users=20", "--set", "orders.rate=50"]
        var undecided: WeirRun?
        // It may be killed right after a decision: then all adds up, and there is nothing to see.
        for attempt in 0..<4 where undecided == nil {
            let system = try RunningSystem(place + ["--checkpoint-interval", "3s", "--set", "data=\(folder.path)/data"])
            defer { system.stop() }
            let gateway = try await system.gateway()
            _ = try await gateway.post("/v1/accounts")
            try await executeOrder(gateway, key: "a\(attempt)")
            system.stop()
            let verified = try WeirRun(["verify"] + place, data: folder.path + "/data")
            #expect([0, 7].contains(verified.status), "\(verified.output)\(verified.errors)")
            if verified.status == 7 { undecided = verified }
        }
        let found = try #require(undecided, "four kills in a row hit a decision")
        #expect(
            found.output.contains("conservation not decided yet for ") && found.errors.contains("run 'weir up' first"),
            "\(found.output)\(found.errors)")
        let again = try WeirRun(
            ["up", "--gateway-port", "0", "--metrics-port", "0", "--for", "2s"] + place, data: folder.path + "/data")
        #expect(again.status == 0, "\(again.output)\(again.errors)")
        let verified = try WeirRun(["verify"] + place, data: folder.path + "/data")
        #expect(
            verified.status == 0 && verified.output.contains("conservation holds for all"), "\(verified.output)\(verified.errors)"
        )
    }

    /// Whoever has to look further is told where.
    @Test func ordersThatWaitAndOrdersThatWereDecidedTwiceAreNamed() throws {
        let folder = TemporaryFolder()
        let data = folder.path + "/data"
        let (ada, symbol) = (try #require(UserID("ada")), try #require(Symbol("AAPL")))
        let orders = (0..<14).map { number in
            Order(
                orderID: OrderID(user: ada, idempotencyKey: "\(number)"), userID: ada, symbol: symbol, side: .buy, kind: .market,
                quantity: 1, placedAtMillis: 1)
        }
        let twice = orders[0]
        let outcomes = ["the first", "the second"].map {
            Rejection(of: twice, reason: .insufficientFunds, detail: $0, rejectedAtMillis: 2)
        }
        let log = try LogStore(path: "\(data)/log")
        _ = try log.append(orders.map { LogRecord(topic: "trade_orders", key: Array("ada".utf8), value: $0.encoded()) })
        _ = try log.append(outcomes.map { LogRecord(topic: "trade_rejected", key: Array("ada".utf8), value: $0.encoded()) })
        log.close()
        let verified = try WeirRun(["verify"], data: data)
        #expect(verified.status == 1, "\(verified.output)\(verified.errors)")
        let waiting = orders.dropFirst().map(\.orderID).sorted().map(\.description)
        let named = waiting.prefix(10).joined(separator: ", ")
        #expect(verified.output.contains("13 still waiting in trade_orders"), "\(verified.output)")
        #expect(verified.output.contains("\n  waiting: \(named) and 3 more\n"), "\(verified.output)")
        #expect(verified.output.contains("\n  decided more than once: \(twice.orderID)\n"), "\(verified.output)")
    }

    private func executeOrder(_ gateway: GatewayClient, key: String) async throws {
        let body = #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":10}"#
        let placed = try await gateway.post("/v1/orders", body, headers: [("idempotency-key", key)])
        let id = try #require(placed.body.firstMatch(of: #/"orderId":"([0-9a-f-]+)"/#)?.1, "\(placed)")
        for _ in 0..<200 {
            var request = HTTPClientRequest(url: "\(gateway.url)/v1/orders/\(id)")
            request.headers.add(name: "authorization", value: "Bearer \(gateway.token)")
            let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
            if String(buffer: try await response.body.collect(upTo: 1 << 20)).contains("FILLED") { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("the order was not executed")
    }
}

/// Settings whose form is wrong are wrong usage, and named.
@Suite struct SettingRefusalTests {
    @Test(arguments: [
        ("token me", "tokens.secret=x"), ("verify", "portfolios=bogus://x"), ("verify", "history=bogus://x"),
        ("service gateway --port 0", "services.order-url=foo"), ("service portfolio --port 0", "prices=bogus://x"),
        ("service query --port 0", "analytics=clickhouse://h/d?bogus=1"), ("run market-feed --metrics-port 0", "namespace="),
    ])
    func aSettingThatCannotBeUsedIsWrongUsageAndNamed(_ command: String, _ setting: String) throws {
        let run = try WeirRun(command.split(separator: " ").map(String.init) + ["--set", setting])
        #expect(run.status == 2 && run.errors.contains(setting.prefix { $0 != "=" }), "\(run.status) \(run.errors)")
        #expect(!run.errors.contains("Error:"), "\(run.errors)")
    }

    @Test func aCommandThatIsNotThereHasNoHelp() throws {
        let run = try WeirRun(["help", "sumbit"], data: nil)
        #expect(run.status == 2 && run.errors.contains("Did you mean 'submit'?"), "\(run.errors)")
        #expect(try WeirRun(["help", "txn", "list"], data: nil).status == 0)
        #expect(try WeirRun(["help"], data: nil).status == 0)
    }
}
