import StoreKit
import StreamRuntime
import Trading
import TradingStores

/// How orders are executed.
public struct ExecutionPolicy: Sendable {
    /// Symbols that are traded. A listed symbol without a price waits, an unlisted one is refused.
    public var symbols: Set<Symbol>
    /// Older prices are `STALE_PRICE`.
    public var priceAgeMillisMax: Int64 = 60_000
    /// How long an order waits for the first price of a listed symbol.
    public var priceWaitMillis: Int64 = 5_000
    /// Attempts against a portfolio that keeps moving, before `CONFLICT`.
    public var conflictAttemptsMax = 8
    /// How long the ledger remembers an outcome.
    public var ledgerMillis = ExecutionRecord.rememberedMillis

    public init(symbols: Set<Symbol>) { self.symbols = symbols }
}

/// Executes one order: latest price, portfolio, decision, conditional commit.
///
/// Whatever happens on the way, the ledger decides: the first committed outcome of an order is the outcome, a
/// replay echoes it, another record with the same order is a duplicate. Any thread.
struct OrderExecutor: Sendable {
    let portfolios: any PortfolioStore
    let prices: any PriceStore
    let policy: ExecutionPolicy
    let clock: any RuntimeClock

    struct Request: Sendable {
        let incoming: IncomingOrder
        /// The portfolio as last committed by this job; `nil` when not known. Absence is never cached.
        let cached: Portfolio?
    }
    enum Response: Sendable {
        /// Committed now: the portfolio as it is from here on (`nil`: not known).
        case decided(Outcome, Portfolio?)
        /// This very record was decided before: its outcome, to be emitted again.
        case replayed(Outcome)
        /// Another record decided this order: nothing to emit.
        case duplicate
    }

    func execute(_ request: Request) async throws -> Response {
        let order = request.incoming.order
        guard policy.symbols.contains(order.symbol) || order.validate() != nil else {
            return try await record(OrderExecution.unknownSymbol(order, nowMillis: clock.wallMillis()), request)
        }
        let price = order.validate() == nil ? try await price(of: order.symbol) : nil
        var portfolio = request.cached
        var isFresh = false
        for attempt in 1...max(1, policy.conflictAttemptsMax) {
            if portfolio == nil, !isFresh {
                portfolio = try await fromPortfolios { () async throws(StoreError) in
                    try await portfolios.portfolio(order.userID, consistent: true)
                }
                isFresh = true
            }
            if let response = try await attemptOnce(request, price, portfolio) { return response }
            portfolio = nil
            isFresh = false
            try await Task.sleep(for: .milliseconds(Backoff(initialMillis: 2, maxMillis: 200).millis(attempt: attempt)))
        }
        return try await record(
            OrderExecution.conflict(order, attempts: policy.conflictAttemptsMax, nowMillis: clock.wallMillis()), request)
    }

    /// `nil`: the portfolio moved; read it again.
    private func attemptOnce(_ request: Request, _ price: PricedAt?, _ portfolio: Portfolio?) async throws -> Response? {
        let now = clock.wallMillis()
        let decision = OrderExecution.decide(
            order: request.incoming.order, price: price?.price, priceTimestampMillis: price?.timestampMillis ?? 0,
            nowMillis: now, maxPriceAgeMillis: policy.priceAgeMillisMax, portfolio: portfolio)
        switch decision {
        case .rejected(let rejection, dependsOnPortfolio: false):
            return try await record(rejection, request)
        case .rejected(let rejection, dependsOnPortfolio: true):
            return try await commit(.rejection(rejection), portfolio, nil, now, request)
        case .executed(let next, let trade):
            return try await commit(.trade(trade), portfolio, next, now, request)
        }
    }

    private func commit(
        _ outcome: Outcome, _ portfolio: Portfolio?, _ next: Portfolio?, _ now: Int64, _ request: Request
    ) async throws -> Response? {
        let commit = ExecutionCommit(
            expectedVersion: portfolio?.version, newPortfolio: next,
            record: ExecutionRecord(
                outcome: outcome, source: request.incoming.position, expiresAtMillis: now + policy.ledgerMillis))
        let result = try await fromPortfolios { () async throws(StoreError) in try await portfolios.commit(commit) }
        return response(to: result, outcome, next ?? portfolio, request)
    }

    private func record(_ rejection: Rejection, _ request: Request) async throws -> Response {
        let independent = IndependentRejection(
            rejection, source: request.incoming.position, expiresAtMillis: clock.wallMillis() + policy.ledgerMillis)
        let result = try await fromPortfolios { () async throws(StoreError) in try await portfolios.record(independent) }
        return response(to: result, .rejection(rejection), request.cached, request) ?? .duplicate
    }

    private func response(
        to result: CommitResult, _ outcome: Outcome, _ portfolio: Portfolio?, _ request: Request
    ) -> Response? {
        switch result {
        case .committed: .decided(outcome, portfolio)
        case .executionExists(let known):
            known.source == request.incoming.position ? .replayed(known.outcome) : .duplicate
        case .versionMoved: nil
        }
    }

    /// The latest price; a listed symbol that has none yet is waited for, bounded.
    private func price(of symbol: Symbol) async throws -> PricedAt? {
        let deadline = clock.monotonicNanos() + policy.priceWaitMillis * 1_000_000
        var pauseMillis = 5
        while true {
            if let cached = prices.cached(symbol) { return cached }
            let latest = try await NamedStoreError.naming("the price store") { () async throws(StoreError) in
                try await prices.latest(symbol)
            }
            if let latest { return latest }
            guard clock.monotonicNanos() < deadline else { return nil }
            try await Task.sleep(for: .milliseconds(pauseMillis))
            pauseMillis = min(pauseMillis * 2, 250)
        }
    }

    private func fromPortfolios<Value: Sendable>(
        _ body: () async throws(StoreError) -> Value
    ) async throws(NamedStoreError) -> Value {
        try await NamedStoreError.naming("the portfolio store", body)
    }
}
