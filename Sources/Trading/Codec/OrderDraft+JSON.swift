extension OrderDraft {
    private static let required: [StaticString] = ["symbol", "side", "type", "quantity"]

    /// Reads the body of a request. Unlike a record on a topic it may hold no field that is not known: `limitprice`
    /// overlooked would turn a limit into none.
    public static func decode(_ bytes: [UInt8]) throws(DecodingFailure) -> OrderDraft {
        let result = bytes.withUnsafeBytes { buffer in
            Result { () throws(DecodingFailure) in try decode(buffer) }
        }
        return try result.get()
    }

    private static func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> OrderDraft {
        var scanner = try JSONScanner(bytes)
        var fields = FieldSet()
        var symbol: Symbol?
        var side = Side.buy
        var type = OrderType.market
        var quantity: Int64 = 0
        var limit: OrderKind?
        try scanner.record { (scanner, name) throws(DecodingFailure) in
            switch name.count {
            case 6 where name.isRaw("symbol"):
                try fields.insert(0, "symbol", scanner)
                symbol = try scanner.symbol("symbol")
            case 4 where name.isRaw("side"):
                try fields.insert(1, "side", scanner)
                side = try scanner.side("side")
            case 4 where name.isRaw("type"):
                try fields.insert(2, "type", scanner)
                type = try scanner.orderType("type")
            case 8 where name.isRaw("quantity"):
                try fields.insert(3, "quantity", scanner)
                quantity = try scanner.integer(field: "quantity")
            case 10 where name.isRaw("limitPrice"):
                try fields.insert(4, "limitPrice", scanner)
                limit = try scanner.limitPrice("limitPrice")
            default:
                throw scanner.failure(.unknownField)
            }
        }
        try fields.require(required, count: 4, scanner)
        guard let symbol else { throw scanner.failure(.missingField) }
        return OrderDraft(symbol: symbol, side: side, kind: OrderKind(type, limit), quantity: quantity)
    }
}
