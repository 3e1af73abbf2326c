import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import Trading
import UntrustedJSON

/// A user's side of the gateway, for simulations: sends requests and reads answers, nothing more. Callable from any task.
package struct GatewayClient: Sendable {
    /// What came back.
    struct Answer: Sendable {
        let status: Int
        let body: Data
        let retryAfterSeconds: Int?

        func decoded<Value: Decodable>(_ type: Value.Type) -> Value? { try? UntrustedJSON.decode(type, from: body) }

        /// The `type` of a problem, without what they all begin with.
        var problem: String? {
            struct Body: Decodable { let type: String }
            return decoded(Body.self).map { String($0.type.dropFirst(Problem.typeBase.count)) }
        }
    }

    private static let answerBytesMax = 1 << 20

    private let url: String
    private let http: HTTPClient
    private let timeout: TimeAmount

    /// - Parameter url: `http://host:port` of the gateway.
    package init(_ url: String, connectionsMax: Int, timeoutMillis: Int64 = 20_000) {
        self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
        timeout = .milliseconds(timeoutMillis)
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(2)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connectionsMax
        configuration.httpVersion = .http1Only
        // Whoever asks decides whether to ask again.
        configuration.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    package func close() async { try? await http.shutdown() }

    /// Throws when there was no answer; any status is one.
    func send(
        _ method: HTTPMethod, _ path: String, token: String? = nil, key: String? = nil, body: Data? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: url + path)
        request.method = method
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        if let key { request.headers.add(name: "idempotency-key", value: key) }
        if let body {
            request.headers.add(name: "content-type", value: "application/json")
            request.body = .bytes(ByteBuffer(bytes: body))
        }
        let response = try await http.execute(request, timeout: timeout)
        let buffer = try await response.body.collect(upTo: Self.answerBytesMax)
        return Answer(
            status: Int(response.status.code), body: Data(buffer.readableBytesView),
            retryAfterSeconds: response.headers.first(name: "retry-after").flatMap { Int($0) })
    }

    /// Whether there is a gateway at all: throws what kept it from being reached, or `SimulationFailure` when something else
    /// answers there.
    package func greet() async throws {
        let answer = try await send(.GET, "/healthz")
        guard answer.status == 200 else {
            throw SimulationFailure("what answers at \(url) is no gateway: GET /healthz gave \(answer.status); see --gateway")
        }
    }

    // MARK: What a user does

    /// A token from the page's sign-in, which only a gateway on the user's own machine has.
    package func signIn(_ user: UserID) async throws -> String {
        struct Token: Decodable { let token: String }
        let body = try JSONEncoder().encode(["userId": user.text])
        let answer = try await send(.POST, "/v1/dev/token", body: body)
        guard let token = answer.decoded(Token.self)?.token else {
            throw SimulationFailure("POST /v1/dev/token answered \(answer.status) \(answer.problem ?? ""): is the sign-in on?")
        }
        return token
    }

    /// Opens the user's account, or finds it open.
    func openAccount(_ token: String) async throws {
        let answer = try await send(.POST, "/v1/accounts", token: token)
        if answer.status == 401 {
            throw SimulationFailure(
                "the gateway at \(url) does not know who minted our tokens: run this where its data folder is (--set data=FOLDER), "
                    + "give it the same tokens.secret, or take its own tokens with --sign-in")
        }
        guard answer.status == 201 || answer.status == 409 else {
            throw SimulationFailure("POST /v1/accounts answered \(answer.status) \(answer.problem ?? "")")
        }
    }

    func prices(_ token: String) async throws -> [(Symbol, Price)] {
        struct Latest: Decodable {
            struct Entry: Decodable {
                let symbol: String
                let price: String
            }
            let prices: [Entry]
        }
        let answer = try await send(.GET, "/v1/prices", token: token)
        return (answer.decoded(Latest.self)?.prices ?? []).compactMap { entry in
            guard let symbol = Symbol(entry.symbol), let price = try? Price(entry.price) else { return nil }
            return (symbol, price)
        }
    }
}

extension OrderTicket {
    /// The body of `POST /v1/orders`.
    func body() throws -> Data {
        struct Body: Encodable {
            let symbol: String
            let side: String
            let type: String
            let quantity: Int64
            let limitPrice: String?
        }
        var limit: String?
        if case .limit(let price) = kind { limit = "\(price)" }
        return try JSONEncoder().encode(
            Body(
                symbol: symbol, side: side == .buy ? "BUY" : "SELL", type: limit == nil ? "MARKET" : "LIMIT",
                quantity: quantity, limitPrice: limit))
    }
}

/// A simulation that cannot go on.
package struct SimulationFailure: Error, CustomStringConvertible {
    package let description: String
    init(_ description: String) { self.description = description }
}
