/// Writes one JSON record into memory of a known capacity, then appends it to a byte array in one copy.
struct JSONWriter {
    private let base: UnsafeMutablePointer<UInt8>
    private var count = 0

    /// Bytes that every record's names, numbers and ids fit in; free text is added to it.
    static let fixedBytesMax = 640

    /// Runs `body` with a writer over `freeTextBytes` × 6 + `fixedBytesMax` bytes and appends what it wrote.
    @inline(__always)
    static func append(to output: inout [UInt8], freeTextBytes: Int, _ body: (inout JSONWriter) -> Void) {
        let capacity = fixedBytesMax + freeTextBytes * 6
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { buffer in
            guard let base = buffer.baseAddress else { return }
            var writer = JSONWriter(base: base)
            body(&writer)
            assert(writer.count <= capacity, "wrote \(writer.count) of \(capacity) bytes")
            output.append(contentsOf: UnsafeBufferPointer(start: base, count: writer.count))
        }
    }

    private init(base: UnsafeMutablePointer<UInt8>) {
        self.base = base
    }

    /// Bytes as they are: names and punctuation.
    @inline(__always)
    mutating func raw(_ text: StaticString) {
        (base + count).update(from: text.utf8Start, count: text.utf8CodeUnitCount)
        count &+= text.utf8CodeUnitCount
    }

    /// Text that needs no escapes because its rule leaves none (ids).
    @inline(__always)
    mutating func plain(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            guard let start = bytes.baseAddress else { return }
            (base + count).update(from: start, count: bytes.count)
        }
        count &+= text.utf8.count
    }

    /// Any text, escaped as little as RFC 8259 allows.
    mutating func escaped(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                base[count] = UInt8(ascii: "\\")
                base[count + 1] = byte
                count += 2
            case 0..<0x20:
                raw("\\u00")
                base[count] = HexDigits.digit(byte >> 4)
                base[count + 1] = HexDigits.digit(byte & 15)
                count += 2
            default:
                base[count] = byte
                count += 1
            }
        }
    }

    @inline(__always)
    mutating func integer(_ value: Int64) {
        if value < 0 {
            base[count] = UInt8(ascii: "-")
            count &+= 1
        }
        count &+= DecimalDigits.write(value.magnitude, to: base + count)
    }

    @inline(__always)
    mutating func uuid(_ value: UUIDValue) {
        value.writeText(to: base + count)
        count &+= 36
    }

    /// An amount in canonical decimals, without quotes.
    @inline(__always)
    mutating func units(_ value: Int64) {
        count &+= FixedPoint.write(value, to: base + count)
    }
}
