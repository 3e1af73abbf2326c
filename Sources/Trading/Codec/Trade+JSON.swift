extension Trade: JSONRecord {
    private static let required: [StaticString] = [
        "tradeId", "orderId", "userId", "symbol", "side", "quantity", "price", "notional", "executedAt",
    ]

    /// Besides the shape it is checked that quantity and price are positive and notional is their product:
    /// a trade is written by this system only, so anything else is damage.
    public static func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Trade {
        var scanner = try JSONScanner(bytes)
        var fields = FieldSet()
        var tradeID: TradeID?
        var orderID: OrderID?
        var userID: UserID?
        var symbol: Symbol?
        var side = Side.buy
        var quantity: Int64 = 0
        var price = Price(units: 0)
        var notional = Money.zero
        var executedAtMillis: Int64 = 0
        try scanner.record { (scanner, name) throws(DecodingFailure) in
            switch name.count {
            case 7 where name.isRaw("tradeId"):
                try fields.insert(0, "tradeId", scanner)
                tradeID = TradeID(try scanner.orderID("tradeId").value)
            case 7 where name.isRaw("orderId"):
                try fields.insert(1, "orderId", scanner)
                orderID = try scanner.orderID("orderId")
            case 6 where name.isRaw("userId"):
                try fields.insert(2, "userId", scanner)
                userID = try scanner.userID("userId")
            case 6 where name.isRaw("symbol"):
                try fields.insert(3, "symbol", scanner)
                symbol = try scanner.symbol("symbol")
            case 4 where name.isRaw("side"):
                try fields.insert(4, "side", scanner)
                side = try scanner.side("side")
            case 8 where name.isRaw("quantity"):
                try fields.insert(5, "quantity", scanner)
                quantity = try scanner.integer(field: "quantity")
            case 5 where name.isRaw("price"):
                try fields.insert(6, "price", scanner)
                price = Price(units: try scanner.units("price"))
            case 8 where name.isRaw("notional"):
                try fields.insert(7, "notional", scanner)
                notional = Money(units: try scanner.units("notional"))
            case 10 where name.isRaw("executedAt"):
                try fields.insert(8, "executedAt", scanner)
                executedAtMillis = try scanner.integer(field: "executedAt")
            default:
                try scanner.skipValue(depth: 1)
            }
        }
        try fields.require(required, count: 9, scanner)
        guard let tradeID, let orderID, let userID, let symbol else { throw scanner.failure(.missingField) }
        if quantity < 1 { throw scanner.failure(.malformedValue, field: "quantity") }
        if price.units < 1 { throw scanner.failure(.malformedValue, field: "price") }
        if price.notional(quantity: quantity) != notional {
            throw scanner.failure(.malformedValue, field: "notional")
        }
        return Trade(
            tradeID: tradeID, orderID: orderID, userID: userID, symbol: symbol, side: side,
            quantity: quantity, price: price, notional: notional, executedAtMillis: executedAtMillis)
    }

    public func encode(into output: inout [UInt8]) {
        JSONWriter.append(to: &output, freeTextBytes: 0) { writer in
            writer.raw("{\"tradeId\":\"")
            writer.uuid(tradeID.value)
            writer.raw("\",\"orderId\":\"")
            writer.uuid(orderID.value)
            writer.raw("\",\"userId\":\"")
            writer.plain(userID.text)
            writer.raw("\",\"symbol\":\"")
            writer.plain(symbol.text)
            writer.raw(side == .buy ? "\",\"side\":\"BUY\",\"quantity\":" : "\",\"side\":\"SELL\",\"quantity\":")
            writer.integer(quantity)
            writer.raw(",\"price\":\"")
            writer.units(price.units)
            writer.raw("\",\"notional\":\"")
            writer.units(notional.units)
            writer.raw("\",\"executedAt\":")
            writer.integer(executedAtMillis)
            writer.raw("}")
        }
    }
}
