import ConnectorDynamoDB
import StoreKit
import Trading

/// Items of the tables `orders` and `order_requests`.
extension DynamoDBItems {
    /// The order is kept as the bytes that go to the topic, so that publishing it again publishes exactly those.
    static func order(_ accepted: AcceptedOrder) -> Item {
        let order = accepted.order
        return [
            "orderId": .string(order.orderID.description), "userId": .string(order.userID.text),
            "order": .string(String(decoding: order.encoded(), as: UTF8.self)),
            "placedAt": .number(order.placedAtMillis), "expires_at_ms": .number(accepted.orderExpiresAtMillis),
            "expires_at": expirySeconds(accepted.orderExpiresAtMillis),
        ]
    }

    static func order(_ item: Item) throws(StoreError) -> Order {
        let bytes = Array(try item.text("order").utf8)
        return try storeError { try Order.decode(bytes) }
    }

    static func request(_ accepted: AcceptedOrder) -> Item {
        let request = accepted.request
        return [
            "requestKey": .string(accepted.key.text), "orderId": .string(request.orderID.description),
            "request_hash": .string(request.hash.text), "state": .string(request.state.rawValue),
            "expires_at_ms": .number(request.expiresAtMillis), "expires_at": expirySeconds(request.expiresAtMillis),
        ]
    }

    static func request(_ item: Item) throws(StoreError) -> OrderRequest {
        guard let orderID = OrderID(try item.text("orderId")), let hash = RequestHash(try item.text("request_hash")),
            let state = OrderRequest.State(rawValue: try item.text("state"))
        else { throw .invalid("an item of order_requests is not one that this program writes") }
        return OrderRequest(
            orderID: orderID, hash: hash, state: state, expiresAtMillis: try item.integer("expires_at_ms"))
    }

    /// What DynamoDB's own expiry reads: whole seconds, rounded up so that it is never early.
    static func expirySeconds(_ millis: Int64) -> AttributeValue {
        .number(millis / 1000 + (millis % 1000 > 0 ? 1 : 0))
    }
}
