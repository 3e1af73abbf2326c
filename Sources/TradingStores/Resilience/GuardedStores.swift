import Trading

/// A `PortfolioStore` whose calls are measured and go through a circuit breaker. Adds no retries: who calls
/// knows whether to wait, and a job's waiting must be visible.
public struct GuardedPortfolioStore: PortfolioStore {
    private let store: any PortfolioStore
    private let metrics: StoreMetrics
    /// The breaker all calls go through.
    public let breaker: CircuitBreaker

    /// Guards `store`, which metrics and messages call `name`.
    public init(_ store: any PortfolioStore, name: String, breaker: CircuitBreaker? = nil) {
        self.store = store
        self.breaker = breaker ?? CircuitBreaker(name: name)
        metrics = StoreMetrics(store: name)
    }

    public func portfolio(_ user: UserID, consistent: Bool) async throws(StoreError) -> Portfolio? {
        try await run("portfolio") { () async throws(StoreError) in
            try await store.portfolio(user, consistent: consistent)
        }
    }

    public func openAccount(_ user: UserID, cash: Money, nowMillis: Int64) async throws(StoreError) -> Bool {
        try await run("open_account") { () async throws(StoreError) in
            try await store.openAccount(user, cash: cash, nowMillis: nowMillis)
        }
    }

    public func execution(of order: OrderID, nowMillis: Int64) async throws(StoreError) -> ExecutionRecord? {
        try await run("execution") { () async throws(StoreError) in
            try await store.execution(of: order, nowMillis: nowMillis)
        }
    }

    public func commit(_ commit: ExecutionCommit) async throws(StoreError) -> CommitResult {
        try await run("commit") { () async throws(StoreError) in try await store.commit(commit) }
    }

    public func record(_ rejection: IndependentRejection) async throws(StoreError) -> CommitResult {
        try await run("record") { () async throws(StoreError) in try await store.record(rejection) }
    }

    public func allPortfolios() async throws(StoreError) -> [UserID: Portfolio] {
        try await run("all_portfolios") { () async throws(StoreError) in try await store.allPortfolios() }
    }

    public func close() async {
        await store.close()
    }

    private func run<Value: Sendable>(
        _ operation: String, _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await breaker.run { () async throws(StoreError) in try await metrics.measure(operation, body) }
    }
}

/// A `PriceStore` whose calls are measured and go through a circuit breaker.
public struct GuardedPriceStore: PriceStore {
    private let store: any PriceStore
    private let metrics: StoreMetrics
    /// The breaker all calls go through.
    public let breaker: CircuitBreaker

    /// Guards `store`, which metrics and messages call `name`.
    public init(_ store: any PriceStore, name: String, breaker: CircuitBreaker? = nil) {
        self.store = store
        self.breaker = breaker ?? CircuitBreaker(name: name)
        metrics = StoreMetrics(store: name)
    }

    public func latest(_ symbol: Symbol) async throws(StoreError) -> PricedAt? {
        try await run("latest") { () async throws(StoreError) in try await store.latest(symbol) }
    }

    public func latest(_ symbols: [Symbol]) async throws(StoreError) -> [Symbol: PricedAt] {
        try await run("latest_many") { () async throws(StoreError) in try await store.latest(symbols) }
    }

    @discardableResult
    public func update(_ ticks: [PriceTick]) async throws(StoreError) -> Int {
        try await run("update") { () async throws(StoreError) in try await store.update(ticks) }
    }

    public func cached(_ symbol: Symbol) -> PricedAt? { store.cached(symbol) }

    public func close() async {
        await store.close()
    }

    private func run<Value: Sendable>(
        _ operation: String, _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        try await breaker.run { () async throws(StoreError) in try await metrics.measure(operation, body) }
    }
}
