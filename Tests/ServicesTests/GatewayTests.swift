import Foundation
import JWTKit
import NIOCore
import NIOHTTP1
import Services
import StoreKit
import TestServers
import Testing
import Trading
import TradingStores

/// The whole HTTP side on free ports: gateway, order, portfolio and query service, over stores in memory.
struct HTTPBench: Sendable {
    static let secret = "a secret of tests that is long enough"
    let url: String
    let port: Int
    let orderURL: String
    let publisher: ScriptedPublisher
    let portfolios: MemoryPortfolioStore
    let prices: MemoryPriceStore
    let authority: TokenAuthority
    let credential: InternalCredential

    func bearer(_ user: UserID) async throws -> (String, String) {
        ("authorization", "Bearer \(try await authority.mint(user, lifetimeMillis: 60_000).token)")
    }

    func asJSON(_ user: UserID, key: String? = nil) async throws -> [(String, String)] {
        [try await bearer(user), ("content-type", "application/json")] + (key.map { [("idempotency-key", $0)] } ?? [])
    }

    static func run(
        _ options: Gateway.Options = Gateway.Options(), settings: Upstreams.Settings = Upstreams.Settings(),
        _ body: @escaping (HTTPBench) async throws -> Void
    ) async throws {
        let credential = InternalCredential.random()
        let (portfolios, prices, publisher) = (MemoryPortfolioStore(), MemoryPriceStore(), ScriptedPublisher())
        _ = try await prices.update([PriceTick(symbol: apple, price: try Price("200.00"), seq: 1, timestampMillis: 1)])
        let desk = OrderDesk(
            ledger: MemoryOrderLedger(), publisher: publisher, portfolios: portfolios, prices: prices,
            policy: OrderDesk.Policy(symbols: [apple]))
        let orders = OrderService(desk, credential: credential)
        let accounts = PortfolioService(
            portfolios: portfolios, prices: prices, startingCash: try Money("10000.00"), credential: credential)
        let queries = QueryService(
            history: ListedHistory(Self.trades), analytics: EchoAnalytics(), credential: credential,
            nowMillis: { 1_700_000_000_000 })
        let backends = [
            quietHost("order", orders.router(Health(orders.dependencies, metrics: { "" }))),
            quietHost("portfolio", accounts.router(Health(accounts.dependencies, metrics: { "" }))),
            quietHost("query", queries.router(Health(queries.dependencies, metrics: { "" }))),
        ]
        try await withRunning(backends) {
            let upstreams = Upstreams(
                [
                    .order: try await backends[0].url(), .portfolio: try await backends[1].url(),
                    .query: try await backends[2].url(),
                ], credential: credential, settings: settings)
            let authority = try await TokenAuthority.secret(secret)
            let gateway = quietHost(
                "gateway", Gateway(authority, upstreams, options).router(Health(upstreams.dependencies, metrics: { "" })))
            try await withRunning([gateway]) {
                try await body(
                    HTTPBench(
                        url: try await gateway.url(), port: try await gateway.port(), orderURL: try await backends[0].url(),
                        publisher: publisher, portfolios: portfolios, prices: prices, authority: authority,
                        credential: credential))
            }
            await upstreams.close()
        }
    }

    static let trades: [Trade] =
        (0..<5).map { number in
            let id = OrderID(user: ada, idempotencyKey: "t\(number)")
            return Trade(
                tradeID: TradeID(of: id), orderID: id, userID: ada, symbol: apple, side: number % 2 == 0 ? .buy : .sell,
                quantity: 1,
                price: Price(units: 2_000_000), notional: Money(units: 2_000_000),
                executedAtMillis: 1_700_000_000_000 + Int64(number))
        } + [
            Trade(
                tradeID: TradeID(of: OrderID(user: bob, idempotencyKey: "b")), orderID: OrderID(user: bob, idempotencyKey: "b"),
                userID: bob, symbol: apple, side: .buy, quantity: 1, price: Price(units: 1), notional: Money(units: 1),
                executedAtMillis: 1_700_000_000_000)
        ]
}

@Suite struct GatewayTests {
    @Test func anOrderGoesFromTheDoorToTheTopic() async throws {
        try await HTTPBench.run { bench in
            let headers = try await bench.asJSON(ada, key: "k1")
            #expect(try await call(.POST, "\(bench.url)/v1/orders", headers, body: marketBuy).problem() == "unknown-user")
            let account = try await call(.POST, "\(bench.url)/v1/accounts", headers)
            #expect(account.status == 201)
            #expect(try account.json()["cash"] as? String == "10000.00")
            #expect(try await call(.POST, "\(bench.url)/v1/accounts", headers).problem() == "account-exists")
            let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            let placed = try await call(
                .POST, "\(bench.url)/v1/orders", headers + [("traceparent", traceparent), ("tracestate", "a=b")],
                body: marketBuy)
            #expect(placed.status == 202)
            let id = try #require(try placed.json()["orderId"] as? String)
            #expect(try placed.json()["status"] as? String == "ACCEPTED")
            #expect(placed.headers.first(name: "location") == "/v1/orders/\(id)")
            #expect(bench.publisher.orders.map(\.orderID.description) == [id])
            #expect(bench.publisher.traces.map(\.fields.count) == [2])
            #expect(bench.publisher.traces.first?.traceparent == traceparent)
            let status = try await call(.GET, "\(bench.url)/v1/orders/\(id)", headers)
            #expect(try status.json()["status"] as? String == "PENDING")
            let head = try await call(.HEAD, "\(bench.url)/v1/orders/\(id)", headers)
            #expect(head.status == 200 && head.text.isEmpty)
            #expect(head.headers.first(name: "content-length") == "\(status.text.utf8.count)")
        }
    }

    /// Every reason the execution job knows reaches the user as it is, `CONFLICT` among them.
    @Test(arguments: RejectionReason.allCases)
    func aRefusedOrderTellsItsReason(_ reason: RejectionReason) async throws {
        try await HTTPBench.run { bench in
            _ = try await bench.portfolios.openAccount(ada, cash: try Money("10000.00"))
            let headers = try await bench.asJSON(ada, key: "k1")
            let placed = try await call(.POST, "\(bench.url)/v1/orders", headers, body: marketBuy)
            let id = try #require(try placed.json()["orderId"] as? String)
            let order = try #require(bench.publisher.orders.first)
            let rejection = Rejection(of: order, reason: reason, detail: "as it was decided", rejectedAtMillis: 1_700_000_000_000)
            let source = SourcePosition(topic: "trade_orders", partition: 0, offset: 0)
            let recorded = try await bench.portfolios.record(
                IndependentRejection(rejection, source: source, expiresAtMillis: .max))
            #expect(recorded == .committed)
            let shown = try await call(.GET, "\(bench.url)/v1/orders/\(id)", headers)
            #expect(shown.status == 200)
            #expect(try shown.json()["status"] as? String == "REJECTED")
            #expect(try shown.json()["reason"] as? String == reason.rawValue)
            #expect(try shown.json()["detail"] as? String == "as it was decided")
            #expect(try shown.json()["rejectedAt"] as? String == "2023-11-14T22:13:20.000Z")
            #expect(try shown.json()["trade"] == nil)
        }
    }

    @Test func everyRouteNeedsAToken() async throws {
        try await HTTPBench.run { bench in
            for forwarded in APIRoutes.forwarded {
                let path = forwarded.route.path.replacing("{orderId}", with: "00000000-0000-5000-8000-000000000000")
                let method: NIOHTTP1.HTTPMethod = forwarded.route.method == .post ? .POST : .GET
                let answer = try await call(method, bench.url + path)
                #expect(answer.status == 401)
                #expect(try answer.problem() == "no-token", "\(path)")
                #expect(answer.headers.first(name: "www-authenticate")?.hasPrefix("Bearer") == true)
                for bad in ["Bearer", "Bearer ", "Bearer a b", "Basic YTpi", "Bearer x.y.z"] {
                    #expect(try await call(method, bench.url + path, [("authorization", bad)]).status == 401, "\(path) \(bad)")
                }
            }
            #expect(bench.publisher.orders.isEmpty)
        }
    }

    @Test func nobodyReachesWhatIsAnothers() async throws {
        try await HTTPBench.run { bench in
            for user in [ada, bob] { _ = try await bench.portfolios.openAccount(user, cash: try Money("10000.00")) }
            let placed = try await call(.POST, "\(bench.url)/v1/orders", bench.asJSON(ada, key: "k"), body: marketBuy)
            let id = try #require(try placed.json()["orderId"] as? String)
            let other = try await call(.GET, "\(bench.url)/v1/orders/\(id)", [bench.bearer(bob)])
            #expect(other.status == 404)
            let unknown = try await call(
                .GET, "\(bench.url)/v1/orders/00000000-0000-5000-8000-000000000000", [bench.bearer(bob)])
            // Word for word: an answer must not tell that an order exists.
            #expect(other.text == unknown.text)
            let trades = try await call(.GET, "\(bench.url)/v1/trades", [bench.bearer(bob)])
            #expect((try trades.json()["trades"] as? [Any])?.count == 1)
        }
    }

    /// A client cannot say who it is, show the services' credential, or give the services anything they were not meant
    /// to get.
    @Test func internalFieldsFromOutsideMeanNothing() async throws {
        try await HTTPBench.run { bench in
            _ = try await bench.portfolios.openAccount(ada, cash: try Money("1.00"))
            _ = try await bench.portfolios.openAccount(bob, cash: try Money("2.00"))
            let forged = [("x-weir-user", "bob"), ("x-weir-internal", bench.credential.text), ("x-forwarded-user", "bob")]
            let answer = try await call(.GET, "\(bench.url)/v1/portfolio", [bench.bearer(ada)] + forged)
            #expect(try answer.json()["userId"] as? String == "ada")
            #expect(try await call(.GET, "\(bench.url)/v1/portfolio", forged).status == 401)
        }
    }

    @Test func aServiceServesTheGatewayOnly() async throws {
        try await HTTPBench.run { bench in
            let path = "\(bench.orderURL)/v1/orders/00000000-0000-5000-8000-000000000000"
            for headers in [
                [], [("x-weir-user", "ada")], [("x-weir-user", "ada"), ("x-weir-internal", "wrong-credential-000")],
                [try await bench.bearer(ada)],
            ] {
                let answer = try await call(.GET, path, headers)
                #expect(answer.status == 401)
                #expect(try answer.problem() == "not-through-gateway")
            }
            let named = try await call(.GET, path, [("x-weir-internal", bench.credential.text), ("x-weir-user", "a/b")])
            #expect(named.status == 400)
        }
    }

    @Test func theIdempotencyKeyIsNeededAndChecked() async throws {
        try await HTTPBench.run { bench in
            _ = try await bench.portfolios.openAccount(ada, cash: try Money("10000.00"))
            let without = try await call(.POST, "\(bench.url)/v1/orders", bench.asJSON(ada), body: marketBuy)
            #expect(without.status == 400)
            for bad in ["a b", "é", String(repeating: "k", count: 129)] {
                let answer = try await call(.POST, "\(bench.url)/v1/orders", bench.asJSON(ada, key: bad), body: marketBuy)
                #expect(answer.status == 400, "\(bad)")
            }
            // A field of the order that has got into the query is not overlooked.
            let misplaced = try await call(
                .POST, "\(bench.url)/v1/orders?limitPrice=1.00", bench.asJSON(ada, key: "k"), body: marketBuy)
            #expect(misplaced.status == 400)
            let first = try await call(.POST, "\(bench.url)/v1/orders", bench.asJSON(ada, key: "k"), body: marketBuy)
            let again = try await call(.POST, "\(bench.url)/v1/orders", bench.asJSON(ada, key: "k"), body: marketBuy)
            #expect(first.text == again.text)
            let other = try await call(.POST, "\(bench.url)/v1/orders", bench.asJSON(ada, key: "k"), body: marketBuy + " ")
            #expect(other.status == 422)
            #expect(bench.publisher.orders.count == 1)
            let path = try #require(first.headers.first(name: "location"))
            #expect(try await call(.GET, "\(bench.url)\(path)?x=1", bench.asJSON(ada)).status == 400)
            #expect(try await call(.POST, "\(bench.url)/v1/accounts?cash=1", bench.asJSON(bob)).status == 400)
        }
    }

    @Test func aPublisherThatDiesIsA503ThatTheRetryMends() async throws {
        try await HTTPBench.run { bench in
            _ = try await bench.portfolios.openAccount(ada, cash: try Money("10000.00"))
            bench.publisher.die(.afterPublishing)
            let headers = try await bench.asJSON(ada, key: "k")
            let failed = try await call(.POST, "\(bench.url)/v1/orders", headers, body: marketBuy)
            #expect(failed.status == 503)
            #expect(failed.headers.first(name: "retry-after") != nil)
            #expect(try await call(.POST, "\(bench.url)/v1/orders", headers, body: marketBuy).status == 202)
            #expect(Set(bench.publisher.orders).count == 1)
        }
    }

    @Test func aUserWhoAsksTooOftenWaitsAndNobodyElseDoes() async throws {
        var options = Gateway.Options()
        options.rates.perSecond = 0.01
        options.rates.burst = 3
        try await HTTPBench.run(options) { bench in
            for _ in 0..<3 { #expect(try await call(.GET, "\(bench.url)/v1/portfolio", [bench.bearer(ada)]).status == 404) }
            let limited = try await call(.GET, "\(bench.url)/v1/portfolio", [bench.bearer(ada)])
            #expect(limited.status == 429)
            #expect(try limited.problem() == "rate-limited")
            let seconds = try #require(limited.headers.first(name: "retry-after").flatMap { Int($0) })
            #expect((1...100).contains(seconds))
            #expect(try await call(.GET, "\(bench.url)/v1/portfolio", [bench.bearer(bob)]).status == 404)
        }
    }

    @Test func aServiceThatIsAwayIsA503AndOpensItsBreaker() async throws {
        let credential = InternalCredential.random()
        var settings = Upstreams.Settings()
        settings.connectMillisMax = 200
        // A port nobody listens on: taken and let go.
        let closed = quietHost("gone", ServiceRouter())
        let url = try await withRunning([closed]) { try await closed.url() }
        let upstreams = Upstreams([.portfolio: url], credential: credential, settings: settings)
        let authority = try await TokenAuthority.secret(HTTPBench.secret)
        let router = Gateway(authority, upstreams).router(Health(upstreams.dependencies, metrics: { "" }))
        let gateway = quietHost("gateway", router)
        try await withRunning([gateway]) {
            let url = try await gateway.url()
            let token = try await authority.mint(ada, lifetimeMillis: 60_000).token
            for _ in 0..<4 {
                let answer = try await call(.GET, "\(url)/v1/portfolio", [("authorization", "Bearer \(token)")])
                #expect(answer.status == 503)
                #expect(try answer.problem() == "unavailable")
            }
            // A route whose service is not known at all.
            #expect(try await call(.GET, "\(url)/v1/trades", [("authorization", "Bearer \(token)")]).status == 503)
            let ready = try await call(.GET, "\(url)/readyz")
            #expect(ready.status == 503)
            #expect(ready.text.contains("portfolio"))
        }
        await upstreams.close()
    }

    /// One look at the gateway tells which store is away behind which service.
    @Test func readinessNamesWhatIsDownBehindAService() async throws {
        let order = ServiceRouter()
        Health([Dependency("orders") {}, Dependency("topic") { throw StoreError.unavailable("secret detail") }], metrics: { "" })
            .add(to: order)
        let query = ServiceRouter()
        Health([Dependency("history") {}], metrics: { "" }).add(to: query)
        // Something that listens and is no service of this system.
        let other = ServiceRouter()
        other.on(Route(.get, "/readyz")) { _, _ in try JSONAnswer(["anything": "else"]) }
        let services = [quietHost("order", order), quietHost("query", query), quietHost("other", other)]
        try await withRunning(services) {
            let urls: [APIRoutes.Backend: String] = [
                .order: try await services[0].url(), .query: try await services[1].url(),
                .portfolio: try await services[2].url(),
            ]
            let upstreams = Upstreams(urls, credential: .random())
            let authority = try await TokenAuthority.secret(HTTPBench.secret)
            let gateway = quietHost(
                "gateway", Gateway(authority, upstreams).router(Health(upstreams.dependencies, metrics: { "" })))
            try await withRunning([gateway]) {
                let answer = try await call(.GET, "\(try await gateway.url())/readyz")
                #expect(answer.status == 503 && !answer.text.contains("secret"))
                let entries = try #require(try answer.json()["dependencies"] as? [[String: Any]])
                #expect(entries.map { $0["name"] as? String } == ["order", "portfolio", "query"])
                #expect(entries.map { $0["ready"] as? Bool } == [false, false, true])
                let behind = entries.map { entry in
                    (entry["dependencies"] as? [[String: Any]])?.map {
                        "\($0["name"] as? String ?? "") is \($0["ready"] as? Bool == true ? "up" : "down")"
                    }
                }
                #expect(behind.first == ["orders is up", "topic is down"] && behind.last == ["history is up"], "\(answer.text)")
                #expect(entries[1]["dependencies"] == nil)
            }
            await upstreams.close()
        }
    }

    @Test func aServiceThatAnswersLateIsA504() async throws {
        let router = ServiceRouter()
        router.on(APIRoutes.openAccount) { _, _ in
            try await Task.sleep(for: .seconds(20))
            return try JSONAnswer(["late": true])
        }
        let slow = quietHost("slow", router)
        var settings = Upstreams.Settings()
        settings.attemptMillisMax = 150
        try await withRunning([slow]) {
            let upstreams = Upstreams([.portfolio: try await slow.url()], credential: .random(), settings: settings)
            let authority = try await TokenAuthority.secret(HTTPBench.secret)
            let gateway = quietHost("gateway", Gateway(authority, upstreams).router(Health([], metrics: { "" })))
            try await withRunning([gateway]) {
                let token = try await authority.mint(ada, lifetimeMillis: 60_000).token
                let answer = try await call(
                    .POST, "\(try await gateway.url())/v1/accounts", [("authorization", "Bearer \(token)")])
                #expect(answer.status == 504)
                #expect(try answer.problem() == "upstream-timeout")
            }
            await upstreams.close()
        }
    }

    @Test func oversizedBodiesAreRefusedAtTheDoor() async throws {
        try await HTTPBench.run { bench in
            let large = String(repeating: " ", count: 70_000) + marketBuy
            let answer = try await call(.POST, "\(bench.url)/v1/orders", bench.asJSON(ada, key: "k"), body: large)
            #expect(answer.status == 413)
        }
    }

    @Test func historyIsPagedWithCursorsOfItsOwnSearch() async throws {
        try await HTTPBench.run { bench in
            let headers = [try await bench.bearer(ada)]
            var seen: [String] = []
            var next: String? = ""
            var cursors: [String] = []
            while let cursor = next {
                let page = try await call(
                    .GET, "\(bench.url)/v1/trades?limit=2" + (cursor.isEmpty ? "" : "&cursor=\(cursor)"), headers)
                #expect(page.status == 200)
                let object = try page.json()
                seen += (object["trades"] as? [[String: Any]] ?? []).compactMap { $0["tradeId"] as? String }
                next = object["next"] as? String
                if let next { cursors.append(next) }
            }
            #expect(seen.count == 5 && Set(seen).count == 5)
            let foreign = try #require(cursors.first)
            for bad in ["x", "\(foreign)A", "\(foreign)&side=BUY", String(repeating: "A", count: 65)] {
                #expect(try await call(.GET, "\(bench.url)/v1/trades?cursor=\(bad)", headers).status == 400, "\(bad)")
            }
            // The same place, asked for by another user.
            let stolen = try await call(.GET, "\(bench.url)/v1/trades?cursor=\(foreign)", [bench.bearer(bob)])
            #expect(stolen.status == 400)
            for bad in [
                "limit=0", "limit=201", "limit=x", "side=buy", "symbol=aapl", "from=yesterday", "user=bob",
                "from=2023-11-15T00:00:00Z&to=2023-11-14T00:00:00Z", "from=2023-02-30T00:00:00Z",
            ] {
                #expect(try await call(.GET, "\(bench.url)/v1/trades?\(bad)", headers).status == 400, "\(bad)")
            }
        }
    }

    @Test func analyticsAnswerWhatIsAsked() async throws {
        try await HTTPBench.run { bench in
            let headers = [try await bench.bearer(ada)]
            let volume = try await call(
                .GET,
                "\(bench.url)/v1/analytics/volume?symbol=AAPL&interval=5m&from=2023-11-14T00:00:00Z&to=2023-11-14T01:00:00.500Z",
                headers)
            let bars = try #require(try volume.json()["bars"] as? [[String: Any]])
            #expect(bars.first?["trades"] as? Int == 5)
            #expect(bars.first?["start"] as? String == "2023-11-14T00:00:00.000Z")
            #expect(bars.first?["vwap"] as? String == "150.00")
            #expect(try volume.json()["to"] as? String == "2023-11-14T01:00:00.500Z")
            let top = try await call(.GET, "\(bench.url)/v1/analytics/top?by=volume&limit=3", headers)
            #expect(try top.json()["by"] as? String == "volume")
            for bad in [
                "volume", "volume?symbol=AAPL&interval=2m",
                "volume?symbol=AAPL&from=2023-11-14T00:00:00Z&to=2023-11-13T00:00:00Z",
                "volume?symbol=AAPL&from=2000-01-01T00:00:00Z&to=2023-11-14T00:00:00Z", "top?by=price", "top?limit=51",
            ] {
                #expect(try await call(.GET, "\(bench.url)/v1/analytics/\(bad)", headers).status == 400, "\(bad)")
            }
        }
    }

    @Test func signInIsForThisMachinesPageOnly() async throws {
        var options = Gateway.Options()
        options.hasSignIn = true
        try await HTTPBench.run(options) { bench in
            let json = [("content-type", "application/json")]
            let signed = try await call(.POST, "\(bench.url)/v1/dev/token", json, body: #"{"userId":"ada"}"#)
            #expect(signed.status == 201)
            let token = try #require(try signed.json()["token"] as? String)
            #expect(try await bench.authority.user(of: token) == ada)
            let own = json + [("origin", bench.url)]
            #expect(try await call(.POST, "\(bench.url)/v1/dev/token", own, body: #"{"userId":"ada"}"#).status == 201)
            let foreign = json + [("origin", "https://evil.example")]
            #expect(try await call(.POST, "\(bench.url)/v1/dev/token", foreign, body: #"{"userId":"ada"}"#).status == 403)
            // What a form of another site can send without asking.
            let form = try await call(
                .POST, "\(bench.url)/v1/dev/token", [("content-type", "text/plain")], body: #"{"userId":"ada"}"#)
            #expect(form.status == 415)
            for bad in [#"{"userId":"a b"}"#, "{}", "x"] {
                #expect(try await call(.POST, "\(bench.url)/v1/dev/token", json, body: bad).status == 400)
            }
            // A name that was made to point at this machine.
            let rebound = try RawConnection(port: bench.port)
            let body = #"{"userId":"ada"}"#
            await rebound.write(
                "POST /v1/dev/token HTTP/1.1\r\nHost: evil.example\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            )
            let refused = await rebound.read(until: "}")
            #expect(refused.hasPrefix("HTTP/1.1 403"))
        }
        try await HTTPBench.run { bench in
            let json = [("content-type", "application/json")]
            let answer = try await call(.POST, "\(bench.url)/v1/dev/token", json, body: #"{"userId":"ada"}"#)
            #expect(answer.status == 404)
        }
    }

    @Test func thePageIsServedWithAStrictPolicyAndNothingElseIs() async throws {
        var options = Gateway.Options()
        options.page = StaticFiles([
            WebAsset(
                path: "/index.html", contentType: "text/html; charset=utf-8", bytes: ByteBuffer(string: "<p>"), etag: "\"1\""),
            WebAsset(path: "/js/app.js", contentType: "text/javascript", bytes: ByteBuffer(string: "1"), etag: "\"2\""),
        ])
        try await HTTPBench.run(options) { bench in
            let page = try await call(.GET, "\(bench.url)/")
            #expect(page.status == 200 && page.text == "<p>")
            let policy = try #require(page.headers.first(name: "content-security-policy"))
            #expect(policy.contains("default-src 'none'") && !policy.contains("unsafe-"))
            #expect(page.headers.first(name: "x-content-type-options") == "nosniff")
            #expect(try await call(.GET, "\(bench.url)/js/app.js").text == "1")
            #expect(try await call(.GET, "\(bench.url)/", [("if-none-match", "\"1\"")]).status == 304)
            let head = try await call(.HEAD, "\(bench.url)/index.html")
            #expect(head.status == 200 && head.text.isEmpty && head.headers.first(name: "content-length") == "3")
            #expect(try await call(.GET, "\(bench.url)/js/").status == 400)
            #expect(try await call(.GET, "\(bench.url)/js/other.js").status == 404)
            #expect(try await call(.POST, "\(bench.url)/").status == 405)
        }
    }
}
