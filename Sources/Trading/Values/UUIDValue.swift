import Crypto

/// A UUID as 16 bytes in two words, big-endian: half the size and none of the cost of its text.
public struct UUIDValue: Hashable, Sendable {
    /// The first eight bytes.
    public let high: UInt64
    /// The last eight bytes.
    public let low: UInt64

    /// The UUID with these sixteen bytes.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads 36 bytes of `8-4-4-4-12` hexadecimal text, either case. Nil when they are anything else.
    public init?(utf8 bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count == 36, let base = bytes.baseAddress else { return nil }
        guard bytes[8] == 45, bytes[13] == 45, bytes[18] == 45, bytes[23] == 45 else { return nil }
        var faults: UInt8 = 0
        @inline(__always)
        func take(_ from: Int, _ count: Int, _ start: UInt64) -> UInt64 {
            var value = start
            for index in from..<(from &+ count) {
                let nibble = HexDigits.value(base[index])
                faults |= nibble
                value = value << 4 | UInt64(nibble & 15)
            }
            return value
        }
        high = take(14, 4, take(9, 4, take(0, 8, 0)))
        low = take(24, 12, take(19, 4, 0))
        if faults & 0xF0 != 0 { return nil }
    }

    /// Reads `8-4-4-4-12` hexadecimal text. Nil when `text` is anything else.
    public init?(_ text: String) {
        var text = text
        guard let value = text.withUTF8({ UUIDValue(utf8: $0) }) else { return nil }
        self = value
    }

    /// The version 5 (SHA-1, RFC 9562) UUID of `name` in `namespace`. Cost: one SHA-1 block, under 1 µs.
    public init(namespace: UUIDValue, name: some Sequence<UInt8>) {
        var input: [UInt8] = []
        input.reserveCapacity(16 + name.underestimatedCount)
        namespace.appendBytes(to: &input)
        input.append(contentsOf: name)
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (index, byte) in Insecure.SHA1.hash(data: input).enumerated() {
            if index < 8 {
                high = high << 8 | UInt64(byte)
            } else if index < 16 {
                low = low << 8 | UInt64(byte)
            }
        }
        self.high = high & ~0xF000 | 0x5000
        self.low = low & ~(0b11 << 62) | 0b10 << 62
    }

    /// Appends the sixteen bytes.
    public func appendBytes(to output: inout [UInt8]) {
        withUnsafeBytes(of: (high.bigEndian, low.bigEndian)) { output.append(contentsOf: $0) }
    }

    /// Writes the 36 bytes of text at `output`.
    package func writeText(to output: UnsafeMutablePointer<UInt8>) {
        @inline(__always)
        func put(_ value: UInt64, _ shift: UInt64, _ count: Int, _ at: Int) {
            var shift = shift
            for index in 0..<count {
                shift &-= 4
                output[at &+ index] = HexDigits.digit(UInt8(truncatingIfNeeded: value >> shift) & 15)
            }
        }
        put(high, 64, 8, 0)
        output[8] = 45
        put(high, 32, 4, 9)
        output[13] = 45
        put(high, 16, 4, 14)
        output[18] = 45
        put(low, 64, 4, 19)
        output[23] = 45
        put(low, 48, 12, 24)
    }
}

extension UUIDValue: Comparable, CustomStringConvertible {
    public static func < (left: UUIDValue, right: UUIDValue) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    /// Lower-case `8-4-4-4-12` text.
    public var description: String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 36) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            writeText(to: base)
            return String(decoding: UnsafeBufferPointer(buffer), as: UTF8.self)
        }
    }
}

/// Hexadecimal digits.
package enum HexDigits {
    /// 0…15, or 255 for a byte that is no hexadecimal digit.
    @inline(__always)
    package static func value(_ byte: UInt8) -> UInt8 {
        let decimal = byte &- 48
        if decimal <= 9 { return decimal }
        let letter = (byte | 0x20) &- 97
        return letter <= 5 ? letter &+ 10 : 255
    }

    /// The lower-case digit of 0…15.
    @inline(__always)
    package static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? value &+ 48 : value &+ 87
    }
}
