import StoreKit
import Trading

/// What the order service has accepted: orders, and the requests they came by.
///
/// Promises of every implementation, checked by one conformance suite:
/// 1. `accept` records the order and its request together or not at all.
/// 2. A request is accepted once: whoever comes with the same key gets the request that was there first.
/// 3. A key whose request has been forgotten never names a second order while its first one is remembered.
/// 4. What `accept` has answered survives the loss of this process.
/// 5. `request` sees every `accept` that was answered before it was called.
///
/// All methods may be called from any task, concurrently. Errors are `StoreError`; after a retryable one the
/// effect may or may not have happened, which `request` tells.
public protocol OrderLedger: Sendable {
    /// The request of this key (strongly consistent), nil when there is none or it has expired by `nowMillis`.
    func request(_ key: RequestKey, nowMillis: Int64) async throws(StoreError) -> OrderRequest?

    /// The order (strongly consistent), nil when there is none or it has expired by `nowMillis`.
    func order(_ id: OrderID, nowMillis: Int64) async throws(StoreError) -> Order?

    /// Records a new order and its request, as PENDING.
    func accept(_ order: AcceptedOrder, nowMillis: Int64) async throws(StoreError) -> AcceptResult

    /// Notes that the order of this request is on the topic. Does nothing for a request that is gone.
    func markPublished(_ key: RequestKey) async throws(StoreError)

    /// Ends background work and closes files. Calls under way fail with `.unavailable`. Idempotent.
    func close() async
}

/// Names a request: the user and the user's own key for it.
public struct RequestKey: Hashable, Sendable {
    public let user: UserID
    public let key: IdempotencyKey

    public init(_ user: UserID, _ key: IdempotencyKey) {
        self.user = user
        self.key = key
    }

    /// `userId#idempotencyKey`. Unambiguous, because no user id holds a `#`.
    public var text: String { "\(user.text)#\(key.text)" }
    /// The order such a request places.
    public var orderID: OrderID { OrderID(user: user, idempotencyKey: key.text) }
}

/// A request as it was recorded.
public struct OrderRequest: Hashable, Sendable {
    /// Whether its order is known to be on the topic.
    public enum State: String, Hashable, Sendable {
        case pending = "PENDING"
        case published = "PUBLISHED"
    }

    public let orderID: OrderID
    /// Of the body it came with: another body under the same key is another request.
    public let hash: RequestHash
    public let state: State
    /// When it may be forgotten, epoch milliseconds. Readers judge it themselves: a store deletes late.
    public let expiresAtMillis: Int64

    public init(orderID: OrderID, hash: RequestHash, state: State, expiresAtMillis: Int64) {
        self.orderID = orderID
        self.hash = hash
        self.state = state
        self.expiresAtMillis = expiresAtMillis
    }

    /// The same once its order is on the topic.
    var published: OrderRequest {
        OrderRequest(orderID: orderID, hash: hash, state: .published, expiresAtMillis: expiresAtMillis)
    }
}

/// A new order on its way into the ledger.
public struct AcceptedOrder: Hashable, Sendable {
    public let key: RequestKey
    public let order: Order
    public let hash: RequestHash
    /// When the request may be forgotten, epoch milliseconds.
    public let requestExpiresAtMillis: Int64
    /// When the order may be forgotten: not before its outcome is.
    public let orderExpiresAtMillis: Int64

    /// `order` must be the one that `key` names.
    public init(
        key: RequestKey, order: Order, hash: RequestHash, requestExpiresAtMillis: Int64, orderExpiresAtMillis: Int64
    ) {
        self.key = key
        self.order = order
        self.hash = hash
        self.requestExpiresAtMillis = requestExpiresAtMillis
        self.orderExpiresAtMillis = orderExpiresAtMillis
    }

    var request: OrderRequest {
        OrderRequest(orderID: order.orderID, hash: hash, state: .pending, expiresAtMillis: requestExpiresAtMillis)
    }

    /// Why this contradicts itself, nil when it does not. Stores refuse such a one as `.invalid`.
    func contradiction() -> String? {
        if order.orderID != key.orderID { return "order \(order.orderID) under the key of another" }
        return order.userID == key.user ? nil : "an order of \(order.userID) under a key of \(key.user)"
    }
}

/// What `accept` did.
public enum AcceptResult: Hashable, Sendable {
    /// Recorded.
    case accepted
    /// Nothing changed: this request was there first.
    case known(OrderRequest)
    /// Nothing changed: the key's request is forgotten, but the order it placed is not.
    case keyUsed
}
