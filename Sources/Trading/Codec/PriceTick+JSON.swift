extension PriceTick: JSONRecord {
    private static let required: [StaticString] = ["symbol", "price", "seq", "ts"]

    public static func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> PriceTick {
        var scanner = try JSONScanner(bytes)
        var fields = FieldSet()
        var symbol: Symbol?
        var priceUnits: Int64 = 0
        var seq: Int64 = 0
        var timestampMillis: Int64 = 0
        try scanner.record { (scanner, name) throws(DecodingFailure) in
            switch name.count {
            case 6 where name.isRaw("symbol"):
                try fields.insert(0, "symbol", scanner)
                symbol = try scanner.symbol("symbol")
            case 5 where name.isRaw("price"):
                try fields.insert(1, "price", scanner)
                priceUnits = try scanner.units("price")
            case 3 where name.isRaw("seq"):
                try fields.insert(2, "seq", scanner)
                seq = try scanner.integer(field: "seq")
            case 2 where name.isRaw("ts"):
                try fields.insert(3, "ts", scanner)
                timestampMillis = try scanner.integer(field: "ts")
            default:
                try scanner.skipValue(depth: 1)
            }
        }
        try fields.require(required, count: 4, scanner)
        guard let symbol else { throw scanner.failure(.missingField) }
        return PriceTick(
            symbol: symbol, price: Price(units: priceUnits), seq: seq, timestampMillis: timestampMillis)
    }

    public func encode(into output: inout [UInt8]) {
        JSONWriter.append(to: &output, freeTextBytes: 0) { writer in
            writer.raw("{\"symbol\":\"")
            writer.plain(symbol.text)
            writer.raw("\",\"price\":\"")
            writer.pricedAt(pricedAt)
        }
    }
}

extension PricedAt: JSONRecord {
    private static let required: [StaticString] = ["price", "seq", "ts"]

    public static func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> PricedAt {
        var scanner = try JSONScanner(bytes)
        var fields = FieldSet()
        var priceUnits: Int64 = 0
        var seq: Int64 = 0
        var timestampMillis: Int64 = 0
        try scanner.record { (scanner, name) throws(DecodingFailure) in
            switch name.count {
            case 5 where name.isRaw("price"):
                try fields.insert(0, "price", scanner)
                priceUnits = try scanner.units("price")
            case 3 where name.isRaw("seq"):
                try fields.insert(1, "seq", scanner)
                seq = try scanner.integer(field: "seq")
            case 2 where name.isRaw("ts"):
                try fields.insert(2, "ts", scanner)
                timestampMillis = try scanner.integer(field: "ts")
            default:
                try scanner.skipValue(depth: 1)
            }
        }
        try fields.require(required, count: 3, scanner)
        return PricedAt(price: Price(units: priceUnits), seq: seq, timestampMillis: timestampMillis)
    }

    public func encode(into output: inout [UInt8]) {
        JSONWriter.append(to: &output, freeTextBytes: 0) { writer in
            writer.raw("{\"price\":\"")
            writer.pricedAt(self)
        }
    }
}

extension JSONWriter {
    /// The price, behind its opening quote, to the end of the object.
    fileprivate mutating func pricedAt(_ value: PricedAt) {
        units(value.price.units)
        raw("\",\"seq\":")
        integer(value.seq)
        raw(",\"ts\":")
        integer(value.timestampMillis)
        raw("}")
    }
}
