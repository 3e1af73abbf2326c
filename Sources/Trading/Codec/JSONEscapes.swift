/// Escapes in JSON strings: the slow path.
enum JSONEscapes {
    /// The UTF-16 unit written as four hexadecimal digits, or nil.
    static func unit(at digits: UnsafePointer<UInt8>) -> UInt32? {
        var value: UInt32 = 0
        for index in 0..<4 {
            let nibble = HexDigits.value(digits[index])
            if nibble > 15 { return nil }
            value = value << 4 | UInt32(nibble)
        }
        return value
    }

    /// The bytes a string stands for. Only for texts that a `JSONScanner` has checked.
    static func unescape(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let byte = text[index]
            guard byte == UInt8(ascii: "\\"), index + 1 < text.count, let base = text.baseAddress else {
                output.append(byte)
                index += 1
                continue
            }
            guard text[index + 1] == UInt8(ascii: "u") else {
                output.append(plain(text[index + 1]))
                index += 2
                continue
            }
            var scalar = unit(at: base + index + 2) ?? 0xFFFD
            index += 6
            if 0xD800..<0xDC00 ~= scalar, index + 6 <= text.count, let low = unit(at: base + index + 2) {
                scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
                index += 6
            }
            output.append(contentsOf: String(Unicode.Scalar(scalar).map(Character.init) ?? "\u{FFFD}").utf8)
        }
        return output
    }

    private static func plain(_ letter: UInt8) -> UInt8 {
        switch letter {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: letter
        }
    }
}

/// Well-formed UTF-8 (Unicode table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF.
enum UTF8Sequence {
    /// Bytes in the multi-byte sequence at `bytes`, or 0 when it is not well-formed.
    static func length(at bytes: UnsafePointer<UInt8>, available: Int) -> Int {
        let first = bytes[0]
        switch first {
        case 0xC2...0xDF:
            return available >= 2 && isTail(bytes[1]) ? 2 : 0
        case 0xE0...0xEF:
            guard available >= 3, isTail(bytes[1]), isTail(bytes[2]) else { return 0 }
            if first == 0xE0, bytes[1] < 0xA0 { return 0 }
            if first == 0xED, bytes[1] > 0x9F { return 0 }
            return 3
        case 0xF0...0xF4:
            guard available >= 4, isTail(bytes[1]), isTail(bytes[2]), isTail(bytes[3]) else { return 0 }
            if first == 0xF0, bytes[1] < 0x90 { return 0 }
            if first == 0xF4, bytes[1] > 0x8F { return 0 }
            return 4
        default:
            return 0
        }
    }

    @inline(__always)
    private static func isTail(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }
}
