import Trading

/// An order as `GET /v1/orders/{orderId}` shows it.
package struct OrderView: Encodable, Sendable {
    package enum Status: String, Encodable, Sendable {
        case pending = "PENDING"
        case filled = "FILLED"
        case rejected = "REJECTED"
    }

    package let orderId: String
    package let status: Status
    package let symbol: String
    package let side: String
    package let quantity: Int64
    /// Absent for an order that did not come through the order service.
    let type: String?
    let limitPrice: String?
    let placedAt: String?
    let trade: TradeView?
    let reason: String?
    let detail: String?
    let rejectedAt: String?

    /// Nil when nothing is known of it.
    init?(order: Order?, outcome: Outcome?) {
        type = order.map { $0.kind.type == .market ? "MARKET" : "LIMIT" }
        if case .limit(let price)? = order?.kind { limitPrice = price.description } else { limitPrice = nil }
        placedAt = order.map { RFC3339.text($0.placedAtMillis) }
        switch outcome {
        case .trade(let filled)?:
            (orderId, symbol, side, quantity) = (
                filled.orderID.description, filled.symbol.text, filled.side.wireText, filled.quantity
            )
            status = .filled
            trade = TradeView(filled)
            (reason, detail, rejectedAt) = (nil, nil, nil)
        case .rejection(let refused)?:
            (orderId, symbol, side, quantity) = (
                refused.orderID.description, refused.symbol.text, refused.side.wireText, refused.quantity
            )
            status = .rejected
            trade = nil
            (reason, detail, rejectedAt) = (
                refused.reason.rawValue, refused.detail, RFC3339.text(refused.rejectedAtMillis)
            )
        case nil:
            guard let order else { return nil }
            (orderId, symbol, side, quantity) = (
                order.orderID.description, order.symbol.text, order.side.wireText, order.quantity
            )
            status = .pending
            trade = nil
            (reason, detail, rejectedAt) = (nil, nil, nil)
        }
    }
}

/// A trade as answers show it.
struct TradeView: Encodable, Sendable {
    let tradeId: String
    let orderId: String
    let symbol: String
    let side: String
    let quantity: Int64
    let price: String
    let notional: String
    let executedAt: String

    init(_ trade: Trade) {
        tradeId = trade.tradeID.description
        orderId = trade.orderID.description
        symbol = trade.symbol.text
        side = trade.side.wireText
        quantity = trade.quantity
        price = trade.price.description
        notional = trade.notional.description
        executedAt = RFC3339.text(trade.executedAtMillis)
    }
}

extension Side {
    /// `BUY` or `SELL`.
    var wireText: String { self == .buy ? "BUY" : "SELL" }

    init?(wireText: String) {
        switch wireText {
        case "BUY": self = .buy
        case "SELL": self = .sell
        default: return nil
        }
    }
}
