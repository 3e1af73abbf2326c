import AsyncHTTPClient
import Foundation
import Services
import StoreKit
import Synchronization
import Testing
import Trading
import TradingStores

/// What stores of a test are asked, and how often that fails.
final class Trouble: Sendable {
    private let failures: Int
    private let made = Mutex<[String: Int]>([:])
    private let onCall: @Sendable () -> Void

    /// The first `failures` calls of each operation fail, each after `onCall`.
    init(failures: Int = .max, onCall: @escaping @Sendable () -> Void = {}) {
        self.failures = failures
        self.onCall = onCall
    }

    /// How often each operation was asked for.
    var calls: [String: Int] { made.withLock { $0 } }

    func meet(_ operation: String) throws(StoreError) {
        onCall()
        let call = made.withLock { made in
            made[operation, default: 0] += 1
            return made[operation, default: 0]
        }
        if call <= failures { throw .unavailable("\(operation), call \(call)") }
    }
}

/// Accounts whose reads fail.
struct FailingPortfolios: PortfolioStore {
    let inner: MemoryPortfolioStore
    let trouble: Trouble

    func portfolio(_ user: UserID, consistent: Bool) async throws(StoreError) -> Portfolio? {
        try trouble.meet(consistent ? "portfolio, consistent" : "portfolio")
        return try await inner.portfolio(user, consistent: consistent)
    }

    func execution(of order: OrderID, nowMillis: Int64) async throws(StoreError) -> ExecutionRecord? {
        try trouble.meet("execution")
        return try await inner.execution(of: order, nowMillis: nowMillis)
    }

    func openAccount(_ user: UserID, cash: Money, nowMillis: Int64) async throws(StoreError) -> Bool {
        try await inner.openAccount(user, cash: cash, nowMillis: nowMillis)
    }

    func commit(_ commit: ExecutionCommit) async throws(StoreError) -> CommitResult { try await inner.commit(commit) }
    func record(_ rejection: IndependentRejection) async throws(StoreError) -> CommitResult { try await inner.record(rejection) }
    func allPortfolios() async throws(StoreError) -> [UserID: Portfolio] { try await inner.allPortfolios() }
    func close() async {}
}

/// Prices whose reads fail.
struct FailingPrices: PriceStore {
    let inner: MemoryPriceStore
    let trouble: Trouble

    func latest(_ symbol: Symbol) async throws(StoreError) -> PricedAt? {
        try trouble.meet("latest")
        return try await inner.latest(symbol)
    }

    func latest(_ symbols: [Symbol]) async throws(StoreError) -> [Symbol: PricedAt] {
        try trouble.meet("latest of many")
        return try await inner.latest(symbols)
    }

    func update(_ ticks: [PriceTick]) async throws(StoreError) -> Int { try await inner.update(ticks) }
    func close() async {}
}

/// A ledger whose calls fail before they take effect.
struct FailingLedger: OrderLedger {
    let inner: MemoryOrderLedger
    let trouble: Trouble

    func request(_ key: RequestKey, nowMillis: Int64) async throws(StoreError) -> OrderRequest? {
        try trouble.meet("request")
        return try await inner.request(key, nowMillis: nowMillis)
    }

    func order(_ id: OrderID, nowMillis: Int64) async throws(StoreError) -> Order? {
        try trouble.meet("order")
        return try await inner.order(id, nowMillis: nowMillis)
    }

    func accept(_ order: AcceptedOrder, nowMillis: Int64) async throws(StoreError) -> AcceptResult {
        try trouble.meet("accept")
        return try await inner.accept(order, nowMillis: nowMillis)
    }

    func markPublished(_ key: RequestKey) async throws(StoreError) { try await inner.markPublished(key) }
    func close() async {}
}

/// Trades whose reads fail.
struct FailingHistory: TradeHistoryStore {
    let inner: ListedHistory
    let trouble: Trouble

    func search(_ query: TradeQuery) async throws(StoreError) -> TradePage {
        try trouble.meet("search")
        return try await inner.search(query)
    }

    func provision() async throws(StoreError) -> [String] { [] }
    func record(_ trades: [Trade]) async throws(StoreError) -> [RefusedTrade] { [] }
    func count() async throws(StoreError) -> Int { 0 }
    func close() async {}
}

/// Figures whose reads fail.
struct FailingAnalytics: TradeAnalyticsStore {
    let inner: EchoAnalytics
    let trouble: Trouble

    func volume(_ query: VolumeQuery) async throws(StoreError) -> [VolumeBar] {
        try trouble.meet("volume")
        return try await inner.volume(query)
    }

    func top(_ ranking: TopRanking, limit: Int) async throws(StoreError) -> [SymbolTotal] {
        try trouble.meet("top")
        return try await inner.top(ranking, limit: limit)
    }

    func provision() async throws(StoreError) -> [String] { [] }
    func insert(_ batch: TradeBatch) async throws(StoreError) {}
    func upsert(_ bars: [VolumeBar]) async throws(StoreError) {}
    func totals() async throws(StoreError) -> TradeTotals { try await inner.totals() }
    func close() async {}
}

/// Waits that are over at once, having moved the time on.
final class CountedWaits: Sendable {
    private let made = Mutex<[Int64]>([])
    let time = ManualTime()
    var all: [Int64] { made.withLock { $0 } }

    var retries: RequestRetries {
        var retries = RequestRetries()
        retries.nowMillis = time.read
        retries.sleep = { millis in
            self.made.withLock { $0.append(millis) }
            self.time.advance(millis)
        }
        return retries
    }
}

/// Every call of a request to a store is made again, within bounds.
@Suite struct StoreRetryTests {
    /// An account of `cash` and a price, behind stores in trouble.
    private static func desk(
        _ trouble: Trouble, _ waits: CountedWaits, cash: String = "100000.00"
    ) async throws -> (desk: OrderDesk, publisher: ScriptedPublisher) {
        let (portfolios, prices, publisher) = (MemoryPortfolioStore(), MemoryPriceStore(), ScriptedPublisher())
        _ = try await portfolios.openAccount(ada, cash: try Money(cash))
        _ = try await prices.update([PriceTick(symbol: apple, price: try Price("200.00"), seq: 1, timestampMillis: 1)])
        let desk = OrderDesk(
            ledger: FailingLedger(inner: MemoryOrderLedger(), trouble: trouble), publisher: publisher,
            portfolios: FailingPortfolios(inner: portfolios, trouble: trouble),
            prices: FailingPrices(inner: prices, trouble: trouble), policy: OrderDesk.Policy(symbols: [apple]),
            retries: waits.retries, nowMillis: waits.time.read)
        return (desk, publisher)
    }

    private static func key(_ text: String) -> RequestKey { RequestKey(ada, IdempotencyKey(text)!) }

    @Test func placingAnOrderOutlivesOneFailureOfEachCall() async throws {
        let (trouble, waits) = (Trouble(failures: 1), CountedWaits())
        let (desk, publisher) = try await Self.desk(trouble, waits)
        let id = try await desk.place(Array(marketBuy.utf8), Self.key("k1"))
        #expect(publisher.orders.map(\.orderID) == [id])
        #expect(trouble.calls == ["request": 2, "latest": 2, "portfolio": 2, "accept": 2])
        #expect(waits.all.count == 4 && waits.all.allSatisfy { (0...20).contains($0) }, "\(waits.all)")
    }

    @Test func theSecondLookBeforeARefusalOutlivesAFailureToo() async throws {
        let (trouble, waits) = (Trouble(failures: 1), CountedWaits())
        let (desk, _) = try await Self.desk(trouble, waits, cash: "1.00")
        let problem = await #expect(throws: Problem.self) { try await desk.place(Array(marketBuy.utf8), Self.key("k1")) }
        #expect(problem?.slug == "insufficient-funds")
        #expect(trouble.calls["portfolio, consistent"] == 2)
    }

    @Test func theStatusOfAnOrderOutlivesOneFailureOfEachCall() async throws {
        let (trouble, waits) = (Trouble(failures: 1), CountedWaits())
        let (desk, _) = try await Self.desk(trouble, waits)
        let id = try await desk.place(Array(marketBuy.utf8), Self.key("k1"))
        #expect(try await desk.status(of: id, for: ada)?.status == .pending)
        #expect(trouble.calls["order"] == 2 && trouble.calls["execution"] == 2)
    }

    @Test func aStoreThatStaysAwayIsAskedFourTimes() async throws {
        let (trouble, waits) = (Trouble(), CountedWaits())
        let (desk, _) = try await Self.desk(trouble, waits)
        await #expect(throws: StoreError.unavailable("order, call 4")) {
            try await desk.status(of: OrderID(user: ada, idempotencyKey: "k1"), for: ada)
        }
        #expect(trouble.calls == ["order": 4])
        #expect(zip(waits.all, [20, 40, 80]).allSatisfy { $0 <= $1 } && waits.all.count == 3, "\(waits.all)")
    }

    @Test func noAttemptBeginsWhenTheTimeOfTheRequestIsOver() async throws {
        let waits = CountedWaits()
        // Each call takes a second of the three.
        let time = waits.time
        let trouble = Trouble(failures: 3) { time.advance(1_000) }
        let (desk, _) = try await Self.desk(trouble, waits)
        await #expect(throws: StoreError.unavailable("order, call 3")) {
            try await desk.status(of: OrderID(user: ada, idempotencyKey: "k1"), for: ada)
        }
        #expect(trouble.calls == ["order": 3] && waits.all.count == 2)
    }

    @Test func theTimeIsOneForAllCallsOfARequest() async throws {
        let waits = CountedWaits()
        let time = waits.time
        let trouble = Trouble(failures: 1) { time.advance(1_000) }
        let (desk, publisher) = try await Self.desk(trouble, waits)
        // The request's look-up takes two seconds and its second attempt; the price's first failure comes after the third.
        await #expect(throws: StoreError.unavailable("latest, call 1")) {
            try await desk.place(Array(marketBuy.utf8), Self.key("k1"))
        }
        #expect(trouble.calls == ["request": 2, "latest": 1] && publisher.orders.isEmpty)
    }

    @Test func theBreakerStandsInFrontOfEveryAttempt() async throws {
        let (trouble, waits) = (Trouble(), CountedWaits())
        // Its own time stands still: once open, it stays so.
        let breaker = CircuitBreaker(name: "portfolios", nowMillis: { 0 })
        let guarded = GuardedPortfolioStore(
            FailingPortfolios(inner: MemoryPortfolioStore(), trouble: trouble), name: "portfolios", breaker: breaker)
        let desk = OrderDesk(
            ledger: MemoryOrderLedger(), publisher: ScriptedPublisher(), portfolios: guarded, prices: MemoryPriceStore(),
            policy: OrderDesk.Policy(symbols: [apple]), retries: waits.retries, nowMillis: waits.time.read)
        for _ in 0..<3 {
            await #expect(throws: StoreError.self) {
                try await desk.status(of: OrderID(user: ada, idempotencyKey: "k1"), for: ada)
            }
        }
        // Five outages in a row open it; what comes then never reaches the store.
        #expect(trouble.calls == ["execution": 5] && breaker.isOpen)
    }

    /// A service on a port, and what its gateway would send.
    private static func serve(
        _ router: ServiceRouter, _ credential: InternalCredential, requestMillisMax: Int64? = nil,
        _ body: @escaping @Sendable (_ get: @Sendable (String) async throws -> Answer) async throws -> Void
    ) async throws {
        var options = HTTPHost.Options(name: "retries")
        options.accessLevel = .debug
        options.stopMillisMax = 1_000
        if let requestMillisMax { options.limits.requestMillisMax = requestMillisMax }
        let host = HTTPHost(options, router)
        let headers = [("x-weir-user", "ada"), ("x-weir-internal", credential.text)]
        try await withRunning([host]) {
            let url = try await host.url()
            try await body { path in try await call(.GET, url + path, headers) }
        }
    }

    private static func accounts(
        _ trouble: Trouble, _ credential: InternalCredential, _ retries: RequestRetries
    ) async throws -> ServiceRouter {
        let (portfolios, prices) = (MemoryPortfolioStore(), MemoryPriceStore())
        _ = try await prices.update([PriceTick(symbol: apple, price: try Price("200.00"), seq: 1, timestampMillis: 1)])
        _ = try await portfolios.openAccount(ada, cash: try Money("1000.00"))
        let order = try OrderDraft.decode(Array(marketBuy.replacing("10", with: "1").utf8))
            .placed(by: ada, key: IdempotencyKey("k")!, atMillis: 1)
        let portfolio = try #require(try await portfolios.portfolio(ada, consistent: true))
        let (after, trade) = try portfolio.apply(order, at: try Price("200.00"), executedAtMillis: 1).get()
        let record = ExecutionRecord(
            outcome: .trade(trade), source: SourcePosition(topic: "trade_orders", partition: 0, offset: 0), expiresAtMillis: .max)
        _ = try await portfolios.commit(ExecutionCommit(expectedVersion: 1, newPortfolio: after, record: record))
        let service = PortfolioService(
            portfolios: FailingPortfolios(inner: portfolios, trouble: trouble),
            prices: FailingPrices(inner: prices, trouble: trouble), startingCash: try Money("1000.00"), credential: credential,
            retries: retries)
        return service.router(Health([], metrics: { "" }))
    }

    @Test func aPortfolioOutlivesOneFailureOfEachCall() async throws {
        let (trouble, waits, credential) = (Trouble(failures: 1), CountedWaits(), InternalCredential.random())
        try await Self.serve(try await Self.accounts(trouble, credential, waits.retries), credential) { get in
            let shown = try await get("/v1/portfolio")
            #expect(shown.status == 200)
            #expect(try shown.json()["marketValue"] as? String == "200.00", "\(shown.text)")
            #expect(try await get("/v1/portfolio?consistent=true").status == 200)
        }
        #expect(trouble.calls == ["portfolio": 2, "portfolio, consistent": 2, "latest of many": 3])
    }

    @Test func queriesOutliveOneFailureOfEachCallAndSayWhenAStoreStaysAway() async throws {
        for failures in [1, Int.max] {
            let (trouble, waits, credential) = (Trouble(failures: failures), CountedWaits(), InternalCredential.random())
            let service = QueryService(
                history: FailingHistory(inner: ListedHistory([]), trouble: trouble),
                analytics: FailingAnalytics(inner: EchoAnalytics(), trouble: trouble), credential: credential,
                retries: waits.retries)
            try await Self.serve(service.router(Health([], metrics: { "" })), credential) { get in
                for path in ["/v1/trades", "/v1/analytics/volume?symbol=AAPL", "/v1/analytics/top"] {
                    let answer = try await get(path)
                    if failures == 1 {
                        #expect(answer.status == 200, "\(path) \(answer.text)")
                    } else {
                        #expect(try answer.problem() == "unavailable", "\(path)")
                    }
                }
            }
            let attempts = failures == 1 ? 2 : 4
            #expect(trouble.calls == ["search": attempts, "volume": attempts, "top": attempts])
        }
    }

    @Test func theLimitOfTheRequestEndsAWait() async throws {
        let (trouble, credential) = (Trouble(), InternalCredential.random())
        var retries = RequestRetries()
        retries.millisMax = .max / 2
        // A wait that only its request can end.
        retries.sleep = { _ in try await Task.sleep(for: .seconds(86_400)) }
        try await Self.serve(
            try await Self.accounts(trouble, credential, retries), credential, requestMillisMax: 50
        ) { get in
            let answer = try await get("/v1/portfolio")
            #expect(try answer.problem() == "timed-out")
        }
        #expect(trouble.calls == ["portfolio": 1])
    }
}
