/// A cursor over the bytes of one JSON record. Strict RFC 8259 and UTF-8; allocates nothing except for
/// strings that hold escapes. The bytes must outlive the cursor.
///
/// Made for a few hot record types whose fields are known: `JSONDecoder` costs eighty times as much.
package struct JSONScanner {
    /// How deeply values of unknown fields may nest; the records themselves nest once.
    package static let depthMax = 32

    let base: UnsafePointer<UInt8>
    let count: Int
    private(set) var index = 0

    /// A cursor at the start of `bytes`. Empty input has no base address: it is refused here.
    package init(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) {
        guard let start = bytes.baseAddress, bytes.count > 0 else {
            throw DecodingFailure(.malformedJSON, offset: 0)
        }
        base = start.assumingMemoryBound(to: UInt8.self)
        count = bytes.count
    }

    /// A string as it stands between its quotes.
    struct Text {
        let start: UnsafePointer<UInt8>
        let count: Int
        let hasEscapes: Bool

        /// The bytes, when they need no unescaping.
        @inline(__always)
        var raw: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: start, count: count) }

        /// Whether it is `name`. Only for texts without escapes.
        @inline(__always)
        func isRaw(_ name: StaticString) -> Bool {
            guard name.utf8CodeUnitCount == count else { return false }
            let other = name.utf8Start
            for index in 0..<count where start[index] != other[index] { return false }
            return true
        }
    }

    func failure(_ problem: DecodingFailure.Problem, field: String? = nil) -> DecodingFailure {
        DecodingFailure(problem, field: field, offset: index)
    }

    // MARK: Punctuation

    @inline(__always)
    mutating func skipBlanks() {
        while index < count {
            let byte = base[index]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            index &+= 1
        }
    }

    /// The next byte that is no blank, not consumed; nil at the end.
    @inline(__always)
    mutating func peek() -> UInt8? {
        skipBlanks()
        return index < count ? base[index] : nil
    }

    /// Consumes `byte` (after blanks) if it is next.
    @inline(__always)
    mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        index &+= 1
        return true
    }

    @inline(__always)
    mutating func expect(_ byte: UInt8) throws(DecodingFailure) {
        guard take(byte) else { throw failure(.malformedJSON) }
    }

    // MARK: Strings

    /// Consumes a string. The caller has seen the opening quote.
    @inline(__always)
    mutating func string() throws(DecodingFailure) -> Text {
        try expect(UInt8(ascii: "\""))
        let start = index
        while index &+ 8 <= count {
            let word = UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self)
            let stop = JSONScanner.stopMask(UInt64(littleEndian: word))
            if stop == 0 {
                index &+= 8
                continue
            }
            index &+= stop.trailingZeroBitCount >> 3
            break
        }
        if index < count, base[index] == UInt8(ascii: "\"") {
            let text = Text(start: base + start, count: index &- start, hasEscapes: false)
            index &+= 1
            return text
        }
        return try stringSlow(from: start)
    }

    /// The high bit of every byte that ends the fast path: quote, backslash, control, not ASCII. A byte
    /// above the first such byte may be marked wrongly (borrow), the first one never is.
    @inline(__always)
    private static func stopMask(_ word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = word ^ (ones &* 0x22)
        let backslash = word ^ (ones &* 0x5C)
        let zeroes = (quote &- ones) & ~quote | (backslash &- ones) & ~backslash
        let controls = (word &- ones &* 0x20) & ~word
        return (zeroes | controls | word) & (ones &* 0x80)
    }

    /// The rest of a string that the fast loop could not finish: `index` is inside it.
    private mutating func stringSlow(from start: Int) throws(DecodingFailure) -> Text {
        var hasEscapes = false
        while index < count {
            let byte = base[index]
            if byte == UInt8(ascii: "\"") {
                let text = Text(start: base + start, count: index - start, hasEscapes: hasEscapes)
                index += 1
                return text
            }
            if byte < 0x20 { throw failure(.malformedJSON) }
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                try skipEscape()
            } else if byte < 0x80 {
                index += 1
            } else {
                let length = UTF8Sequence.length(at: base + index, available: count - index)
                if length == 0 { throw failure(.malformedJSON) }
                index += length
            }
        }
        throw failure(.malformedJSON)
    }

    // MARK: Numbers

    /// Consumes an integer that fits 64 bits: no fraction, no exponent, no leading zeros.
    @inline(__always)
    mutating func integer(field: StaticString) throws(DecodingFailure) -> Int64 {
        let first = peek()
        let negative = first == UInt8(ascii: "-")
        if negative { index &+= 1 }
        let start = index
        var magnitude: UInt64 = 0
        while index < count {
            let digit = base[index] &- UInt8(ascii: "0")
            guard digit <= 9 else { break }
            // 19 digits fit 64 bits unsigned; a twentieth is refused below before it can matter.
            magnitude = magnitude &* 10 &+ UInt64(digit)
            index &+= 1
        }
        let digits = index &- start
        guard digits > 0 else {
            index = start
            throw try notAnInteger(field, isJSON: !negative)
        }
        if digits > 1, base[start] == UInt8(ascii: "0") { throw failure(.malformedJSON, field: "\(field)") }
        if index < count, base[index] == 0x2E || base[index] | 0x20 == 0x65 || digits > 19 {
            throw failure(.wrongType, field: "\(field)")
        }
        let limit = UInt64(Int64.max) &+ (negative ? 1 : 0)
        if digits > 19 || magnitude > limit { throw failure(.wrongType, field: "\(field)") }
        return negative ? 0 &- Int64(bitPattern: magnitude) : Int64(bitPattern: magnitude)
    }

    private mutating func notAnInteger(_ field: StaticString, isJSON: Bool) throws(DecodingFailure) -> DecodingFailure {
        if isJSON { try skipValue(depth: 1) }
        return failure(isJSON ? .wrongType : .malformedJSON, field: "\(field)")
    }

    /// Moves on by `bytes` that the caller has looked at.
    @inline(__always)
    mutating func advance(_ bytes: Int) {
        index &+= bytes
    }

    /// Fails unless nothing but blanks is left.
    @inline(__always)
    mutating func expectEnd() throws(DecodingFailure) {
        if peek() != nil { throw failure(.malformedJSON) }
    }
}
