import Trading

/// Keys of the embedded portfolio store: one prefix byte, then the id.
enum RocksKey {
    /// `0x00` + "format" → version of the layout of keys.
    static let format: [UInt8] = [0x00] + Array("format".utf8)
    /// `0x01` + user → `Portfolio.encodeBinary`.
    static let portfolioPrefix: UInt8 = 0x01
    /// `0x02` + sixteen bytes of the order → `ExecutionRecord.encodeBinary`.
    static let executionPrefix: UInt8 = 0x02

    static func portfolio(_ user: UserID) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(1 + user.text.utf8.count)
        key.append(portfolioPrefix)
        key.append(contentsOf: user.text.utf8)
        return key
    }

    static func execution(_ order: OrderID) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(17)
        key.append(executionPrefix)
        order.value.appendBytes(to: &key)
        return key
    }
}
