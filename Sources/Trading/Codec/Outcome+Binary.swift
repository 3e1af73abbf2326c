extension Outcome {
    private static let layoutVersion: UInt8 = 1

    /// Appends the stored form to `writer`.
    public func encodeBinary(into writer: inout BinaryWriter) {
        switch self {
        case .trade(let trade):
            writer.byte(0)
            writer.uuid(trade.tradeID.value)
            writer.uuid(trade.orderID.value)
            writer.text(trade.userID.text)
            writer.text(trade.symbol.text)
            writer.byte(trade.side.rawValue)
            writer.int64(trade.quantity)
            writer.int64(trade.price.units)
            writer.int64(trade.notional.units)
            writer.int64(trade.executedAtMillis)
        case .rejection(let rejection):
            writer.byte(1)
            writer.uuid(rejection.orderID.value)
            writer.text(rejection.userID.text)
            writer.text(rejection.symbol.text)
            writer.byte(rejection.side.rawValue)
            writer.int64(rejection.quantity)
            writer.text(rejection.reason.rawValue)
            writer.text(rejection.detail)
            writer.int64(rejection.rejectedAtMillis)
        }
    }

    /// The stored form on its own.
    public func encodeBinary() -> [UInt8] {
        var writer = BinaryWriter(version: Outcome.layoutVersion, reservingBytes: 160)
        encodeBinary(into: &writer)
        return writer.bytes
    }

    /// Reads the stored form that stands on its own. `bytes` are not kept.
    public static func decodeBinary(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Outcome {
        var reader = try BinaryReader(bytes, version: layoutVersion)
        let outcome = try decodeBinary(from: &reader)
        try reader.expectEnd()
        return outcome
    }

    /// Reads the stored form at `reader`.
    public static func decodeBinary(from reader: inout BinaryReader) throws(DecodingFailure) -> Outcome {
        switch try reader.byte() {
        case 0: .trade(try trade(from: &reader))
        case 1: .rejection(try rejection(from: &reader))
        default: throw reader.failure()
        }
    }

    private static func trade(from reader: inout BinaryReader) throws(DecodingFailure) -> Trade {
        let tradeID = TradeID(try reader.uuid())
        let orderID = OrderID(try reader.uuid())
        let userID = try reader.userID()
        let symbol = try reader.symbol()
        let side = try side(from: &reader)
        let quantity = try reader.int64()
        let price = Price(units: try reader.int64())
        let notional = Money(units: try reader.int64())
        return Trade(
            tradeID: tradeID, orderID: orderID, userID: userID, symbol: symbol, side: side, quantity: quantity,
            price: price, notional: notional, executedAtMillis: try reader.int64())
    }

    private static func rejection(from reader: inout BinaryReader) throws(DecodingFailure) -> Rejection {
        let orderID = OrderID(try reader.uuid())
        let userID = try reader.userID()
        let symbol = try reader.symbol()
        let side = try side(from: &reader)
        let quantity = try reader.int64()
        guard let reason = RejectionReason(rawValue: try reader.text()) else { throw reader.failure() }
        let detail = try reader.text()
        return Rejection(
            orderID: orderID, userID: userID, symbol: symbol, side: side, quantity: quantity,
            reason: reason, detail: detail, rejectedAtMillis: try reader.int64())
    }

    private static func side(from reader: inout BinaryReader) throws(DecodingFailure) -> Side {
        guard let side = Side(rawValue: try reader.byte()) else { throw reader.failure() }
        return side
    }
}
