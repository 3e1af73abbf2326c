import Logging
import StoreKit
import TraceContext
import Trading
import TradingStores

/// Accepts orders: each request once, whatever dies on the way.
///
/// 1. A request is recorded together with its order, as PENDING, before anything is published.
/// 2. A key that is known is never validated again: its *stored* order is published if it still is PENDING.
/// 3. An order is answered as accepted only when it is durably on the topic.
///
/// So a repeated request always ends at the same order, at worst twice on the topic, which the execution job
/// recognises. Any task, concurrently.
package struct OrderDesk: Sendable {
    /// What is accepted, and how long it is remembered.
    package struct Policy: Sendable {
        /// Symbols that are traded.
        package var symbols: Set<Symbol>
        /// How long a repeated request is recognised.
        package var requestMillis: Int64 = 86_400_000
        /// How long an order can be asked about. At least as long as the execution ledger remembers its outcome.
        package var orderMillis = ExecutionRecord.rememberedMillis

        package init(symbols: Set<Symbol>) { self.symbols = symbols }
    }

    let ledger: any OrderLedger
    let publisher: any OrderPublisher
    let portfolios: any PortfolioStore
    let prices: any PriceStore
    let policy: Policy
    let nowMillis: @Sendable () -> Int64
    private let retries: RequestRetries
    private let log = Logger(label: "weir.orders")

    package init(
        ledger: any OrderLedger, publisher: any OrderPublisher, portfolios: any PortfolioStore, prices: any PriceStore,
        policy: Policy, retries: RequestRetries = RequestRetries(),
        nowMillis: @escaping @Sendable () -> Int64 = { WallClock.nowMillis() }
    ) {
        self.ledger = ledger
        self.publisher = publisher
        self.portfolios = portfolios
        self.prices = prices
        self.policy = policy
        self.retries = retries
        self.nowMillis = nowMillis
    }

    /// Accepts the order in `body`, or recognises the request. Throws `Problem` for a refusal, `StoreError` when it must
    /// be repeated. `known` is told the order once it can be read, whether it then is accepted or refused; of a request that
    /// was published before nothing more is read.
    package func place(
        _ body: [UInt8], _ key: RequestKey, trace: TraceHeaders = TraceHeaders(), known tell: @Sendable (Order) -> Void = { _ in }
    ) async throws -> OrderID {
        let hash = RequestHash(of: body)
        let now = nowMillis()
        let calls = retries.begin()
        if let known = try await calls.run({ () async throws(StoreError) in try await ledger.request(key, nowMillis: now) }) {
            return try await goOn(known, key, hash, trace, calls, tell)
        }
        let order = try await OrderValidation(
            portfolios: portfolios, prices: prices, symbols: policy.symbols, calls: calls
        ).order(in: body, key, placedAtMillis: now, known: tell)
        let accepted = AcceptedOrder(
            key: key, order: order, hash: hash, requestExpiresAtMillis: now + policy.requestMillis,
            orderExpiresAtMillis: now + policy.orderMillis)
        switch try await calls.run({ () async throws(StoreError) in try await ledger.accept(accepted, nowMillis: now) }) {
        case .accepted:
            try await publish(order, key, trace)
            return order.orderID
        case .known(let known):
            return try await goOn(known, key, hash, trace, calls, tell)
        case .keyUsed:
            throw Problem.keyUsed
        }
    }

    /// A request that is recorded already.
    private func goOn(
        _ known: OrderRequest, _ key: RequestKey, _ hash: RequestHash, _ trace: TraceHeaders, _ calls: RequestRetries.Calls,
        _ tell: @Sendable (Order) -> Void
    ) async throws -> OrderID {
        guard known.hash == hash else { throw Problem.otherBody }
        guard known.state == .pending else { return known.orderID }
        let now = nowMillis()
        let stored = try await calls.run { () async throws(StoreError) in
            try await ledger.order(known.orderID, nowMillis: now)
        }
        guard let order = stored else {
            throw StoreError.invalid("the request \(known.orderID) is recorded without its order")
        }
        tell(order)
        try await publish(order, key, trace)
        return known.orderID
    }

    private func publish(_ order: Order, _ key: RequestKey, _ trace: TraceHeaders) async throws {
        do {
            try await publisher.publish(order, trace: trace)
        } catch {
            log.warning(
                "an order is recorded but not known to be published; its request will be repeated",
                metadata: [
                    "orderId": "\(order.orderID)", "userId": "\(order.userID)", "symbol": "\(order.symbol)", "error": "\(error)",
                ])
            throw Problem.unavailable("orders topic")
        }
        do {
            try await ledger.markPublished(key)
        } catch {
            // It is on the topic: the client's answer does not depend on this. A repetition would publish it again.
            log.warning(
                "an order is published but not marked so",
                metadata: [
                    "orderId": "\(order.orderID)", "userId": "\(order.userID)", "symbol": "\(order.symbol)", "error": "\(error)",
                ])
        }
    }

    /// What became of the order, as its owner may see it; nil for an unknown or another user's order.
    package func status(of id: OrderID, for user: UserID) async throws -> OrderView? {
        let now = nowMillis()
        let calls = retries.begin()
        let order = try await calls.run { () async throws(StoreError) in try await ledger.order(id, nowMillis: now) }
        if let order, order.userID != user { return nil }
        // Orders that came another way have an outcome all the same.
        let outcome = try await calls.run { () async throws(StoreError) in
            try await portfolios.execution(of: id, nowMillis: now)
        }?.outcome
        if let outcome, outcome.userID != user { return nil }
        return OrderView(order: order, outcome: outcome)
    }
}

extension Problem {
    static let otherBody = Problem(
        "idempotency-key-mismatch", "The key belongs to another request", .unprocessableContent,
        "This Idempotency-Key came with another body before. Use a new key for another order.")

    static let keyUsed = Problem(
        "idempotency-key-used", "The key has been used before", .unprocessableContent,
        "An earlier order came with this Idempotency-Key, too long ago to be the same request. Use a new key.")
}
