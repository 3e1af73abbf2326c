import StoreKit
import Trading

/// A `PortfolioStore` whose calls are measured and go through a circuit breaker. Adds no retries: who calls
/// knows whether to wait, and a job's waiting must be visible.
public struct GuardedPortfolioStore: PortfolioStore {
    private let store: any PortfolioStore
    private let guarding: StoreGuard
    /// The breaker all calls go through.
    public var breaker: CircuitBreaker { guarding.breaker }

    /// Guards `store`, which metrics and messages call `name`.
    public init(_ store: any PortfolioStore, name: String, breaker: CircuitBreaker? = nil) {
        self.store = store
        guarding = StoreGuard(name, breaker: breaker, of: store)
    }

    public func portfolio(_ user: UserID, consistent: Bool) async throws(StoreError) -> Portfolio? {
        try await guarding.run("portfolio") { () async throws(StoreError) in
            try await store.portfolio(user, consistent: consistent)
        }
    }

    public func openAccount(_ user: UserID, cash: Money, nowMillis: Int64) async throws(StoreError) -> Bool {
        try await guarding.run("open_account") { () async throws(StoreError) in
            try await store.openAccount(user, cash: cash, nowMillis: nowMillis)
        }
    }

    public func execution(of order: OrderID, nowMillis: Int64) async throws(StoreError) -> ExecutionRecord? {
        try await guarding.run("execution") { () async throws(StoreError) in
            try await store.execution(of: order, nowMillis: nowMillis)
        }
    }

    public func commit(_ commit: ExecutionCommit) async throws(StoreError) -> CommitResult {
        try await guarding.run("commit") { () async throws(StoreError) in try await store.commit(commit) }
    }

    public func record(_ rejection: IndependentRejection) async throws(StoreError) -> CommitResult {
        try await guarding.run("record") { () async throws(StoreError) in try await store.record(rejection) }
    }

    public func allPortfolios() async throws(StoreError) -> [UserID: Portfolio] {
        try await guarding.run("all_portfolios") { () async throws(StoreError) in try await store.allPortfolios() }
    }

    public func close() async {
        await store.close()
    }
}

/// A `PriceStore` whose calls are measured and go through a circuit breaker.
public struct GuardedPriceStore: PriceStore {
    private let store: any PriceStore
    private let guarding: StoreGuard
    /// The breaker all calls go through.
    public var breaker: CircuitBreaker { guarding.breaker }

    /// Guards `store`, which metrics and messages call `name`.
    public init(_ store: any PriceStore, name: String, breaker: CircuitBreaker? = nil) {
        self.store = store
        guarding = StoreGuard(name, breaker: breaker, of: store)
    }

    public func latest(_ symbol: Symbol) async throws(StoreError) -> PricedAt? {
        try await guarding.run("latest") { () async throws(StoreError) in try await store.latest(symbol) }
    }

    public func latest(_ symbols: [Symbol]) async throws(StoreError) -> [Symbol: PricedAt] {
        try await guarding.run("latest_many") { () async throws(StoreError) in try await store.latest(symbols) }
    }

    @discardableResult
    public func update(_ ticks: [PriceTick]) async throws(StoreError) -> Int {
        try await guarding.run("update") { () async throws(StoreError) in try await store.update(ticks) }
    }

    public func cached(_ symbol: Symbol) -> PricedAt? { store.cached(symbol) }

    public func close() async {
        await store.close()
    }
}
