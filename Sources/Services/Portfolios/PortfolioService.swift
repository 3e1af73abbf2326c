import HTTPTypes
import Hummingbird
import Logging
import StoreKit
import Trading
import TradingStores

/// `POST /v1/accounts` and `GET /v1/portfolio`, behind the gateway.
package struct PortfolioService: Sendable {
    private let portfolios: any PortfolioStore
    private let prices: any PriceStore
    private let startingCash: Money
    private let credential: InternalCredential
    private let retries: RequestRetries
    private let nowMillis: @Sendable () -> Int64

    /// - Parameter startingCash: what an account is opened with.
    package init(
        portfolios: any PortfolioStore, prices: any PriceStore, startingCash: Money, credential: InternalCredential,
        retries: RequestRetries = RequestRetries(), nowMillis: @escaping @Sendable () -> Int64 = { WallClock.nowMillis() }
    ) {
        self.portfolios = portfolios
        self.prices = prices
        self.startingCash = startingCash
        self.credential = credential
        self.retries = retries
        self.nowMillis = nowMillis
    }

    private struct Account: Encodable {
        let userId: String
        let cash: String
    }

    package func router(_ health: Health) -> ServiceRouter {
        let router = ServiceRouter()
        router.on(APIRoutes.openAccount) { request, context in
            var context = context
            let user = try credential.user(of: request, &context)
            _ = try QueryParameters(request, [])
            guard try await portfolios.openAccount(user, cash: startingCash, nowMillis: nowMillis()) else {
                throw Problem.accountExists
            }
            return try JSONAnswer(
                Account(userId: user.text, cash: startingCash.description), status: .created,
                headers: [.location: APIRoutes.portfolio.path])
        }
        router.on(APIRoutes.portfolio) { request, context in
            var context = context
            let user = try credential.user(of: request, &context)
            let query = try QueryParameters(request, ["consistent"])
            let consistent = try query.value("consistent", "true or false") { Bool($0) } ?? false
            let calls = retries.begin()
            let stored = try await calls.run { () async throws(StoreError) in
                try await portfolios.portfolio(user, consistent: consistent)
            }
            guard let portfolio = stored else { throw Problem.noAccount }
            return try JSONAnswer(PortfolioView(user, portfolio, prices: await latest(portfolio, calls, context)))
        }
        health.add(to: router)
        return router
    }

    /// Without prices a portfolio is still worth showing: cash and holdings are the user's, prices are a cache.
    private func latest(
        _ portfolio: Portfolio, _ calls: RequestRetries.Calls, _ context: APIContext
    ) async -> [Symbol: PricedAt] {
        guard !portfolio.holdings.isEmpty else { return [:] }
        do {
            return try await calls.run { () async throws(StoreError) in
                try await prices.latest(Array(portfolio.holdings.keys))
            }
        } catch {
            context.log.warning("a portfolio is shown without prices", metadata: ["error": "\(error)"])
            return [:]
        }
    }

    /// What the service needs, for `/readyz`.
    package var dependencies: [Dependency] {
        let (portfolios, prices) = (portfolios, prices)
        return [
            Dependency("portfolios") { _ = try await portfolios.execution(of: OrderID(UUIDValue(high: 0, low: 0))) },
            Dependency("prices") { if let any = Symbol("A") { _ = try await prices.latest(any) } },
        ]
    }
}

extension Problem {
    static let accountExists = Problem(
        "account-exists", "The account is open already", .conflict, "Each user has one account, and you have yours.")
    static let noAccount = Problem(
        "no-account", "There is no account", .notFound, "Open one with POST /v1/accounts.")
}
