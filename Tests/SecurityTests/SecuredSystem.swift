import Foundation
import StoreKit
import Synchronization
import TestKit
import TestServers
import Testing
import Trading
import TradingStores

/// Gateway and services as processes of their own, as they are deployed, with secrets that the tests know. `ada` has an
/// account, an order and a trade, `mallory` an account.
final class SecuredSystem: Sendable {
    static let tokenSecret = "the secret that signs the tokens of these tests"
    static let credential = "the-credential-that-gateway-and-services-share"
    static let issuer = "security-tests"
    @TaskLocal static var current: SecuredSystem?

    /// That of the suite.
    static func running() throws -> SecuredSystem { try #require(current, "the suite has started no system") }

    let adasOrder: String
    let adasTrade: String
    private let folder: TemporaryFolder
    private let processes: [Door: ServiceProcess]
    /// What must be in no answer and no log.
    private let secrets: Mutex<Set<String>>

    func port(_ door: Door) throws -> Int { try #require(processes[door]).port }

    /// A good token, which is then looked for in answers and logs.
    func bearer(_ user: String) -> (name: String, value: String) {
        bearer(token: TestToken.make(payload: TestToken.claims(sub: user)))
    }

    func bearer(token: String) -> (name: String, value: String) {
        // Shorter ones are no tokens, and are found in any text.
        if token.utf8.count > 20 { secrets.withLock { _ = $0.insert(token) } }
        return ("Authorization", "Bearer \(token)")
    }

    /// What proves at a door that a request is ada's.
    func proof(at door: Door, user: String = "ada") -> Fields {
        door == .gateway ? [bearer(user)] : [("x-weir-internal", Self.credential), ("x-weir-user", user)]
    }

    // MARK: Asking

    /// The answer to exactly these bytes, which was looked through.
    func answer(_ bytes: [UInt8], at door: Door, _ what: @autoclosure () -> String) async throws -> WireAnswer {
        let connection = try RawConnection(port: try port(door))
        await connection.write(bytes)
        let text = await connection.read()
        let answer = try #require(WireAnswer(text), "\(what()): no answer but '\(text.prefix(200))'")
        look(through: answer, what())
        return answer
    }

    func answer(_ request: WireRequest, at door: Door, _ what: @autoclosure () -> String) async throws -> WireAnswer {
        try await answer(request.bytes, at: door, what())
    }

    /// An error is a problem, and nothing of the inside is in it.
    private func look(through answer: WireAnswer, _ what: String) {
        if answer.status >= 400 { #expect(answer.problem != nil || answer.body.contains("\"ready\""), "\(what): \(answer)") }
        #expect(answer.status < 500 || answer.problem != "internal-error", "\(what): \(answer)")
        #expect(answer.headers["server"] == nil && answer.headers["x-injected"] == nil, "\(what): \(answer)")
        for secret in secrets.withLock({ $0 }) { #expect(!answer.text.contains(secret), "\(what): \(answer)") }
        guard answer.status >= 400 else { return }
        for inside in Self.inside + [folder.path] { #expect(!answer.text.contains(inside), "\(what): \(answer)") }
    }

    /// Words of the inside: files, other systems, the language.
    private static let inside = [
        ".swift", "/tmp/", "/home/", "/usr/", "/var/", "SELECT ", "sqlite", "SQLite", "rocksdb", "RocksDB", "redis:", "hiredis",
        "Hummingbird",
        "NIOCore", "NIOHTTP1", "DecodingError", "Fatal error", "Error Domain", "Optional(",
    ]

    // MARK: Life

    static func start() async throws -> SecuredSystem {
        let folder = TemporaryFolder()
        let prices = "\(try TestServer.redis.url())/11"
        let trade = try await seed(folder.path, prices)
        var processes: [Door: ServiceProcess] = [:]
        do {
            for door in Door.allCases {
                var settings = ["data=\(folder.path)/\(door.rawValue)", "prices=\(prices)", "tokens.issuer=\(issuer)"]
                settings += ["gateway.rate=1000000", "gateway.burst=1000000"]
                for (other, process) in processes {
                    settings.append("services.\(other.rawValue)-url=http://127.0.0.1:\(process.port)")
                }
                processes[door] = try await ServiceProcess(door, settings, log: "\(folder.path)/\(door.rawValue).log")
            }
            let order = try await placeOrder(at: try #require(processes[.gateway]).port)
            return SecuredSystem(folder, processes, order: order, trade: trade)
        } catch {
            for process in processes.values { process.stop() }
            throw error
        }
    }

    private init(_ folder: TemporaryFolder, _ processes: [Door: ServiceProcess], order: String, trade: String) {
        self.folder = folder
        self.processes = processes
        adasOrder = order
        adasTrade = trade
        secrets = Mutex([Self.tokenSecret, Self.credential])
    }

    /// What ada has, where each service will find it. Returns the id of her trade.
    private static func seed(_ folder: String, _ pricesURL: String) async throws -> String {
        let ada = try #require(UserID("ada")), apple = try #require(Symbol("AAPL"))
        for door in Door.allCases {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(door.rawValue)", withIntermediateDirectories: true)
        }
        for door in [Door.order, .portfolio] {
            let portfolios = try PortfolioStores.open("rocksdb://\(folder)/\(door.rawValue)/portfolios")
            _ = try await portfolios.openAccount(ada, cash: try Money("77777.77"))
            if door == .portfolio {
                _ = try await portfolios.openAccount(try #require(UserID("mallory")), cash: try Money("1.00"))
            }
            await portfolios.close()
        }
        let id = OrderID(user: ada, idempotencyKey: "seed"), price = try Price("189.25")
        let trade = Trade(
            tradeID: TradeID(of: id), orderID: id, userID: ada, symbol: apple, side: .buy, quantity: 1, price: price,
            notional: Money(units: price.units), executedAtMillis: WallClock.nowMillis())
        let history = try TradeHistoryStores.open("sqlite://\(folder)/query/history.sqlite")
        _ = try await history.provision()
        _ = try await history.record([trade])
        await history.close()
        let prices = try PriceStores.open(pricesURL)
        let now = WallClock.nowMillis()
        _ = try await prices.update([PriceTick(symbol: apple, price: price, seq: now * 1_000, timestampMillis: now)])
        await prices.close()
        return "\(trade.tradeID)"
    }

    private static func placeOrder(at port: Int) async throws -> String {
        let token = TestToken.make(payload: TestToken.claims())
        let request = WireRequest(
            method: "POST", target: "/v1/orders",
            headers: [("Authorization", "Bearer \(token)"), ("Idempotency-Key", "seed"), ("Content-Type", "application/json")],
            body: Array(DescribedRoute.order.utf8))
        let connection = try RawConnection(port: port)
        await connection.write(request.bytes)
        let text = await connection.read()
        return String(try #require(text.firstMatch(of: #/"orderId":"([0-9a-f-]{36})"/#), "ada's order was not taken: \(text)").1)
    }

    /// Ends all processes and looks through what they have logged.
    func stop() {
        for door in Door.allCases.reversed() { processes[door]?.stop() }
        for door in Door.allCases { look(throughLogOf: door) }
    }

    private func look(throughLogOf door: Door) {
        let log = (try? String(contentsOfFile: "\(folder.path)/\(door.rawValue).log", encoding: .utf8)) ?? ""
        #expect(log.contains("\"message\":\"request\""), "\(door.rawValue) has logged no request")
        for secret in secrets.withLock({ $0 }) { #expect(!log.contains(secret), "\(door.rawValue) has logged \(secret)") }
        for word in ["Canary", "Fatal error", "smuggled-request"] {
            let lines = log.split(separator: "\n").filter { $0.contains(word) }
            #expect(lines.isEmpty, "\(door.rawValue) has logged \(lines.prefix(2))")
        }
        for line in log.split(separator: "\n") where line.hasPrefix("{") {
            #expect((try? JSONSerialization.jsonObject(with: Data(line.utf8))) != nil, "no line of a log: \(line)")
        }
    }
}
