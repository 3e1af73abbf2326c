/// Names a trace: 128 random bits, never all zero.
public struct TraceID: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt64

    /// Nil for all zeros, which W3C reserves.
    public init?(high: UInt64, low: UInt64) {
        if high == 0 && low == 0 { return nil }
        self.high = high
        self.low = low
    }

    public static func random() -> TraceID {
        var generator = SystemRandomNumberGenerator()
        while true {
            if let id = TraceID(high: generator.next(), low: generator.next()) { return id }
        }
    }
}

/// Names a span within its trace: 64 random bits, never all zero.
public struct SpanID: Hashable, Sendable {
    public let value: UInt64

    /// Nil for zero, which W3C reserves.
    public init?(_ value: UInt64) {
        if value == 0 { return nil }
        self.value = value
    }

    public static func random() -> SpanID {
        var generator = SystemRandomNumberGenerator()
        while true {
            if let id = SpanID(generator.next()) { return id }
        }
    }
}

extension TraceID: CustomStringConvertible {
    /// 32 lower-case hex digits.
    public var description: String { Hex.text(high) + Hex.text(low) }
}

extension SpanID: CustomStringConvertible {
    /// 16 lower-case hex digits.
    public var description: String { Hex.text(value) }
}

/// Lower-case hex of fixed length, as W3C and OTLP write ids.
enum Hex {
    static func text(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    static func text(_ value: UInt8) -> String {
        let digits = String(value, radix: 16)
        return digits.utf8.count == 1 ? "0" + digits : digits
    }

    /// Nil unless every byte is `0`–`9` or `a`–`f`; upper case is refused, as W3C asks. At most 16 digits.
    static func value(_ digits: some Collection<UInt8>) -> UInt64? {
        if digits.count > 16 { return nil }
        var value: UInt64 = 0
        for byte in digits {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(byte - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(byte - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return value
    }
}
