import Foundation
import StoreKit
import Synchronization
import Trading

/// Users who trade over HTTP, as clients of a gateway: they look at prices, decide by their strategies, place orders,
/// repeat what was not answered under the same key, and now and then repeat what was, or send nonsense.
///
/// What they decide is a function of the seed and of the prices they see. `run` is called once; `report` from any thread.
package final class OrderSimulator: Sendable {
    package struct Settings: Sendable {
        package var users = 50
        package var ordersPerSecond = 20.0
        /// Orders in all; nil: until the task is cancelled.
        package var ordersMax: Int?
        package var seed: UInt64 = 1
        package var traders = SimulatedTrader.Settings()
        /// Answered requests that are sent once more, and those sent once more with another order; per million.
        package var duplicateMillionths: Int64 = 20_000
        package var conflictMillionths: Int64 = 5_000
        package var inFlightMax = 64
        /// How long to wait for outcomes of accepted orders at the end; 0: they are not asked for.
        package var outcomeMillisMax: Int64 = 15_000

        package init() {}
    }

    private struct User: Sendable {
        let id: UserID
        let token: String
    }
    private struct State {
        var view = MarketView()
        var traders: [SimulatedTrader]
        var report = SimulationReport()
        /// Accepted orders, the latest `outcomesMax` of them.
        var accepted: [(order: String, token: String)] = []
    }

    private static let lookMillis: Int64 = 500
    private static let outcomesMax = 20_000
    private static let latenciesMax = 1_000_000

    private let client: GatewayClient
    private let settings: Settings
    private let signIn: @Sendable (UserID) async throws -> String
    private let state: Mutex<State>
    private let retries = RetryPolicy(baseMillis: 100, capMillis: 3_000, attemptsMax: 10)

    /// - Parameter signIn: a token for a user.
    package init(
        _ client: GatewayClient, _ settings: Settings, signIn: @escaping @Sendable (UserID) async throws -> String
    ) {
        self.client = client
        self.settings = settings
        self.signIn = signIn
        let strategies = TradingStrategy.allCases
        state = Mutex(
            State(
                traders: (0..<settings.users).map { number in
                    SimulatedTrader(
                        strategies[number % strategies.count], settings.traders,
                        seed: SplitMix64.mix(settings.seed ^ UInt64(number + 1)))
                }))
    }

    /// So far.
    package var report: SimulationReport { state.withLock { $0.report } }

    /// Until all orders are placed or the task is cancelled; then asks what became of them.
    package func run() async throws -> SimulationReport {
        let users = try await enter()
        try await look(users[0])
        let looking = Task {
            while (try? await Task.sleep(for: .milliseconds(Self.lookMillis))) != nil { try? await look(users[0]) }
        }
        await place(users)
        looking.cancel()
        if settings.outcomeMillisMax > 0 { await Task { await askForOutcomes() }.value }
        return report
    }

    /// Signs everybody in and opens their accounts.
    private func enter() async throws -> [User] {
        var users: [User] = []
        while users.count < settings.users {
            let numbers = users.count..<min(users.count + settings.inFlightMax, settings.users)
            users += try await withThrowingTaskGroup(of: (Int, User).self) { group in
                for number in numbers {
                    group.addTask { [self] in
                        let id = OrderGenerator.user(Int64(number))
                        let user = User(id: id, token: try await signIn(id))
                        try await client.openAccount(user.token)
                        return (number, user)
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
            }
        }
        return users
    }

    private func look(_ user: User) async throws {
        let prices = try await client.prices(user.token)
        state.withLock { state in
            for (symbol, price) in prices { state.view.see(symbol, price) }
        }
    }

    private func place(_ users: [User]) async {
        let began = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            var number = 0
            while !Task.isCancelled, number < settings.ordersMax ?? .max {
                let due = began + .seconds(Double(number) / settings.ordersPerSecond)
                if due > .now, (try? await Task.sleep(until: due, clock: .continuous)) == nil { break }
                if number >= settings.inFlightMax { _ = await group.next() }
                let at = number
                // An order that was begun is brought to its end, also when the simulation is stopped.
                group.addTask { [self] in await Task { await placeOne(at, users[at % users.count]) }.value }
                number += 1
            }
        }
    }

    private func placeOne(_ number: Int, _ user: User) async {
        let ticket = state.withLock { state in state.traders[number % state.traders.count].decide(state.view) }
        guard let ticket, let body = try? ticket.body() else { return }
        var random = SplitMix64.at(Int64(number), seed: settings.seed ^ 0x0D0E)
        let key = "simulated-\(settings.seed)-\(number)-\(random.next())"
        let began = ContinuousClock.now
        note { $0.placed += 1 }
        guard let answer = await send(key, body, user) else { return note { $0.unanswered += 1 } }
        guard answer.status == 202, let order = answer.orderID else {
            return note { $0.refused[answer.problem ?? "\(answer.status)", default: 0] += 1 }
        }
        let millis = Int32(clamping: Int64((ContinuousClock.now - began) / .milliseconds(1)))
        state.withLock { state in
            state.report.accepted += 1
            if ticket.isNonsense { state.report.nonsenseAccepted += 1 }
            if state.report.latencies.count < Self.latenciesMax { state.report.latencies.append(millis) }
            if state.accepted.count < Self.outcomesMax { state.accepted.append((order, user.token)) }
        }
        if Self.hits(settings.duplicateMillionths, &random) { await repeatSame(key, body, user, order) }
        if Self.hits(settings.conflictMillionths, &random) { await sendOther(key, ticket, user) }
    }

    private func repeatSame(_ key: String, _ body: Data, _ user: User, _ order: String) async {
        guard let again = await send(key, body, user) else { return }
        let isSame = again.status == 202 && again.orderID == order
        note {
            $0.duplicates += 1
            if !isSame { $0.duplicatesAnsweredOtherwise += 1 }
        }
    }

    private func sendOther(_ key: String, _ ticket: OrderTicket, _ user: User) async {
        var other = ticket
        other.quantity += 1
        guard let body = try? other.body(), let answer = await send(key, body, user) else { return }
        note {
            $0.conflicts += 1
            if answer.status != 422 { $0.conflictsNotRefused += 1 }
        }
    }

    /// Sends until there is an answer that stands; nil when the attempts are used up.
    private func send(_ key: String, _ body: Data, _ user: User) async -> GatewayClient.Answer? {
        var random = SystemRandomNumberGenerator()
        var attempt = 1
        while true {
            let answer = try? await client.send(.POST, "/v1/orders", token: user.token, key: key, body: body)
            if let answer, !answer.asksForRepetition { return answer }
            guard let wait = retries.delayMillis(afterAttempt: attempt, using: &random) else { return nil }
            attempt += 1
            note { $0.retries += 1 }
            let asked = Int64(min(answer?.retryAfterSeconds ?? 0, 10)) * 1_000
            try? await Task.sleep(for: .milliseconds(max(wait, asked)))
        }
    }

    /// Asks for each accepted order until it is decided, for `outcomeMillisMax` in all.
    private func askForOutcomes() async {
        let end = ContinuousClock.now + .milliseconds(settings.outcomeMillisMax)
        var waiting = state.withLock { $0.accepted }
        while !waiting.isEmpty {
            var undecided: [(order: String, token: String)] = []
            for (order, token) in waiting {
                let answer = try? await client.send(.GET, "/v1/orders/\(order)", token: token)
                guard let outcome = answer?.decoded(Outcome.self), outcome.status != "PENDING" else {
                    undecided.append((order, token))
                    // One user's questions are rate limited.
                    if answer?.status == 429 { try? await Task.sleep(for: .milliseconds(200)) }
                    continue
                }
                note { report in
                    if outcome.status == "FILLED" {
                        report.filled += 1
                    } else {
                        report.rejected[outcome.reason ?? "?", default: 0] += 1
                    }
                }
            }
            waiting = undecided
            guard ContinuousClock.now < end else { break }
            if !waiting.isEmpty { try? await Task.sleep(for: .milliseconds(250)) }
        }
        let left = waiting.count
        note { $0.pending = left }
    }

    private struct Outcome: Decodable {
        let status: String
        let reason: String?
    }

    private func note(_ change: (inout SimulationReport) -> Void) {
        state.withLock { state in change(&state.report) }
    }

    private static func hits(_ millionths: Int64, _ random: inout SplitMix64) -> Bool {
        Int64(random.next().multipliedFullWidth(by: 1_000_000).high) < millionths
    }
}

extension GatewayClient.Answer {
    fileprivate var orderID: String? {
        struct Body: Decodable { let orderId: String }
        return decoded(Body.self)?.orderId
    }

    /// Too many requests, or a system in trouble: what the answer says, or its status does.
    fileprivate var asksForRepetition: Bool { status == 429 || status >= 500 }
}
