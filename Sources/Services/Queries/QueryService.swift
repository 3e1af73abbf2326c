import HTTPTypes
import Hummingbird
import StoreKit
import Trading
import TradingStores

/// `GET /v1/trades`, `/v1/analytics/volume` and `/v1/analytics/top`, behind the gateway.
package struct QueryService: Sendable {
    static let topMax = 50

    private let history: any TradeHistoryStore
    private let analytics: any TradeAnalyticsStore
    private let credential: InternalCredential
    private let retries: RequestRetries
    private let nowMillis: @Sendable () -> Int64

    package init(
        history: any TradeHistoryStore, analytics: any TradeAnalyticsStore, credential: InternalCredential,
        retries: RequestRetries = RequestRetries(), nowMillis: @escaping @Sendable () -> Int64 = { WallClock.nowMillis() }
    ) {
        self.history = history
        self.analytics = analytics
        self.credential = credential
        self.retries = retries
        self.nowMillis = nowMillis
    }

    package func router(_ health: Health) -> ServiceRouter {
        let router = ServiceRouter()
        router.on(APIRoutes.trades) { request, context in
            var context = context
            let query = try TradeSearch.query(request, try credential.user(of: request, &context))
            context.note("symbol", query.symbol?.text)
            let page = try await retries.begin().run { () async throws(StoreError) in try await history.search(query) }
            return try JSONAnswer(TradePageView(page, of: query))
        }
        router.on(APIRoutes.volume) { request, context in
            var context = context
            _ = try credential.user(of: request, &context)
            let query = try VolumeSearch.query(request, nowMillis: nowMillis())
            context.note("symbol", query.symbol.text)
            let bars = try await retries.begin().run { () async throws(StoreError) in try await analytics.volume(query) }
            return try JSONAnswer(VolumeView(bars, of: query))
        }
        router.on(APIRoutes.top) { request, context in
            var context = context
            _ = try credential.user(of: request, &context)
            let parameters = try QueryParameters(request, ["by", "limit"])
            let ranking = try parameters.value("by", "volume or notional") { TopRanking(rawValue: $0) } ?? .notional
            let limit =
                try parameters.value("limit", "a number from 1 to \(Self.topMax)") {
                    Int($0).flatMap { (1...Self.topMax).contains($0) ? $0 : nil }
                } ?? 10
            let totals = try await retries.begin().run { () async throws(StoreError) in
                try await analytics.top(ranking, limit: limit)
            }
            return try JSONAnswer(TopView(totals, by: ranking))
        }
        health.add(to: router)
        return router
    }

    /// What the service needs, for `/readyz`.
    package var dependencies: [Dependency] {
        let (history, analytics) = (history, analytics)
        return [
            Dependency("history") {
                guard let nobody = UserID("-") else { return }
                _ = try await history.search(TradeQuery(user: nobody, limit: 1))
            },
            Dependency("analytics") { _ = try await analytics.top(.volume, limit: 1) },
        ]
    }
}
