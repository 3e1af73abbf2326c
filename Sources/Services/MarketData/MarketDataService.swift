import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import ServiceLifecycle
import StoreKit
import Synchronization
import Trading
import TradingStores

/// The Market Data Service: hears price changes from the price store, tells them to WebSocket clients, answers
/// `GET /v1/prices`, and writes prices back that the store has lost.
///
/// Any number of instances may run beside each other; what they share is the price store alone. `run` is called
/// once, everything else from any thread.
package struct MarketDataService: Service {
    /// What a deployment chooses.
    package struct Options: Sendable {
        /// Pages of other origins that may open WebSockets; see `OriginPolicy`.
        package var origins: [String] = []
        package var connectionsMax = MarketDataLimits().connectionsMax
        package var symbolsPerConnectionMax = MarketDataLimits().symbolsMax
        /// The least time between two sendings to one client.
        package var paceMillis = MarketDataLimits().paceMillis
        /// How often the store is compared with what is known here.
        package var reconcileMillis: Int64 = 2_000

        package init() {}
    }

    private let board: PriceBoard
    private let fanOut: PriceFanOut
    private let feed: PriceFeed
    private let acceptor: PriceSocketAcceptor
    private let credential: InternalCredential?

    /// - Parameters:
    ///   - symbols: the listed ones; no others are told of.
    ///   - updates: the changes of `prices`.
    ///   - credential: what the gateway shows; nil: everybody is served.
    package init(
        symbols: [Symbol], prices: any PriceStore, updates: any PriceUpdates, credential: InternalCredential?,
        options: Options = Options()
    ) {
        var limits = MarketDataLimits()
        limits.connectionsMax = options.connectionsMax
        limits.symbolsMax = options.symbolsPerConnectionMax
        limits.paceMillis = options.paceMillis
        self.init(
            symbols: symbols, prices: prices, updates: updates, credential: credential, options: options, limits: limits)
    }

    /// With every bound chosen.
    package init(
        symbols: [Symbol], prices: any PriceStore, updates: any PriceUpdates, credential: InternalCredential?,
        options: Options, limits: MarketDataLimits
    ) {
        board = PriceBoard(SymbolTable(symbols))
        let metrics = MarketDataMetrics()
        fanOut = PriceFanOut(board, limits: limits, metrics: metrics)
        feed = PriceFeed(
            fanOut: fanOut, prices: prices, updates: updates, reconcileMillis: options.reconcileMillis, metrics: metrics)
        acceptor = PriceSocketAcceptor(
            fanOut: fanOut, origins: OriginPolicy(allowed: options.origins), credential: credential)
        self.credential = credential
    }

    /// Open WebSockets.
    package var connections: Int { fanOut.connections }

    /// Hears, tells and compares until the graceful shutdown.
    package func run() async { await feed.run() }

    /// What `/readyz` asks: whether changes are heard and the store can be read.
    package var dependencies: [Dependency] {
        let feed = feed
        return [
            Dependency("prices") { if let error = feed.readFailure { throw error } },
            Dependency("price-updates") { if let error = feed.hearFailure { throw error } },
        ]
    }

    /// `limits` with room for all WebSockets, and for requests beside them.
    package func limits(_ limits: HTTPLimits = HTTPLimits()) -> HTTPLimits {
        var limits = limits
        limits.connectionsMax += fanOut.limits.connectionsMax
        return limits
    }

    /// Sets up connections so that `WS /v1/prices` is served; to be given to the `HTTPHost` of the routes.
    package func server(_ limits: HTTPLimits) -> HTTPServerBuilder {
        .http1(configuration: HTTPHost.http1(limits), webSockets: acceptor)
    }

    /// `GET /v1/prices[?symbols=A,B]`, and why a WebSocket was not opened.
    package func router(_ health: Health) -> ServiceRouter {
        let router = ServiceRouter()
        let (board, acceptor, credential) = (board, acceptor, credential)
        router.on(APIRoutes.prices) { request, _ in
            let handshake = WebSocketHandshake(request)
            if handshake.isUpgrade { throw acceptor.refusal(handshake) ?? .handshakeRefused }
            if let credential, !credential.matches(request.headers[.internalCredential]) { throw Problem.notThroughGateway }
            let query = try QueryParameters(request, ["symbols"])
            let numbers = try query.value("symbols", "listed symbols separated by commas") { board.table.numbers($0) }
            return try JSONAnswer(LatestPrices(board, numbers ?? board.table.all))
        }
        health.add(to: router)
        return router
    }
}

extension SymbolTable {
    /// The numbers of comma-separated symbols; nil when one is not listed.
    func numbers(_ text: String) -> SymbolSet? {
        var set = none
        for name in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let number = Symbol(String(name)).flatMap(number) else { return nil }
            set.insert(number)
        }
        return set
    }
}

/// The body of `GET /v1/prices`.
private struct LatestPrices: Encodable {
    struct Entry: Encodable {
        let symbol: String
        let price: String
        let seq: Int64
        let ts: String
    }
    let prices: [Entry]

    init(_ board: PriceBoard, _ numbers: SymbolSet) {
        prices = board.prices(numbers).map { number, price in
            Entry(
                symbol: board.table.symbols[number].text, price: "\(price.price)", seq: price.seq,
                ts: RFC3339.text(price.timestampMillis))
        }
    }
}
