import StoreKit
import Synchronization
import Trading

/// The model the conformance suite measures other ledgers by: the conditions of `OrderLedger`, said once in the
/// plainest way, under one lock. Keeps nothing beyond the process (promise 4 is not its).
public final class MemoryOrderLedger: OrderLedger {
    private struct Contents {
        var requests: [RequestKey: OrderRequest] = [:]
        var orders: [OrderID: (order: Order, expiresAtMillis: Int64)] = [:]
    }

    private let contents = Mutex(Contents())

    public init() {}

    public func request(_ key: RequestKey, nowMillis: Int64) async throws(StoreError) -> OrderRequest? {
        contents.withLock { contents in
            contents.requests[key].flatMap { $0.expiresAtMillis > nowMillis ? $0 : nil }
        }
    }

    public func order(_ id: OrderID, nowMillis: Int64) async throws(StoreError) -> Order? {
        contents.withLock { contents in
            contents.orders[id].flatMap { $0.expiresAtMillis > nowMillis ? $0.order : nil }
        }
    }

    public func accept(_ order: AcceptedOrder, nowMillis: Int64) async throws(StoreError) -> AcceptResult {
        if let contradiction = order.contradiction() { throw .invalid(contradiction) }
        return contents.withLock { contents in
            if let known = contents.requests[order.key], known.expiresAtMillis > nowMillis { return .known(known) }
            if let placed = contents.orders[order.order.orderID], placed.expiresAtMillis > nowMillis { return .keyUsed }
            contents.requests[order.key] = order.request
            contents.orders[order.order.orderID] = (order.order, order.orderExpiresAtMillis)
            return .accepted
        }
    }

    public func markPublished(_ key: RequestKey) async throws(StoreError) {
        contents.withLock { contents in
            contents.requests[key] = contents.requests[key]?.published
        }
    }

    public func close() async {}
}
