/// Decimal text to and from units of 1/10 000: the one place that knows how money is written.
///
/// Grammar: `-?(0|[1-9][0-9]*)(\.[0-9]{1,4})?`. No plus sign, no exponent, no leading zeros, no blanks.
/// The canonical form has two to four decimals: `189.25`, `189.2501`, `0.50`, `-3.00`.
package enum FixedPoint {
    /// Units in one whole of the currency.
    package static let unitsPerWhole: Int64 = 10_000

    /// The longest canonical text: sign, 15 digits, point, 4 decimals.
    package static let textBytesMax = 21

    /// Reads decimal text. Cost: about a nanosecond a byte; allocates nothing.
    package static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<Int64, DecimalFault> {
        var index = 0
        let negative = bytes.first == UInt8(ascii: "-")
        if negative { index = 1 }
        let wholeStart = index
        var units: Int64 = 0
        var overflowed = false
        while index < bytes.count, let digit = digit(bytes[index]) {
            overflowed = !accumulate(digit, into: &units) || overflowed
            index += 1
        }
        let wholeDigits = index - wholeStart
        if wholeDigits == 0 { return .failure(.notDecimal) }
        if wholeDigits > 1, bytes[wholeStart] == UInt8(ascii: "0") { return .failure(.notDecimal) }
        var places = 0
        if index < bytes.count {
            guard bytes[index] == UInt8(ascii: ".") else { return .failure(.notDecimal) }
            index += 1
            while index < bytes.count {
                guard let digit = digit(bytes[index]) else { return .failure(.notDecimal) }
                places += 1
                if places <= 4 { overflowed = !accumulate(digit, into: &units) || overflowed }
                index += 1
            }
            if places == 0 { return .failure(.notDecimal) }
            if places > 4 { return .failure(.tooManyPlaces) }
        }
        while places < 4 {
            overflowed = !accumulate(0, into: &units) || overflowed
            places += 1
        }
        if overflowed { return .failure(.overflow) }
        return .success(negative ? -units : units)
    }

    /// Writes the canonical text at `output`, which has room for `textBytesMax` bytes; returns its length.
    package static func write(_ units: Int64, to output: UnsafeMutablePointer<UInt8>) -> Int {
        let (whole, fraction) = units.magnitude.quotientAndRemainder(dividingBy: UInt64(unitsPerWhole))
        var at = 0
        if units < 0 {
            output[0] = UInt8(ascii: "-")
            at = 1
        }
        at += DecimalDigits.write(whole, to: output + at)
        output[at] = UInt8(ascii: ".")
        at += 1
        var rest = fraction
        for position in stride(from: 3, through: 0, by: -1) {
            output[at + position] = UInt8(truncatingIfNeeded: rest % 10) + UInt8(ascii: "0")
            rest /= 10
        }
        if fraction % 100 == 0 { return at + 2 }
        return fraction % 10 == 0 ? at + 3 : at + 4
    }

    /// The canonical text as a `String`.
    package static func text(_ units: Int64) -> String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: textBytesMax) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            let count = write(units, to: base)
            return String(decoding: UnsafeBufferPointer(start: base, count: count), as: UTF8.self)
        }
    }

    /// `parse` for a `String`.
    package static func parse(_ text: String) -> Result<Int64, DecimalFault> {
        var text = text
        return text.withUTF8 { parse($0) }
    }

    @inline(__always)
    private static func digit(_ byte: UInt8) -> Int64? {
        let value = byte &- UInt8(ascii: "0")
        return value <= 9 ? Int64(value) : nil
    }

    @inline(__always)
    private static func accumulate(_ digit: Int64, into units: inout Int64) -> Bool {
        let (shifted, first) = units.multipliedReportingOverflow(by: 10)
        let (sum, second) = shifted.addingReportingOverflow(digit)
        if first || second { return false }
        units = sum
        return true
    }
}

/// Why a text is not an amount of money.
public enum DecimalFault: Error, Hashable, Sendable {
    /// Not of the form `-?digits[.digits]`.
    case notDecimal
    /// More than four decimals: the amount would have to be rounded, which is never done silently.
    case tooManyPlaces
    /// Beyond ±922 337 203 685 477.5807.
    case overflow
}

extension DecimalFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .notDecimal: "is not a decimal number such as 189.25"
        case .tooManyPlaces: "has more than four decimals"
        case .overflow: "is too large"
        }
    }
}

/// Unsigned integers as decimal digits.
package enum DecimalDigits {
    /// Writes `value` at `output` (room for 20 bytes); returns the number of digits.
    @inline(__always)
    package static func write(_ value: UInt64, to output: UnsafeMutablePointer<UInt8>) -> Int {
        var count = 1
        var probe = value
        while probe >= 10 {
            probe /= 10
            count &+= 1
        }
        var rest = value
        var position = count
        repeat {
            position &-= 1
            let quotient = rest / 10
            output[position] = UInt8(truncatingIfNeeded: rest &- quotient &* 10) &+ UInt8(ascii: "0")
            rest = quotient
        } while rest > 0
        return count
    }
}
