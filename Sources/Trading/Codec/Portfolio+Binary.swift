extension Portfolio {
    private static let layoutVersion: UInt8 = 1

    /// The stored form: equal portfolios give equal bytes (holdings are sorted by symbol).
    public func encodeBinary() -> [UInt8] {
        var writer = BinaryWriter(version: Portfolio.layoutVersion, reservingBytes: 32 + holdings.count * 32)
        writer.int64(cash.units)
        writer.int64(version)
        writer.int64(updatedAtMillis)
        writer.int32(Int32(clamping: holdings.count))
        for (symbol, holding) in holdings.sorted(by: { $0.key < $1.key }) {
            writer.text(symbol.text)
            writer.int64(holding.quantity)
            writer.int64(holding.cost.units)
        }
        return writer.bytes
    }

    /// Reads the stored form. `bytes` are not kept.
    public static func decodeBinary(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Portfolio {
        var reader = try BinaryReader(bytes, version: layoutVersion)
        let cash = Money(units: try reader.int64())
        let version = try reader.int64()
        let updatedAtMillis = try reader.int64()
        let count = try reader.int32()
        guard count >= 0 else { throw reader.failure() }
        var holdings: [Symbol: Holding] = [:]
        for _ in 0..<count {
            let symbol = try reader.symbol()
            let quantity = try reader.int64()
            holdings[symbol] = Holding(quantity: quantity, cost: Money(units: try reader.int64()))
        }
        try reader.expectEnd()
        guard holdings.count == Int(count) else { throw reader.failure() }
        return Portfolio(cash: cash, holdings: holdings, version: version, updatedAtMillis: updatedAtMillis)
    }
}
