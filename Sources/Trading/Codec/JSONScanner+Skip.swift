extension JSONScanner {
    /// Consumes one value of any type and forgets it. It is checked as strictly as one that is kept.
    mutating func skipValue(depth: Int) throws(DecodingFailure) {
        if depth > JSONScanner.depthMax { throw failure(.tooDeep) }
        guard let first = peek() else { throw failure(.malformedJSON) }
        switch first {
        case UInt8(ascii: "\""):
            _ = try string()
        case UInt8(ascii: "{"):
            try skipObject(depth: depth)
        case UInt8(ascii: "["):
            try skipArray(depth: depth)
        case UInt8(ascii: "t"):
            try literal("true")
        case UInt8(ascii: "f"):
            try literal("false")
        case UInt8(ascii: "n"):
            try literal("null")
        default:
            try skipNumber()
        }
    }

    /// Consumes exactly `word`.
    mutating func literal(_ word: StaticString) throws(DecodingFailure) {
        let length = word.utf8CodeUnitCount
        guard count - index >= length else { throw failure(.malformedJSON) }
        for position in 0..<length where base[index + position] != word.utf8Start[position] {
            throw failure(.malformedJSON)
        }
        advance(length)
    }

    private mutating func skipObject(depth: Int) throws(DecodingFailure) {
        try expect(UInt8(ascii: "{"))
        if take(UInt8(ascii: "}")) { return }
        repeat {
            _ = try string()
            try expect(UInt8(ascii: ":"))
            try skipValue(depth: depth + 1)
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "}"))
    }

    private mutating func skipArray(depth: Int) throws(DecodingFailure) {
        try expect(UInt8(ascii: "["))
        if take(UInt8(ascii: "]")) { return }
        repeat {
            try skipValue(depth: depth + 1)
        } while take(UInt8(ascii: ","))
        try expect(UInt8(ascii: "]"))
    }

    /// -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
    private mutating func skipNumber() throws(DecodingFailure) {
        if index < count, base[index] == UInt8(ascii: "-") { advance(1) }
        let start = index
        let digits = skipDigits()
        if digits == 0 || (digits > 1 && base[start] == UInt8(ascii: "0")) { throw failure(.malformedJSON) }
        if index < count, base[index] == UInt8(ascii: ".") {
            advance(1)
            if skipDigits() == 0 { throw failure(.malformedJSON) }
        }
        if index < count, base[index] | 0x20 == UInt8(ascii: "e") {
            advance(1)
            if index < count, base[index] == UInt8(ascii: "+") || base[index] == UInt8(ascii: "-") { advance(1) }
            if skipDigits() == 0 { throw failure(.malformedJSON) }
        }
    }

    private mutating func skipDigits() -> Int {
        let start = index
        while index < count, base[index] &- UInt8(ascii: "0") <= 9 { advance(1) }
        return index - start
    }

    /// Checks and passes one escape; `index` is at the backslash. A surrogate must be one of a pair.
    mutating func skipEscape() throws(DecodingFailure) {
        guard count - index >= 2 else { throw failure(.malformedJSON) }
        switch base[index + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            advance(2)
        case UInt8(ascii: "u"):
            let unit = try hexUnit()
            if 0xDC00..<0xE000 ~= unit { throw failure(.malformedJSON) }
            if 0xD800..<0xDC00 ~= unit {
                let low = try hexUnit()
                guard 0xDC00..<0xE000 ~= low else { throw failure(.malformedJSON) }
            }
        default:
            throw failure(.malformedJSON)
        }
    }

    /// Consumes `\uXXXX`.
    private mutating func hexUnit() throws(DecodingFailure) -> UInt32 {
        guard count - index >= 6, base[index] == UInt8(ascii: "\\"), base[index + 1] == UInt8(ascii: "u") else {
            throw failure(.malformedJSON)
        }
        guard let unit = JSONEscapes.unit(at: base + index + 2) else { throw failure(.malformedJSON) }
        advance(6)
        return unit
    }
}
