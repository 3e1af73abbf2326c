import ConnectorDynamoDB
import Foundation
import StoreKit
import Trading

/// Items of the tables `portfolios` and `executions`, as the contract lists their attributes.
enum DynamoDBItems {
    // MARK: portfolios

    static func portfolio(_ user: UserID, _ portfolio: Portfolio) -> Item {
        [
            "userId": .string(user.text), "cash_balance": .number(portfolio.cash.units),
            "holdings": holdings(portfolio.holdings), "version": .number(portfolio.version),
            "updated_at": .number(portfolio.updatedAtMillis),
        ]
    }

    static func holdings(_ holdings: [Symbol: Holding]) -> AttributeValue {
        var fields: Item = [:]
        for (symbol, holding) in holdings {
            fields[symbol.text] = .map([
                "quantity": .number(holding.quantity), "cost": .number(holding.cost.units),
            ])
        }
        return .map(fields)
    }

    static func portfolio(_ item: Item) throws(StoreError) -> Portfolio {
        guard case .map(let fields)? = item["holdings"] else {
            throw .invalid("the attribute 'holdings' of a portfolio is not a map")
        }
        var holdings: [Symbol: Holding] = [:]
        for (name, value) in fields {
            guard let symbol = Symbol(name), case .map(let holding) = value else {
                throw .invalid("a portfolio holds '\(name)', which is no symbol with quantity and cost")
            }
            holdings[symbol] = Holding(
                quantity: try holding.integer("quantity"), cost: Money(units: try holding.integer("cost")))
        }
        return Portfolio(
            cash: Money(units: try item.integer("cash_balance")), holdings: holdings,
            version: try item.integer("version"), updatedAtMillis: try item.integer("updated_at"))
    }

    // MARK: executions

    /// The outcome is kept as the bytes that go to the topic, so that a replay emits exactly those.
    static func execution(_ record: ExecutionRecord) -> Item {
        let kind: String
        let bytes: [UInt8]
        switch record.outcome {
        case .trade(let trade): (kind, bytes) = ("trade", trade.encoded())
        case .rejection(let rejection): (kind, bytes) = ("rejection", rejection.encoded())
        }
        return [
            "orderId": .string(record.outcome.orderID.description), "userId": .string(record.outcome.userID.text),
            "kind": .string(kind), "outcome": .string(String(decoding: bytes, as: UTF8.self)),
            "source_topic": .string(record.source.topic), "source_partition": .number(Int64(record.source.partition)),
            "source_offset": .number(record.source.offset), "expires_at_ms": .number(record.expiresAtMillis),
            "expires_at": expirySeconds(record.expiresAtMillis),
        ]
    }

    static func execution(_ item: Item) throws(StoreError) -> ExecutionRecord {
        let bytes = Array(try item.text("outcome").utf8)
        let kind = try item.text("kind")
        let outcome: Outcome = try storeError {
            kind == "trade" ? .trade(try Trade.decode(bytes)) : .rejection(try Rejection.decode(bytes))
        }
        let partition = try item.integer("source_partition")
        guard let partition = Int32(exactly: partition) else { throw .invalid("no partition: \(partition)") }
        let source = SourcePosition(
            topic: try item.text("source_topic"), partition: partition, offset: try item.integer("source_offset"))
        return ExecutionRecord(outcome: outcome, source: source, expiresAtMillis: try item.integer("expires_at_ms"))
    }
}
