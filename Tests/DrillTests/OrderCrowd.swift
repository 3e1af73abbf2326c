import AsyncHTTPClient
import Foundation
import NIOCore
import Testing
import Trading
import TradingDrills

/// Users who place orders over HTTP as clients should: every order under a key of its own, the same request again until
/// it is answered. Now and then they repeat one that was answered, or send another order under a used key.
struct OrderCrowd: Sendable {
    /// What the users know when they are done.
    struct Placed: Sendable {
        var orders: Set<OrderID> = []
        var requests = 0
        /// Answers that contradict the contract.
        var mistaken: [String] = []

        mutating func add(_ other: Placed) {
            orders.formUnion(other.orders)
            requests += other.requests
            mistaken += other.mistaken
        }
    }

    private let gateway: String
    private let users: [UserID]
    private let ordersPerUser: Int
    private let seed: UInt64
    private static let answerBytesMax = 1 << 20
    private static let patienceSeconds = Double(DrillSize.pick(180, 900))
    private static let ordersPerUserMax = 10_000

    init(gateway: String, users: Int, orders: Int, seed: UInt64) {
        self.gateway = gateway
        self.users = (0..<users).map { UserID("drill-\($0)") ?? OrderGenerator.user(Int64($0)) }
        ordersPerUser = orders / users
        self.seed = seed
    }

    func openAccounts() async throws {
        try await forEachUser { user, token in
            let answer = try await untilAnswered(Request("POST", "/v1/accounts", token))
            guard [201, 409].contains(answer.status) else { throw DrillFailure("opening an account: \(answer)") }
            return Placed()
        }
    }

    /// Places all orders, and more while the caller needs any.
    func placeAll(andWhile needsMore: @escaping @Sendable () -> Bool) async throws -> Placed {
        try await forEachUser { user, token in
            var random = SplitMix64.at(Int64(users.firstIndex(of: user) ?? 0), seed: seed)
            var placed = Placed()
            var number = 0
            while number < ordersPerUser || (needsMore() && number < Self.ordersPerUserMax) {
                try await place("order-\(number)", Self.body(&random), user, token, &random, &placed)
                number += 1
            }
            return placed
        }
    }

    private func place(
        _ key: String, _ body: String, _ user: UserID, _ token: String, _ random: inout SplitMix64, _ placed: inout Placed
    ) async throws {
        let request = Request("POST", "/v1/orders", token, key: key, body: body)
        let answer = try await untilAnswered(request, &placed.requests)
        // What makes no sense, or nobody could pay for, is refused before it becomes an order.
        guard answer.status == 202 else {
            if ![400, 422].contains(answer.status) { placed.mistaken.append("\(key) of \(user): \(answer)") }
            return
        }
        guard let id = answer.field("orderId").flatMap({ OrderID($0) }) else {
            return placed.mistaken.append("\(key) of \(user) was accepted without an id: \(answer)")
        }
        placed.orders.insert(id)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<5:
            let again = try await untilAnswered(request, &placed.requests)
            if again.status != 202 || again.field("orderId") != answer.field("orderId") {
                placed.mistaken.append("\(key) of \(user), repeated: \(again) after \(answer)")
            }
        case 5..<7:
            let other = Request(
                "POST", "/v1/orders", token, key: key, body: body.replacing("\"quantity\":", with: "\"quantity\":1"))
            let refused = try await untilAnswered(other, &placed.requests)
            if refused.status != 422 { placed.mistaken.append("\(key) of \(user) with another body: \(refused)") }
        default: break
        }
    }

    private static func body(_ random: inout SplitMix64) -> String {
        let listing = Listing.standard[Int.random(in: 0..<Listing.standard.count, using: &random)]
        let side = Int.random(in: 0..<3, using: &random) == 0 ? "SELL" : "BUY"
        let quantity = Int.random(in: 1...20, using: &random)
        guard Int.random(in: 0..<4, using: &random) == 0 else {
            return #"{"symbol":"\#(listing.symbol.text)","side":"\#(side)","type":"MARKET","quantity":\#(quantity)}"#
        }
        return
            #"{"symbol":"\#(listing.symbol.text)","side":"\#(side)","type":"LIMIT","quantity":\#(quantity),"limitPrice":"\#(listing.basePrice)"}"#
    }

    /// What the system says to its users afterwards is what the topics say.
    func checkAnswers(_ outcomes: OrderOutcomes) async throws {
        let trades = Dictionary(grouping: outcomes.trades, by: \.userID)
        let rejections = Dictionary(grouping: outcomes.rejections, by: \.userID)
        _ = try await forEachUser { user, token in
            let expected = Set((trades[user] ?? []).map { "\($0.tradeID)" })
            var found: [String] = []
            var cursor: String?
            repeat {
                let path = "/v1/trades?limit=100" + (cursor.map { "&cursor=\($0)" } ?? "")
                let page = try await untilAnswered(Request("GET", path, token))
                #expect(page.status == 200, "\(page)")
                found += (page.object["trades"] as? [[String: Any]] ?? []).compactMap { $0["tradeId"] as? String }
                cursor = page.object["next"] as? String
            } while cursor != nil && found.count <= expected.count
            #expect(found.count == expected.count && Set(found) == expected, "the history of \(user)")
            if let trade = trades[user]?.last {
                let status = try await untilAnswered(Request("GET", "/v1/orders/\(trade.orderID)", token))
                #expect(status.field("status") == "FILLED", "\(status)")
            }
            if let rejection = rejections[user]?.last {
                let status = try await untilAnswered(Request("GET", "/v1/orders/\(rejection.orderID)", token))
                #expect(status.field("status") == "REJECTED", "\(status)")
            }
            return Placed()
        }
    }

    // MARK: HTTP

    @discardableResult
    private func forEachUser(_ body: @escaping @Sendable (UserID, String) async throws -> Placed) async throws -> Placed {
        try await withThrowingTaskGroup(of: Placed.self) { group in
            for user in users {
                group.addTask {
                    let signIn = Request("POST", "/v1/dev/token", nil, body: #"{"userId":"\#(user.text)"}"#)
                    let answer = try await untilAnswered(signIn)
                    guard let token = answer.field("token") else { throw DrillFailure("signing in: \(answer)") }
                    return try await body(user, token)
                }
            }
            var all = Placed()
            for try await placed in group { all.add(placed) }
            return all
        }
    }

    private struct Request: Sendable {
        let method: String
        let path: String
        var headers: [(String, String)] = []
        let body: String?

        init(_ method: String, _ path: String, _ token: String?, key: String? = nil, body: String? = nil) {
            self.method = method
            self.path = path
            self.body = body
            if let token { headers.append(("authorization", "Bearer \(token)")) }
            if let key { headers.append(("idempotency-key", key)) }
            if body != nil { headers.append(("content-type", "application/json")) }
        }
    }

    private struct Answer: CustomStringConvertible {
        let status: Int
        let text: String
        var object: [String: Any] { (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:] }
        func field(_ name: String) -> String? { object[name] as? String }
        var description: String { "\(status) \(text.prefix(300))" }
    }

    private func untilAnswered(_ request: Request) async throws -> Answer {
        var requests = 0
        return try await untilAnswered(request, &requests)
    }

    /// Sends the request until it is answered with anything but "later".
    private func untilAnswered(_ request: Request, _ requests: inout Int) async throws -> Answer {
        let deadline = Date(timeIntervalSinceNow: Self.patienceSeconds)
        var pauseMillis = 20
        while true {
            requests += 1
            let problem: String
            do {
                let answer = try await send(request)
                guard answer.status == 429 || answer.status >= 500 else { return answer }
                problem = "\(answer)"
            } catch {
                problem = "\(error)"
            }
            guard Date() < deadline else { throw DrillFailure("\(request.method) \(request.path) is not answered: \(problem)") }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...pauseMillis)))
            pauseMillis = min(pauseMillis * 2, 1_000)
        }
    }

    private func send(_ request: Request) async throws -> Answer {
        var sent = HTTPClientRequest(url: gateway + request.path)
        sent.method = .init(rawValue: request.method)
        for (name, value) in request.headers { sent.headers.add(name: name, value: value) }
        if let body = request.body { sent.body = .bytes(ByteBuffer(string: body)) }
        let response = try await HTTPClient.shared.execute(sent, timeout: .seconds(10))
        let body = try await response.body.collect(upTo: Self.answerBytesMax)
        return Answer(status: Int(response.status.code), text: String(buffer: body))
    }
}
