import StoreKit
import Trading

/// Judges what changes an order ledger: the only writer of a `RocksDBOrderLedger`.
struct OrderJudge: BatchJudge {
    enum Action: Sendable {
        case accept(AcceptedOrder, nowMillis: Int64)
        case markPublished(RequestKey)
    }

    private let database: RocksDatabase
    /// What the batch in hand writes.
    private var requests: [RequestKey: OrderRequest] = [:]
    private var orders: [OrderID: StoredOrder] = [:]

    init(database: RocksDatabase) {
        self.database = database
    }

    mutating func batchEnded(isWritten: Bool) {
        requests.removeAll(keepingCapacity: true)
        orders.removeAll(keepingCapacity: true)
    }

    mutating func stage(_ action: Action, in batch: inout RocksDatabase.Batch) throws(StoreError) -> AcceptResult {
        switch action {
        case .accept(let order, let nowMillis):
            if let known = try request(order.key), known.expiresAtMillis > nowMillis { return .known(known) }
            let id = order.order.orderID
            if let placed = try self.order(id), placed.expiresAtMillis > nowMillis { return .keyUsed }
            put(order.request, of: order.key, in: &batch)
            let stored = StoredOrder(order: order.order, expiresAtMillis: order.orderExpiresAtMillis)
            batch.put(RocksKey.order(id), stored.encodeBinary())
            orders[id] = stored
        case .markPublished(let key):
            if let known = try request(key), known.state == .pending { put(known.published, of: key, in: &batch) }
        }
        return .accepted
    }

    private mutating func put(_ request: OrderRequest, of key: RequestKey, in batch: inout RocksDatabase.Batch) {
        batch.put(RocksKey.request(key), request.encodeBinary())
        requests[key] = request
    }

    private func request(_ key: RequestKey) throws(StoreError) -> OrderRequest? {
        if let staged = requests[key] { return staged }
        return try database.request(key)
    }

    private func order(_ id: OrderID) throws(StoreError) -> StoredOrder? {
        if let staged = orders[id] { return staged }
        return try database.order(id)
    }
}

extension RocksDatabase {
    /// The request as stored, expired or not.
    func request(_ key: RequestKey) throws(StoreError) -> OrderRequest? {
        try storeError { try get(RocksKey.request(key)) { try $0.map(OrderRequest.decodeBinary) } }
    }

    /// The order as stored, expired or not.
    func order(_ id: OrderID) throws(StoreError) -> StoredOrder? {
        try storeError { try get(RocksKey.order(id)) { try $0.map(StoredOrder.decodeBinary) } }
    }
}
