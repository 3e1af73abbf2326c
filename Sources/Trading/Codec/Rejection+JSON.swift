extension Rejection: JSONRecord {
    private static let required: [StaticString] = [
        "orderId", "userId", "symbol", "side", "quantity", "reason", "detail", "rejectedAt",
    ]

    public static func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Rejection {
        var scanner = try JSONScanner(bytes)
        var fields = FieldSet()
        var orderID: OrderID?
        var userID: UserID?
        var symbol: Symbol?
        var side = Side.buy
        var quantity: Int64 = 0
        var reason = RejectionReason.invalidOrder
        var detail = ""
        var rejectedAtMillis: Int64 = 0
        try scanner.record { (scanner, name) throws(DecodingFailure) in
            switch name.count {
            case 7 where name.isRaw("orderId"):
                try fields.insert(0, "orderId", scanner)
                orderID = try scanner.orderID("orderId")
            case 6 where name.isRaw("userId"):
                try fields.insert(1, "userId", scanner)
                userID = try scanner.userID("userId")
            case 6 where name.isRaw("symbol"):
                try fields.insert(2, "symbol", scanner)
                symbol = try scanner.symbol("symbol")
            case 4 where name.isRaw("side"):
                try fields.insert(3, "side", scanner)
                side = try scanner.side("side")
            case 8 where name.isRaw("quantity"):
                try fields.insert(4, "quantity", scanner)
                quantity = try scanner.integer(field: "quantity")
            case 6 where name.isRaw("reason"):
                try fields.insert(5, "reason", scanner)
                reason = try scanner.value("reason") { RejectionReason(rawValue: String(decoding: $0, as: UTF8.self)) }
            case 6 where name.isRaw("detail"):
                try fields.insert(6, "detail", scanner)
                detail = try scanner.wholeText("detail")
            case 10 where name.isRaw("rejectedAt"):
                try fields.insert(7, "rejectedAt", scanner)
                rejectedAtMillis = try scanner.integer(field: "rejectedAt")
            default:
                try scanner.skipValue(depth: 1)
            }
        }
        try fields.require(required, count: 8, scanner)
        guard let orderID, let userID, let symbol else { throw scanner.failure(.missingField) }
        return Rejection(
            orderID: orderID, userID: userID, symbol: symbol, side: side, quantity: quantity,
            reason: reason, detail: detail, rejectedAtMillis: rejectedAtMillis)
    }

    public func encode(into output: inout [UInt8]) {
        JSONWriter.append(to: &output, freeTextBytes: detail.utf8.count) { writer in
            writer.raw("{\"orderId\":\"")
            writer.uuid(orderID.value)
            writer.raw("\",\"userId\":\"")
            writer.plain(userID.text)
            writer.raw("\",\"symbol\":\"")
            writer.plain(symbol.text)
            writer.raw(side == .buy ? "\",\"side\":\"BUY\",\"quantity\":" : "\",\"side\":\"SELL\",\"quantity\":")
            writer.integer(quantity)
            writer.raw(",\"reason\":\"")
            writer.plain(reason.rawValue)
            writer.raw("\",\"detail\":\"")
            writer.escaped(detail)
            writer.raw("\",\"rejectedAt\":")
            writer.integer(rejectedAtMillis)
            writer.raw("}")
        }
    }
}
