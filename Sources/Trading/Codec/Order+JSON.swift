extension Order: JSONRecord {
    private static let required: [StaticString] = [
        "orderId", "userId", "symbol", "side", "type", "quantity", "placedAt",
    ]

    public static func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Order {
        var scanner = try JSONScanner(bytes)
        var fields = FieldSet()
        var orderID: OrderID?
        var userID: UserID?
        var symbol: Symbol?
        var side = Side.buy
        var type = OrderType.market
        var quantity: Int64 = 0
        var placedAtMillis: Int64 = 0
        var limit: OrderKind?
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
            case 4 where name.isRaw("type"):
                try fields.insert(4, "type", scanner)
                type = try scanner.orderType("type")
            case 8 where name.isRaw("quantity"):
                try fields.insert(5, "quantity", scanner)
                quantity = try scanner.integer(field: "quantity")
            case 8 where name.isRaw("placedAt"):
                try fields.insert(6, "placedAt", scanner)
                placedAtMillis = try scanner.integer(field: "placedAt")
            case 10 where name.isRaw("limitPrice"):
                try fields.insert(7, "limitPrice", scanner)
                limit = try scanner.limitPrice("limitPrice")
            default:
                try scanner.skipValue(depth: 1)
            }
        }
        try fields.require(required, count: 7, scanner)
        guard let orderID, let userID, let symbol else { throw scanner.failure(.missingField) }
        return Order(
            orderID: orderID, userID: userID, symbol: symbol, side: side, kind: OrderKind(type, limit),
            quantity: quantity, placedAtMillis: placedAtMillis)
    }

    public func encode(into output: inout [UInt8]) {
        var text: String?
        if case .senseless(_, let limitPrice) = kind { text = limitPrice }
        JSONWriter.append(to: &output, freeTextBytes: text?.utf8.count ?? 0) { writer in
            writer.raw("{\"orderId\":\"")
            writer.uuid(orderID.value)
            writer.raw("\",\"userId\":\"")
            writer.plain(userID.text)
            writer.raw("\",\"symbol\":\"")
            writer.plain(symbol.text)
            writer.raw(side == .buy ? "\",\"side\":\"BUY\"" : "\",\"side\":\"SELL\"")
            writer.raw(kind.type == .market ? ",\"type\":\"MARKET\"" : ",\"type\":\"LIMIT\"")
            writer.raw(",\"quantity\":")
            writer.integer(quantity)
            if case .limit(let price) = kind {
                writer.raw(",\"limitPrice\":\"")
                writer.units(price.units)
                writer.raw("\"")
            } else if let text {
                writer.raw(",\"limitPrice\":\"")
                writer.escaped(text)
                writer.raw("\"")
            }
            writer.raw(",\"placedAt\":")
            writer.integer(placedAtMillis)
            writer.raw("}")
        }
    }
}

extension OrderKind {
    /// `limit` is what `limitPrice` was read as: a price, or a text that is none.
    init(_ type: OrderType, _ limit: OrderKind?) {
        self =
            switch (type, limit) {
            case (.market, nil): .market
            case (.limit, nil): .senseless(.limit, limitPrice: nil)
            case (.limit, let limit?): limit
            case (.market, .limit(let price)?): .senseless(.market, limitPrice: price.description)
            case (.market, .senseless(_, let text)?): .senseless(.market, limitPrice: text)
            case (.market, .market?): .market
            }
    }
}

extension JSONScanner {
    mutating func orderType(_ field: StaticString) throws(DecodingFailure) -> OrderType {
        try value(field) { bytes in
            if bytes.elementsEqual("MARKET".utf8) { return .market }
            return bytes.elementsEqual("LIMIT".utf8) ? .limit : nil
        }
    }

    /// A limit price, readable or not; nil for `null`.
    mutating func limitPrice(_ field: StaticString) throws(DecodingFailure) -> OrderKind? {
        if peek() == UInt8(ascii: "n") {
            try literal("null")
            return nil
        }
        return try value(field) { bytes in
            switch FixedPoint.parse(bytes) {
            case .success(let units): .limit(Price(units: units))
            case .failure: .senseless(.limit, limitPrice: String(decoding: bytes, as: UTF8.self))
            }
        }
    }
}
