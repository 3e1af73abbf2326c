/// Which fields of a record have been read, and whether all that must be there are.
struct FieldSet {
    private var bits: UInt32 = 0

    /// Notes field `number`. Fails when it was noted before.
    @inline(__always)
    mutating func insert(_ number: UInt32, _ name: StaticString, _ scanner: JSONScanner) throws(DecodingFailure) {
        let bit: UInt32 = 1 << number
        if bits & bit != 0 { throw scanner.failure(.duplicateField, field: "\(name)") }
        bits |= bit
    }

    /// Fails unless fields 0 ..< `names.count` were noted.
    @inline(__always)
    func require(_ names: [StaticString], count: UInt32, _ scanner: JSONScanner) throws(DecodingFailure) {
        let all = (1 as UInt32) << count &- 1
        if bits & all == all { return }
        throw missing(names, scanner)
    }

    private func missing(_ names: [StaticString], _ scanner: JSONScanner) -> DecodingFailure {
        let number = (~bits).trailingZeroBitCount
        return scanner.failure(.missingField, field: number < names.count ? "\(names[number])" : nil)
    }
}

extension JSONScanner {
    /// Consumes a whole record, an object and nothing after it, handing each field's name to `onField`,
    /// which consumes the value.
    @inline(__always)
    mutating func record(
        _ onField: (inout JSONScanner, Text) throws(DecodingFailure) -> Void
    ) throws(DecodingFailure) {
        try expect(UInt8(ascii: "{"))
        if !take(UInt8(ascii: "}")) {
            repeat {
                let name = try string()
                try expect(UInt8(ascii: ":"))
                if name.hasEscapes {
                    try escapedName(name, onField)
                } else {
                    try onField(&self, name)
                }
            } while take(UInt8(ascii: ","))
            try expect(UInt8(ascii: "}"))
        }
        try expectEnd()
    }

    /// A field name with escapes is the field it spells.
    @inline(never)
    private mutating func escapedName(
        _ name: Text, _ onField: (inout JSONScanner, Text) throws(DecodingFailure) -> Void
    ) throws(DecodingFailure) {
        let bytes = JSONEscapes.unescape(name.raw)
        var caught: DecodingFailure?
        bytes.withUnsafeBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return }
            do throws(DecodingFailure) {
                try onField(&self, Text(start: start, count: buffer.count, hasEscapes: false))
            } catch {
                caught = error
            }
        }
        if bytes.isEmpty { try skipValue(depth: 1) }
        if let caught { throw caught }
    }

    /// Consumes a string and makes a value of its bytes; nil from `make` is a malformed value.
    @inline(__always)
    mutating func value<Value>(
        _ field: StaticString, _ make: (UnsafeBufferPointer<UInt8>) -> Value?
    ) throws(DecodingFailure) -> Value {
        let text = try text(field)
        let value = text.hasEscapes ? JSONEscapes.unescape(text.raw).withUnsafeBufferPointer(make) : make(text.raw)
        guard let value else { throw failure(.malformedValue, field: "\(field)") }
        return value
    }

    /// Consumes a string, or fails with the field's name.
    @inline(__always)
    mutating func text(_ field: StaticString) throws(DecodingFailure) -> Text {
        if peek() != UInt8(ascii: "\"") {
            try skipValue(depth: 1)
            throw failure(.wrongType, field: "\(field)")
        }
        return try string()
    }

    mutating func orderID(_ field: StaticString) throws(DecodingFailure) -> OrderID {
        OrderID(try value(field) { UUIDValue(utf8: $0) })
    }

    mutating func userID(_ field: StaticString) throws(DecodingFailure) -> UserID {
        try value(field) { UserID(utf8: $0) }
    }

    mutating func symbol(_ field: StaticString) throws(DecodingFailure) -> Symbol {
        try value(field) { Symbol(utf8: $0) }
    }

    mutating func side(_ field: StaticString) throws(DecodingFailure) -> Side {
        try value(field) { bytes in
            if bytes.elementsEqual("BUY".utf8) { return .buy }
            return bytes.elementsEqual("SELL".utf8) ? .sell : nil
        }
    }

    mutating func units(_ field: StaticString) throws(DecodingFailure) -> Int64 {
        try value(field) { bytes in
            guard case .success(let units) = FixedPoint.parse(bytes) else { return nil }
            return units
        }
    }

    mutating func wholeText(_ field: StaticString) throws(DecodingFailure) -> String {
        try value(field) { String(decoding: $0, as: UTF8.self) }
    }
}
