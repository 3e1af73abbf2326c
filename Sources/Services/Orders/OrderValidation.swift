import StoreKit
import Trading
import TradingStores

/// What a new order must be like to be accepted. Its verdict on cash, holdings and price is a courtesy: the execution job
/// decides, later and for good.
struct OrderValidation: Sendable {
    let portfolios: any PortfolioStore
    let prices: any PriceStore
    let symbols: Set<Symbol>
    let calls: RequestRetries.Calls

    /// The order in `body`, which `known` is told before it is checked. Throws `Problem` with the reason it is refused.
    func order(
        in body: [UInt8], _ key: RequestKey, placedAtMillis: Int64, known tell: @Sendable (Order) -> Void
    ) async throws -> Order {
        let order = try draft(body).placed(by: key.user, key: key.key, atMillis: placedAtMillis)
        tell(order)
        if let reason = order.validate() { throw Problem.refused(.invalidOrder, reason.description) }
        guard symbols.contains(order.symbol) else {
            throw Problem.refused(.unknownSymbol, "\(order.symbol) is not traded here")
        }
        let latest = try await calls.run { () async throws(StoreError) in try await prices.latest(order.symbol) }
        guard let price = latest?.price else {
            throw Problem(
                "no-price", "There is no price yet", .serviceUnavailable,
                "No price of \(order.symbol) has arrived yet; repeat the request.", retryAfterSeconds: 1)
        }
        try await check(order, at: order.checkPrice(latest: price))
        return order
    }

    private func draft(_ body: [UInt8]) throws(Problem) -> OrderDraft {
        do {
            return try OrderDraft.decode(body)
        } catch {
            throw .badRequest("The order cannot be read: \(error).\(Self.rule(of: error))")
        }
    }

    /// What it should have been, as a sentence of its own; empty where the failure says it.
    private static func rule(of failure: DecodingFailure) -> String {
        switch (failure.problem, failure.field) {
        case (.malformedJSON, _): " Send one JSON object in UTF-8."
        case (.unknownField, _): " Known are symbol, side, type, quantity and limitPrice."
        case (.wrongType, "quantity"), (.malformedValue, "quantity"): " It is a whole number of shares, without quotes."
        case (.wrongType, "limitPrice"), (.malformedValue, "limitPrice"): " It is a decimal number in quotes, such as \"189.25\"."
        case (.wrongType, "symbol"), (.malformedValue, "symbol"): " It is 1 to 12 of A-Z, 0-9 and '.', in quotes."
        case (.wrongType, "side"), (.malformedValue, "side"): " It is \"BUY\" or \"SELL\"."
        case (.wrongType, "type"), (.malformedValue, "type"): " It is \"MARKET\" or \"LIMIT\"."
        default: ""
        }
    }

    /// Once by a cheap read, and before refusing once more by one that sees everything committed.
    private func check(_ order: Order, at price: Price) async throws {
        guard try await refusal(order, price, consistent: false) != nil else { return }
        if let refusal = try await refusal(order, price, consistent: true) { throw refusal }
    }

    private func refusal(_ order: Order, _ price: Price, consistent: Bool) async throws(StoreError) -> Problem? {
        let stored = try await calls.run { () async throws(StoreError) in
            try await portfolios.portfolio(order.userID, consistent: consistent)
        }
        guard let portfolio = stored else {
            return .refused(.unknownUser, "there is no account; open one with POST /v1/accounts")
        }
        switch portfolio.apply(order, at: price, executedAtMillis: order.placedAtMillis) {
        case .success: return nil
        case .failure(let refusal): return .refused(refusal.reason, refusal.detail)
        }
    }
}

extension Order {
    /// The price an order is checked at: a limit to buy never pays more than the limit.
    func checkPrice(latest: Price) -> Price {
        if case .limit(let limit) = kind, side == .buy { return min(limit, latest) }
        return latest
    }
}

extension Problem {
    /// An order refused at the door: the same reasons as the execution job's, as slugs.
    static func refused(_ reason: RejectionReason, _ detail: String) -> Problem {
        Problem(
            reason.rawValue.lowercased().replacing("_", with: "-"), "The order is refused: \(reason.rawValue)",
            .unprocessableContent, "The order is refused: \(detail).")
    }
}
