import Trading

/// Keys of the embedded stores: one prefix byte, then the id. No two stores use the same prefix.
enum RocksKey {
    /// `0x00` + "format" → version of the layout of keys.
    static let format: [UInt8] = [0x00] + Array("format".utf8)
    /// `0x01` + user → `Portfolio.encodeBinary`.
    static let portfolioPrefix: UInt8 = 0x01
    /// `0x02` + sixteen bytes of the order → `ExecutionRecord.encodeBinary`.
    static let executionPrefix: UInt8 = 0x02
    /// `0x03` + sixteen bytes of the order → `StoredOrder.encodeBinary`.
    static let orderPrefix: UInt8 = 0x03
    /// `0x04` + `RequestKey.text` → `OrderRequest.encodeBinary`.
    static let requestPrefix: UInt8 = 0x04

    static func portfolio(_ user: UserID) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(1 + user.text.utf8.count)
        key.append(portfolioPrefix)
        key.append(contentsOf: user.text.utf8)
        return key
    }

    static func execution(_ order: OrderID) -> [UInt8] { key(executionPrefix, order) }

    static func order(_ order: OrderID) -> [UInt8] { key(orderPrefix, order) }

    static func request(_ request: RequestKey) -> [UInt8] { [requestPrefix] + request.text.utf8 }

    private static func key(_ prefix: UInt8, _ order: OrderID) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(17)
        key.append(prefix)
        order.value.appendBytes(to: &key)
        return key
    }
}
