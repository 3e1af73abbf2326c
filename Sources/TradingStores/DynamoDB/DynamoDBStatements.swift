import ConnectorDynamoDB
import Foundation
import StoreKit
import Trading

/// Request bodies, and answers taken apart.
struct DynamoDBStatements {
    let portfolios: String
    let executions: String

    /// The portfolio first, the outcome second: `TransactionVerdict` relies on it.
    func transaction(_ commit: ExecutionCommit) -> Data {
        var put = DynamoDBRequest.put(executions, DynamoDBItems.execution(commit.record), unless: "orderId")
        put["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        let first: [String: Any]
        if let portfolio = commit.newPortfolio, case .trade(let trade) = commit.record.outcome {
            first = ["Update": update(commit, portfolio, trade)]
        } else {
            first = ["ConditionCheck": check(commit)]
        }
        return DynamoDBRequest.data(["TransactItems": [first, ["Put": put]]])
    }

    /// Besides the version, which alone would do, the condition says what the trade needs: a portfolio
    /// written by anything that forgot the version still cannot be overdrawn.
    private func update(_ commit: ExecutionCommit, _ portfolio: Portfolio, _ trade: Trade) -> [String: Any] {
        var names = [
            "#cash": "cash_balance", "#holdings": "holdings", "#version": "version", "#updated": "updated_at",
        ]
        var values: Item = [
            ":cash": .number(portfolio.cash.units), ":holdings": DynamoDBItems.holdings(portfolio.holdings),
            ":next": .number(portfolio.version), ":updated": .number(portfolio.updatedAtMillis),
            ":expected": .number(commit.expectedVersion ?? 0),
        ]
        var condition = "#version = :expected"
        if trade.side == .buy {
            condition += " AND #cash >= :cost"
            values[":cost"] = .number(trade.notional.units)
        } else {
            condition += " AND #holdings.#symbol.#quantity >= :sold"
            names["#symbol"] = trade.symbol.text
            names["#quantity"] = "quantity"
            values[":sold"] = .number(trade.quantity)
        }
        return [
            "TableName": portfolios, "Key": key(commit.user),
            "UpdateExpression": "SET #cash = :cash, #holdings = :holdings, #version = :next, #updated = :updated",
            "ConditionExpression": condition, "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values.jsonFields,
        ]
    }

    private func check(_ commit: ExecutionCommit) -> [String: Any] {
        var body: [String: Any] = ["TableName": portfolios, "Key": key(commit.user)]
        if let version = commit.expectedVersion {
            body["ConditionExpression"] = "#version = :expected"
            body["ExpressionAttributeNames"] = ["#version": "version"]
            body["ExpressionAttributeValues"] = [":expected": AttributeValue.number(version).json]
        } else {
            body["ConditionExpression"] = "attribute_not_exists(userId)"
        }
        return body
    }

    private func key(_ user: UserID) -> [String: Any] {
        ["userId": AttributeValue.string(user.text).json]
    }

    /// One of a cancelled transaction's reasons.
    struct Reason {
        let code: String
        let message: String
        let item: Item?
    }

    /// Nil: the transaction went through.
    static func cancellationReasons(_ answer: Data) -> [Reason]? {
        let object = DynamoDBRequest.object(answer)
        if object["__type"] == nil { return nil }
        return (object["CancellationReasons"] as? [[String: Any]] ?? []).map { reason in
            Reason(
                code: reason["Code"] as? String ?? "None", message: reason["Message"] as? String ?? "",
                item: Item(json: reason["Item"]))
        }
    }
}

/// What a transaction's answer says about the portfolio (first) and the outcome (second).
enum TransactionVerdict {
    case committed
    case versionMoved
    case executionExists(Item?)

    /// Failed conditions come first: they are final. Then what a retry may change, then what it will not.
    init(_ reasons: [DynamoDBStatements.Reason]?) throws(StoreError) {
        guard let reasons else {
            self = .committed
            return
        }
        if reasons.count == 2, reasons[1].code == "ConditionalCheckFailed" {
            self = .executionExists(reasons[1].item)
            return
        }
        try reasons.throwTransient()
        if reasons.count == 2, reasons[0].code == "ConditionalCheckFailed" {
            self = .versionMoved
            return
        }
        throw reasons.isEmpty ? .unavailable("a transaction was cancelled without a reason") : .invalid(reasons.said)
    }
}

extension [DynamoDBStatements.Reason] {
    /// What was said, for messages.
    var said: String { map { "\($0.code) \($0.message)" }.joined(separator: "; ") }

    /// Throws what a retry may change; does nothing when there is no such reason.
    func throwTransient() throws(StoreError) {
        let codes = Set(map(\.code))
        if codes.contains("TransactionConflict") { throw .conflict(said) }
        if !codes.isDisjoint(with: ["ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded"]) {
            throw .throttled(said)
        }
    }
}
