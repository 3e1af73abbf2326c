import Jobs
import Services
import StoreKit
import Synchronization
import Testing
import Trading
import TradingStores

/// A desk over scripted parts, in a world with one account and one price.
struct DeskBench {
    let ledger = ScriptedLedger()
    let publisher = ScriptedPublisher()
    let portfolios = MemoryPortfolioStore()
    let prices = MemoryPriceStore()
    let time = ManualTime()
    let desk: OrderDesk

    init(symbols: Set<Symbol> = [apple], cash: String = "100000.00", price: String? = "189.25") async throws {
        desk = OrderDesk(
            ledger: ledger, publisher: publisher, portfolios: portfolios, prices: prices,
            policy: OrderDesk.Policy(symbols: symbols), nowMillis: time.read)
        _ = try await portfolios.openAccount(ada, cash: try Money(cash))
        if let price {
            _ = try await prices.update([PriceTick(symbol: apple, price: try Price(price), seq: 1, timestampMillis: time.now)])
        }
    }

    func key(_ text: String) -> RequestKey { RequestKey(ada, IdempotencyKey(text)!) }

    func place(_ key: String, _ body: String = marketBuy) async throws -> OrderID {
        try await desk.place(Array(body.utf8), self.key(key))
    }

    func refusal(_ key: String, _ body: String) async -> String? {
        do {
            _ = try await place(key, body)
            return nil
        } catch {
            return (error as? Problem)?.slug ?? "\(error)"
        }
    }
}

/// Failure case 1: whatever dies between a request and its answer, the repeated request is the same order.
@Suite struct OrderDeskTests {
    @Test func theOrderIsToldOnceItCanBeReadAlsoWhenItIsRefused() async throws {
        let bench = try await DeskBench(cash: "1.00")
        let told = Mutex<[String]>([])
        let tell: @Sendable (Order) -> Void = { order in told.withLock { $0.append("\(order.symbol) \(order.orderID)") } }
        let (body, key) = (Array(marketBuy.utf8), bench.key("k1"))
        await #expect(throws: Problem.self) { try await bench.desk.place(body, key, known: tell) }
        #expect(told.withLock { $0 } == ["\(apple) \(key.orderID)"])
        await #expect(throws: Problem.self) { try await bench.desk.place(Array("{".utf8), key, known: tell) }
        #expect(told.withLock { $0.count } == 1)
    }

    @Test func anOrderIsRecordedPublishedAndMarked() async throws {
        let bench = try await DeskBench()
        let id = try await bench.place("k1")
        #expect(id == OrderID(user: ada, idempotencyKey: "k1"))
        let order = try #require(bench.publisher.orders.first)
        #expect(bench.publisher.orders.count == 1)
        #expect(order.orderID == id && order.userID == ada && order.quantity == 10 && order.placedAtMillis == bench.time.now)
        let request = try #require(try await bench.ledger.request(bench.key("k1"), nowMillis: bench.time.now))
        #expect(request.state == .published)
        #expect(try await bench.ledger.order(id, nowMillis: bench.time.now) == order)
    }

    /// One span of time for what was ordered and what became of it.
    @Test func ordersAreRememberedAsLongAsTheirOutcomes() {
        #expect(OrderDesk.Policy(symbols: []).orderMillis == ExecutionPolicy(symbols: []).ledgerMillis)
    }

    @Test func aRepeatedRequestPublishesNothingAndValidatesNothing() async throws {
        let bench = try await DeskBench()
        let id = try await bench.place("k1")
        // By now the world would refuse it: it was accepted, so it is answered as before.
        await bench.prices.close()
        let other = OrderDesk(
            ledger: bench.ledger, publisher: bench.publisher, portfolios: MemoryPortfolioStore(), prices: MemoryPriceStore(),
            policy: OrderDesk.Policy(symbols: []), nowMillis: bench.time.read)
        #expect(try await other.place(Array(marketBuy.utf8), bench.key("k1")) == id)
        #expect(bench.publisher.orders.count == 1)
    }

    @Test func anotherBodyUnderTheSameKeyIsRefused() async throws {
        let bench = try await DeskBench()
        _ = try await bench.place("k1")
        let other = marketBuy.replacing("10", with: "11")
        #expect(await bench.refusal("k1", other) == "idempotency-key-mismatch")
        // Even one that is no order at all: the key is looked at first.
        #expect(await bench.refusal("k1", "{") == "idempotency-key-mismatch")
        #expect(bench.publisher.orders.count == 1)
    }

    /// Every place where the service can die, and what the client's repetition then does.
    @Test(arguments: [
        Death(.request, recorded: false, onTopic: 0, afterRetry: 1), Death(.accept, recorded: false, onTopic: 0, afterRetry: 1),
        Death(.accept, afterwards: true, recorded: true, onTopic: 0, afterRetry: 1),
        Death(publisher: .beforePublishing, recorded: true, onTopic: 0, afterRetry: 1),
        Death(publisher: .afterPublishing, recorded: true, onTopic: 1, afterRetry: 2),
    ])
    func whereverItDiesTheRetryIsTheSameOrder(_ death: Death) async throws {
        let bench = try await DeskBench()
        if let step = death.step { bench.ledger.die(step, afterwards: death.afterwards) }
        if let kind = death.publisher { bench.publisher.die(kind) }
        await #expect(throws: (any Error).self) { try await bench.place("k1") }
        let recorded = try await bench.ledger.request(bench.key("k1"), nowMillis: bench.time.now)
        #expect((recorded != nil) == death.recorded)
        #expect(recorded == nil || recorded?.state == .pending)
        #expect(bench.publisher.orders.count == death.onTopic)

        bench.time.advance(5_000)
        let id = try await bench.place("k1")
        #expect(id == OrderID(user: ada, idempotencyKey: "k1"))
        #expect(bench.publisher.orders.count == death.afterRetry)
        // Byte for byte the order that was stored, not one made anew.
        #expect(Set(bench.publisher.orders).count == 1)
        #expect(try await bench.ledger.request(bench.key("k1"), nowMillis: bench.time.now)?.state == .published)
    }

    struct Death: Sendable, CustomTestStringConvertible {
        var step: ScriptedLedger.Step?
        var afterwards = false
        var publisher: ScriptedPublisher.Death?
        let recorded: Bool
        let onTopic: Int
        let afterRetry: Int

        init(_ step: ScriptedLedger.Step, afterwards: Bool = false, recorded: Bool, onTopic: Int, afterRetry: Int) {
            (self.step, self.afterwards) = (step, afterwards)
            (self.recorded, self.onTopic, self.afterRetry) = (recorded, onTopic, afterRetry)
        }

        init(publisher: ScriptedPublisher.Death, recorded: Bool, onTopic: Int, afterRetry: Int) {
            self.publisher = publisher
            (self.recorded, self.onTopic, self.afterRetry) = (recorded, onTopic, afterRetry)
        }

        var testDescription: String {
            publisher.map { "\($0)" } ?? "\(afterwards ? "after" : "in") \(step.map { "\($0)" } ?? "")"
        }
    }

    @Test(arguments: [false, true])
    func dyingWhileMarkingDoesNotTakeTheAnswerBack(_ afterwards: Bool) async throws {
        let bench = try await DeskBench()
        bench.ledger.die(.markPublished, afterwards: afterwards)
        let id = try await bench.place("k1")
        #expect(try await bench.place("k1") == id)
        #expect(bench.publisher.orders.count == (afterwards ? 1 : 2))
        #expect(Set(bench.publisher.orders).count == 1)
    }

    @Test func manyAtOnceWithOneKeyAreOneOrder() async throws {
        let bench = try await DeskBench()
        let ids = try await withThrowingTaskGroup(of: OrderID.self) { group in
            for _ in 0..<50 { group.addTask { try await bench.place("k1") } }
            return try await group.reduce(into: Set<OrderID>()) { $0.insert($1) }
        }
        #expect(ids.count == 1)
        #expect(Set(bench.publisher.orders).count == 1)
        let before = bench.publisher.orders.count
        _ = try await bench.place("k1")
        #expect(bench.publisher.orders.count == before)
    }

    @Test func differentUsersMayUseTheSameKey() async throws {
        let bench = try await DeskBench()
        _ = try await bench.portfolios.openAccount(bob, cash: try Money("100000.00"))
        let mine = try await bench.place("k1")
        let theirs = try await bench.desk.place(Array(marketBuy.utf8), RequestKey(bob, IdempotencyKey("k1")!))
        #expect(mine != theirs)
        #expect(bench.publisher.orders.map(\.userID) == [ada, bob])
    }

    @Test func aKeyThatIsForgottenNamesNoSecondOrder() async throws {
        let bench = try await DeskBench()
        _ = try await bench.place("k1")
        bench.time.advance(86_400_001)
        #expect(await bench.refusal("k1", marketBuy) == "idempotency-key-used")
        bench.time.advance(30 * 86_400_000)
        _ = try await bench.place("k1")
        #expect(bench.publisher.orders.count == 2)
    }

    @Test(arguments: [
        ("{", "malformed-request"), ("[]", "malformed-request"), ("", "malformed-request"), ("null", "malformed-request"),
        (marketBuy + "{}", "malformed-request"),
        (#"{"symbol":"AAPL","side":"BUY","type":"MARKET"}"#, "malformed-request"),
        (#"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":"10"}"#, "malformed-request"),
        (#"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":1.5}"#, "malformed-request"),
        (#"{"symbol":"AAPL","side":"HOLD","type":"MARKET","quantity":1}"#, "malformed-request"),
        (#"{"symbol":"aapl","side":"BUY","type":"MARKET","quantity":1}"#, "malformed-request"),
        (#"{"symbol":"AAPL","side":"BUY","type":"LIMIT","quantity":1,"limitprice":"1.00"}"#, "malformed-request"),
        (#"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":1,"quantity":2}"#, "malformed-request"),
        (#"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":0}"#, "invalid-order"),
        (#"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":-1}"#, "invalid-order"),
        (#"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":1000000001}"#, "invalid-order"),
        (#"{"symbol":"AAPL","side":"BUY","type":"LIMIT","quantity":1}"#, "invalid-order"),
        (#"{"symbol":"AAPL","side":"BUY","type":"LIMIT","quantity":1,"limitPrice":"0"}"#, "invalid-order"),
        (#"{"symbol":"AAPL","side":"BUY","type":"LIMIT","quantity":1,"limitPrice":"1.00001"}"#, "invalid-order"),
        (#"{"symbol":"AAPL","side":"BUY","type":"LIMIT","quantity":1000000000,"limitPrice":"99999999.00"}"#, "invalid-order"),
        (#"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":1,"limitPrice":"1.00"}"#, "invalid-order"),
        (#"{"symbol":"NOPE","side":"BUY","type":"MARKET","quantity":1}"#, "unknown-symbol"),
        (#"{"symbol":"MSFT","side":"BUY","type":"MARKET","quantity":1}"#, "no-price"),
        (#"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":1000}"#, "insufficient-funds"),
        (#"{"symbol":"AAPL","side":"SELL","type":"MARKET","quantity":1}"#, "insufficient-holdings"),
    ])
    func whatMakesNoSenseIsRefusedWithItsReason(_ body: String, _ slug: String) async throws {
        let bench = try await DeskBench(symbols: [apple, Symbol("MSFT")!])
        #expect(await bench.refusal("k1", body) == slug)
        #expect(bench.publisher.orders.isEmpty)
        #expect(try await bench.ledger.request(bench.key("k1"), nowMillis: bench.time.now) == nil)
        // A refused request leaves its key free.
        _ = try await bench.place("k1")
    }

    /// Not only that a field is wrong, but what it should be.
    @Test(arguments: [
        ("[]", "Send one JSON object in UTF-8."),
        (#"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":1.5}"#, "It is a whole number of shares, without quotes."),
        (#"{"symbol":"aapl","side":"BUY","type":"MARKET","quantity":1}"#, "It is 1 to 12 of A-Z, 0-9 and '.', in quotes."),
        (#"{"symbol":"AAPL","side":"buy","type":"MARKET","quantity":1}"#, #"It is "BUY" or "SELL"."#),
        (#"{"symbol":"AAPL","side":"BUY","type":"STOP","quantity":1}"#, #"It is "MARKET" or "LIMIT"."#),
        (
            #"{"symbol":"AAPL","side":"BUY","type":"LIMIT","quantity":1,"limitPrice":190.5}"#,
            #"It is a decimal number in quotes, such as "189.25"."#
        ),
        (
            #"{"userId":"bob","symbol":"AAPL","side":"BUY","type":"MARKET","quantity":1}"#,
            "Known are symbol, side, type, quantity and limitPrice."
        ),
    ])
    func whatCannotBeReadIsToldWithWhatItShouldBe(_ body: String, _ rule: String) async throws {
        let bench = try await DeskBench()
        let problem = await #expect(throws: Problem.self) { try await bench.place("k1", body) }
        #expect(problem?.detail.hasSuffix(rule) == true, "\(problem?.detail ?? "")")
    }

    @Test func aUserWithoutAnAccountIsRefused() async throws {
        let bench = try await DeskBench()
        await #expect(throws: Problem.self) {
            try await bench.desk.place(Array(marketBuy.utf8), RequestKey(bob, IdempotencyKey("k")!))
        }
        #expect(bench.publisher.orders.isEmpty)
    }

    @Test func aLimitToBuyIsCheckedAtTheLimit() async throws {
        // At the latest price it could not be paid; at its limit it can, and no more is ever paid.
        let bench = try await DeskBench(cash: "100.00")
        let body = #"{"symbol":"AAPL","side":"BUY","type":"LIMIT","quantity":1,"limitPrice":"99.00"}"#
        _ = try await bench.place("k1", body)
        #expect(bench.publisher.orders.first?.kind == .limit(try Price("99.00")))
    }

    @Test func theStatusFollowsTheLedgerOfOutcomes() async throws {
        let bench = try await DeskBench()
        let id = try await bench.place("k1")
        #expect(try await bench.desk.status(of: id, for: ada)?.status == .pending)
        #expect(try await bench.desk.status(of: id, for: bob) == nil)
        #expect(try await bench.desk.status(of: OrderID(user: bob, idempotencyKey: "x"), for: ada) == nil)

        let portfolio = try #require(try await bench.portfolios.portfolio(ada, consistent: true))
        let (after, trade) = try portfolio.apply(
            try #require(bench.publisher.orders.first), at: try Price("189.25"), executedAtMillis: bench.time.now
        ).get()
        _ = try await bench.portfolios.commit(
            ExecutionCommit(
                expectedVersion: 1, newPortfolio: after,
                record: ExecutionRecord(
                    outcome: .trade(trade), source: SourcePosition(topic: "trade_orders", partition: 0, offset: 0),
                    expiresAtMillis: .max)))
        #expect(try await bench.desk.status(of: id, for: ada)?.status == .filled)
        #expect(try await bench.desk.status(of: id, for: bob) == nil)
    }
}
