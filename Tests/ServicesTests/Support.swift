import AsyncHTTPClient
import Foundation
import HTTPTypes
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Services
import StoreKit
import Synchronization
import Testing
import TraceContext
import Trading
import TradingStores

let apple = Symbol("AAPL")!
let ada = UserID("ada")!
let bob = UserID("bob")!
let marketBuy = #"{"symbol":"AAPL","side":"BUY","type":"MARKET","quantity":10}"#

/// Time that stands still until it is moved.
final class ManualTime: Sendable {
    private let millis = Mutex<Int64>(1_700_000_000_000)
    var now: Int64 { millis.withLock { $0 } }
    func advance(_ by: Int64) { millis.withLock { $0 += by } }
    var read: @Sendable () -> Int64 { { self.now } }
}

/// A publisher that keeps what it is given, and dies when told to.
final class ScriptedPublisher: OrderPublisher {
    enum Death: Sendable {
        /// Before anything is on the topic.
        case beforePublishing
        /// With the record on the topic, and nobody told.
        case afterPublishing
    }
    private let state = Mutex<(orders: [Order], traces: [TraceHeaders], deaths: [Death])>(([], [], []))
    private let isClosed = Atomic<Bool>(false)

    var orders: [Order] { state.withLock { $0.orders } }
    var traces: [TraceHeaders] { state.withLock { $0.traces } }
    /// The next calls end like this.
    func die(_ deaths: Death...) { state.withLock { $0.deaths = deaths } }

    func publish(_ order: Order, trace: TraceHeaders) async throws(StoreError) {
        try await ping()
        let death = state.withLock { state -> Death? in
            let death = state.deaths.isEmpty ? nil : state.deaths.removeFirst()
            if case .beforePublishing? = death { return death }
            state.orders.append(order)
            state.traces.append(trace)
            return death
        }
        if death != nil { throw .unavailable("scripted") }
    }

    func ping() async throws(StoreError) {
        if isClosed.load(ordering: .relaxed) { throw .unavailable("closed") }
    }

    func close() async { isClosed.store(true, ordering: .relaxed) }
}

/// A ledger whose next calls fail, each before or after it took effect.
final class ScriptedLedger: OrderLedger {
    enum Step: Hashable, Sendable { case request, order, accept, markPublished }
    private let inner = MemoryOrderLedger()
    private let deaths = Mutex<[Step: Bool]>([:])

    /// The next call of `step` fails, `afterwards`: having taken effect.
    func die(_ step: Step, afterwards: Bool = false) { deaths.withLock { $0[step] = afterwards } }

    private func run<Value>(_ step: Step, _ body: () async throws(StoreError) -> Value) async throws(StoreError) -> Value {
        let death = deaths.withLock { $0.removeValue(forKey: step) }
        // Not retryable, so that the desk's own retries do not hide it.
        if death == false { throw .invalid("scripted") }
        let value = try await body()
        if death == true { throw .invalid("scripted") }
        return value
    }

    func request(_ key: RequestKey, nowMillis: Int64) async throws(StoreError) -> OrderRequest? {
        try await run(.request) { () async throws(StoreError) in try await inner.request(key, nowMillis: nowMillis) }
    }

    func order(_ id: OrderID, nowMillis: Int64) async throws(StoreError) -> Order? {
        try await run(.order) { () async throws(StoreError) in try await inner.order(id, nowMillis: nowMillis) }
    }

    func accept(_ order: AcceptedOrder, nowMillis: Int64) async throws(StoreError) -> AcceptResult {
        try await run(.accept) { () async throws(StoreError) in try await inner.accept(order, nowMillis: nowMillis) }
    }

    func markPublished(_ key: RequestKey) async throws(StoreError) {
        try await run(.markPublished) { () async throws(StoreError) in try await inner.markPublished(key) }
    }

    func close() async {}
}

/// Trades of a test, searched the plain way.
final class ListedHistory: TradeHistoryStore {
    private let trades: [Trade]
    init(_ trades: [Trade]) {
        self.trades = trades.sorted { ($0.executedAtMillis, $0.tradeID) > ($1.executedAtMillis, $1.tradeID) }
    }

    func provision() async throws(StoreError) -> [String] { [] }
    func record(_ trades: [Trade]) async throws(StoreError) -> [RefusedTrade] { [] }
    func count() async throws(StoreError) -> Int { trades.count }
    func close() async {}

    func search(_ query: TradeQuery) async throws(StoreError) -> TradePage {
        let found = trades.filter { trade in
            trade.userID == query.user && (query.symbol == nil || query.symbol == trade.symbol)
                && (query.side == nil || query.side == trade.side)
                && (query.fromMillis ?? .min) <= trade.executedAtMillis && trade.executedAtMillis < (query.toMillis ?? .max)
                && (query.after.map { (trade.executedAtMillis, trade.tradeID) < ($0.executedAtMillis, $0.tradeID) } ?? true)
        }
        let page = Array(found.prefix(query.limit))
        return TradePage(trades: page, next: found.count > page.count ? page.last.map { TradeCursor(after: $0) } : nil)
    }
}

/// Answers with the query it was asked, as far as bars can say it.
final class EchoAnalytics: TradeAnalyticsStore {
    func provision() async throws(StoreError) -> [String] { [] }
    func insert(_ batch: TradeBatch) async throws(StoreError) {}
    func upsert(_ bars: [VolumeBar]) async throws(StoreError) {}
    func totals() async throws(StoreError) -> TradeTotals { TradeTotals(trades: 0, shares: 0, notional: .zero) }
    func close() async {}

    func volume(_ query: VolumeQuery) async throws(StoreError) -> [VolumeBar] {
        let price = Price(units: 1_000_000)
        return [
            VolumeBar(
                symbol: query.symbol, startMillis: query.fromMillis, trades: query.intervalMinutes, shares: 10,
                notional: Money(units: 15_000_000), open: price, high: price, low: price, close: price)
        ]
    }

    func top(_ ranking: TopRanking, limit: Int) async throws(StoreError) -> [SymbolTotal] {
        [SymbolTotal(symbol: apple, trades: Int64(limit), shares: 2, notional: Money(units: 30_000))]
    }
}

/// Runs services for the length of a test.
func withRunning<Value: Sendable>(
    _ services: [any Service], _ body: () async throws -> Value
) async throws -> Value {
    let group = ServiceGroup(configuration: .init(services: services, logger: .init(label: "test")))
    let running = Task { try await group.run() }
    do {
        let value = try await body()
        await group.triggerGracefulShutdown()
        try await running.value
        return value
    } catch {
        await group.triggerGracefulShutdown()
        _ = try? await running.value
        throw error
    }
}

/// A server whose log tells of failures only.
func quietHost(_ name: String, _ router: ServiceRouter) -> HTTPHost {
    var options = HTTPHost.Options(name: name)
    options.accessLevel = .debug
    options.stopMillisMax = 1_000
    return HTTPHost(options, router)
}

/// An answer, whole.
struct Answer {
    let status: Int
    let headers: NIOHTTP1.HTTPHeaders
    let text: String

    func json() throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "no JSON object: \(text)")
    }

    /// The last part of a problem's type, having checked its form.
    func problem() throws -> String {
        #expect(headers.first(name: "content-type") == "application/problem+json", "\(status) \(text)")
        let object = try json()
        #expect(object["status"] as? Int == status)
        #expect((object["detail"] as? String)?.isEmpty == false)
        let type = try #require(object["type"] as? String)
        #expect(type.hasPrefix(Problem.typeBase))
        return String(type.dropFirst(Problem.typeBase.count))
    }
}

/// One request with a body at hand.
func call(
    _ method: NIOHTTP1.HTTPMethod, _ url: String, _ headers: [(String, String)] = [], body: String? = nil
) async throws -> Answer {
    var request = HTTPClientRequest(url: url)
    request.method = method
    for (name, value) in headers { request.headers.add(name: name, value: value) }
    if let body { request.body = .bytes(ByteBuffer(string: body)) }
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(120))
    let bytes = try await response.body.collect(upTo: 8 << 20)
    return Answer(status: Int(response.status.code), headers: response.headers, text: String(buffer: bytes))
}
