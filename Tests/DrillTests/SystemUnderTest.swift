import Foundation
import TestServers
import Testing
import Trading
import TradingDrills
import TradingStores

/// The trading system's processes on real servers, with everything of its own: topics, tables, index and database.
///
/// `@unchecked Sendable`: `processes` is guarded by `lock`; the rest does not change.
final class SystemUnderTest: @unchecked Sendable {
    /// What runs, in the order in which it is started.
    enum Part: String, CaseIterable {
        case marketFeed = "market-feed"
        case priceCache = "price-cache"
        case execution = "trade-execution"
        case history = "trade-history"
        case analytics = "trade-analytics"
        case order, portfolio, query
        case marketData = "market-data"
        case gateway

        var isService: Bool {
            switch self {
            case .order, .portfolio, .query, .marketData, .gateway: true
            default: false
            }
        }
    }

    let folder: DrillFolder
    private let kafka: KafkaSide
    private let settings: [String: String]
    private let ports: [Part: Int]
    private let lock = NSLock()
    private var processes: [Part: WeirProcess] = [:]

    private static let topics = ["market_data", "trade_orders", "trade_executed", "trade_rejected", "trade_orders.dlq"]

    /// Between everybody and the broker.
    private let proxy: BrokerProxy

    init(seed: UInt64) async throws {
        folder = try DrillFolder()
        proxy = try await BrokerProxy(to: try KafkaSide().port)
        kafka = KafkaSide(bootstrap: "127.0.0.1:\(proxy.port)")
        let name = "drill\(UInt32.random(in: 0 ... .max))"
        var ports: [Part: Int] = [:]
        for part in Part.allCases { ports[part] = try freePort() }
        self.ports = ports
        func isAlive(_ part: Part) throws -> Bool { try process(part).isRunning }

        func url(_ part: Part) -> String { Self.url(ports[part] ?? 0) }
        // Short outages are to outlast the time-outs too; the full drill has the defaults.
        func timeout(_ deployedMillis: Int) -> String { "timeout-ms=\(DrillSize.pick(1_500, deployedMillis))" }
        settings = [
            "transport": "kafka://\(kafka.bootstrap)",
            "portfolios":
                "dynamodb://eu-west-1?endpoint=\(try TestServer.dynamodb.url())&table-prefix=\(name)-&\(timeout(5_000))",
            "prices": "\(try TestServer.redis.url())?\(timeout(2_000))",
            "history": "\(try TestServer.elasticsearch.url())?index=\(name)&\(timeout(10_000))",
            "analytics": "\(try TestServer.clickhouse.url())/\(name)?\(timeout(30_000))",
            "data": "\(folder.path)/data",
            "services.order-url": url(.order), "services.portfolio-url": url(.portfolio),
            "services.query-url": url(.query), "services.market-data-url": url(.marketData),
            "gateway.rate": "100000", "gateway.burst": "100000", "trading.seed": "\(seed)",
        ]
        setenv("AWS_ACCESS_KEY_ID", "drill", 1)
        setenv("AWS_SECRET_ACCESS_KEY", "drill", 1)
    }

    // MARK: Life

    /// Makes topics and tables as an operator would, then starts every part.
    func start() async throws {
        try kafka.delete(Self.topics)
        let provision = try WeirProcess(["provision"] + flags, log: "\(folder.path)/provision.txt")
        let code = try provision.waitUntilExit()
        try #require(code == 0, "weir provision ended with \(code): \(provision.lastWords)")
        for part in Part.allCases { try start(part) }
        for part in Part.allCases { try process(part).waitUntilUp(part.isService ? "listens on" : "serving metrics") }
    }

    func start(_ part: Part) throws {
        let process = try WeirProcess(arguments(part), log: "\(folder.path)/\(part.rawValue).txt")
        lock.withLock { processes[part] = process }
    }

    func kill(_ part: Part) throws { try process(part).kill() }

    /// `SIGSTOP`, `SIGCONT`.
    func halt(_ part: Part) throws { try process(part).send(SIGSTOP) }
    func wake(_ part: Part) throws { try process(part).send(SIGCONT) }

    func isAlive(_ part: Part) throws -> Bool { try process(part).isRunning }

    func url(_ part: Part) -> String { Self.url(ports[part] ?? 0) }
    private static func url(_ port: Int) -> String { "http://127.0.0.1:\(port)" }

    /// Ends all parts, what takes work in first.
    func stop() async throws {
        for part in Part.allCases.reversed() {
            let process = try process(part)
            let code = try process.stop()
            #expect(code == 0, "\(part.rawValue) ended with \(code): \(process.lastWords)")
        }
        await proxy.stop()
    }

    private func process(_ part: Part) throws -> WeirProcess {
        try #require(lock.withLock { processes[part] }, "\(part.rawValue) was never started")
    }

    private var flags: [String] { settings.sorted { $0.key < $1.key }.flatMap { ["--set", "\($0.key)=\($0.value)"] } }

    private func arguments(_ part: Part) -> [String] {
        let common = flags + ["--log-format", "json"]
        let port = "\(ports[part] ?? 0)"
        if part.isService { return ["service", part.rawValue, "--port", port, "--metrics-port", "0"] + common }
        return [
            "run", part.rawValue, "--checkpoint-dir", "\(folder.path)/checkpoints", "--checkpoint-interval", "200ms",
            "--namespace", folder.path, "--metrics-port", port,
        ] + common
    }

    // MARK: From outside

    /// The user whose orders `publish` places.
    private static let outsider = UserID("outsider") ?? OrderGenerator.user(0)

    /// Opens the account of a user whose orders do not come by HTTP: an outage that lasts lets none of the others' through.
    func admitOutsider(cash: Money) async throws {
        let portfolios = try portfolios()
        _ = try await portfolios.openAccount(Self.outsider, cash: cash)
        await portfolios.close()
    }

    /// Puts orders into the topic, as another instance of the order service would.
    func publish(_ keys: [String]) throws -> [OrderID] {
        let orders = keys.enumerated().map { index, key in
            Order(
                orderID: OrderID(user: Self.outsider, idempotencyKey: key), userID: Self.outsider,
                symbol: Listing.standard[index % Listing.standard.count].symbol, side: .buy, kind: .market, quantity: 1,
                placedAtMillis: Int64(Date().timeIntervalSince1970 * 1000))
        }
        try kafka.produce("trade_orders", orders.map { (Array($0.userID.text.utf8), $0.encoded()) })
        return orders.map(\.orderID)
    }

    func prices() throws -> any PriceStore { try PriceStores.open(settings["prices"] ?? "") }

    // MARK: What came of it

    func portfolios() throws -> any PortfolioStore { try PortfolioStores.open(settings["portfolios"] ?? "") }

    /// What the topics say, once every accepted order has its outcome there.
    func outcomes(of orders: Set<OrderID>) async throws -> OrderOutcomes {
        let deadline = Date(timeIntervalSinceNow: DrillSize.isFull ? 900 : 180)
        while true {
            var outcomes = OrderOutcomes()
            for value in try kafka.readCommitted("trade_executed") { outcomes.add(try Trade.decode(value)) }
            for value in try kafka.readCommitted("trade_rejected") { outcomes.add(try Rejection.decode(value)) }
            if outcomes.outcomesCount >= orders.count { return outcomes }
            guard Date() < deadline else {
                throw DrillFailure(
                    "\(outcomes.outcomesCount) of \(orders.count) orders were decided in time: \(try process(.execution).lastWords)"
                )
            }
        }
    }

    /// History and analytics hold the executed trades, each once, and the bars are theirs.
    func checkCopies(of outcomes: OrderOutcomes) async throws {
        let history = try TradeHistoryStores.open(settings["history"] ?? "")
        let analytics = try TradeAnalyticsStores.open(settings["analytics"] ?? "")
        let expected = TradeTotals(
            trades: Int64(outcomes.trades.count), shares: outcomes.trades.reduce(0) { $0 + $1.quantity },
            notional: Money(units: outcomes.trades.reduce(0) { $0 + $1.notional.units }))
        try await reached(expected.trades, by: .history) { Int64(try await history.count()) }
        #expect(Int64(try await history.count()) == expected.trades)
        try await reached(expected.trades, by: .analytics) { try await analytics.totals().trades }
        #expect(try await analytics.totals() == expected)
        // Bars are written beside the trades they count.
        try await reached(expected.trades, by: .analytics) {
            try await analytics.top(.volume, limit: 10_000).reduce(0) { $0 + $1.trades }
        }
        #expect(try await MinuteBars.differences(analytics, from: outcomes.trades) == [])
        await history.close()
        await analytics.close()
    }

    private func reached(_ count: Int64, by part: Part, _ read: () async throws -> Int64) async throws {
        let deadline = Date(timeIntervalSinceNow: 120)
        var last = "nothing yet"
        while Date() < deadline {
            do {
                let found = try await read()
                if found >= count { return }
                last = "\(found) trades"
            } catch {
                last = "\(error)"
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw DrillFailure("\(part) came to \(last) of \(count) in two minutes: \(try process(part).lastWords)")
    }
}
