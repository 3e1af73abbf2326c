import StreamRuntime

/// The unit of a segment: up to a few thousand records under one checksum.
///
/// All integers little-endian. A segment file is frames back to back, offsets dense across them.
/// ```
///  0  u32  magic "WLF1"          16  u32  number of records     32  u64  XXH64 of the body
///  4  u32  bytes of the body     20  u32  zero                  40  u64  XXH64 of bytes 0..<40
///  8  i64  offset of the first   24  i64  highest timestamp     48  the body: records
/// ```
/// A record: `u32` its bytes in all, `u32` key bytes, `u32` value bytes (all ones: absent), `u32` number
/// of headers, `i64` timestamp in milliseconds, key, value, then per header `u16` name bytes,
/// `u32` value bytes, name, value.
struct FrameHeader: Equatable {
    static let byteCount = 48
    static let magic: UInt32 = 0x3146_4C57  // "WLF1"

    var bodyBytes: Int
    var baseOffset: Int64
    var recordCount: Int
    var timestampMillisMax: Int64
    var bodyChecksum: UInt64

    var frameBytes: Int { Self.byteCount + bodyBytes }
    var endOffset: Int64 { baseOffset + Int64(recordCount) }

    func write(to target: UnsafeMutableRawPointer) {
        target.storeBytes(of: Self.magic.littleEndian, as: UInt32.self)
        target.storeBytes(of: UInt32(bodyBytes).littleEndian, toByteOffset: 4, as: UInt32.self)
        target.storeBytes(of: baseOffset.littleEndian, toByteOffset: 8, as: Int64.self)
        target.storeBytes(of: UInt32(recordCount).littleEndian, toByteOffset: 16, as: UInt32.self)
        target.storeBytes(of: 0, toByteOffset: 20, as: UInt32.self)
        target.storeBytes(of: timestampMillisMax.littleEndian, toByteOffset: 24, as: Int64.self)
        target.storeBytes(of: bodyChecksum.littleEndian, toByteOffset: 32, as: UInt64.self)
        let checksum = XXH64.hash(UnsafeRawBufferPointer(start: target, count: 40))
        target.storeBytes(of: checksum.littleEndian, toByteOffset: 40, as: UInt64.self)
    }

    /// `nil` unless the 48 bytes at `source` are a header whose checksum holds, of offsets that there can be.
    init?(reading source: UnsafeRawPointer) {
        guard source.word(0, as: UInt32.self) == Self.magic,
            source.word(40, as: UInt64.self) == XXH64.hash(UnsafeRawBufferPointer(start: source, count: 40))
        else { return nil }
        bodyBytes = Int(source.word(4, as: UInt32.self))
        baseOffset = source.word(8, as: Int64.self)
        recordCount = Int(source.word(16, as: UInt32.self))
        timestampMillisMax = source.word(24, as: Int64.self)
        bodyChecksum = source.word(32, as: UInt64.self)
        guard (0...(Int64.max - Int64(recordCount))).contains(baseOffset) else { return nil }
    }

    init(
        bodyBytes: Int, baseOffset: Int64, recordCount: Int, timestampMillisMax: Int64, bodyChecksum: UInt64
    ) {
        self.bodyBytes = bodyBytes
        self.baseOffset = baseOffset
        self.recordCount = recordCount
        self.timestampMillisMax = timestampMillisMax
        self.bodyChecksum = bodyChecksum
    }
}

enum RecordLayout {
    static let headerBytes = 24
    static let absent = UInt32.max
    static let headerPrefixBytes = 6

    /// Reads the record at the start of `bytes`; `nil` if its lengths do not fit, which a body whose
    /// checksum holds never shows.
    static func parse(
        _ bytes: UnsafeRawBufferPointer, topic: String, partition: Int32, offset: Int64
    ) -> (view: LogRecordView, byteCount: Int)? {
        guard bytes.count >= headerBytes, let base = bytes.baseAddress else { return nil }
        let total = Int(base.word(0, as: UInt32.self))
        let keyWord = base.word(4, as: UInt32.self)
        let valueWord = base.word(8, as: UInt32.self)
        let keyBytes = keyWord == absent ? 0 : Int(keyWord)
        let valueBytes = valueWord == absent ? 0 : Int(valueWord)
        let headersAt = headerBytes + keyBytes + valueBytes
        guard total <= bytes.count, headersAt <= total else { return nil }
        let view = LogRecordView(
            topic: topic, partition: partition, offset: offset,
            timestampMillis: base.word(16, as: Int64.self),
            key: keyWord == absent ? nil : UnsafeRawBufferPointer(start: base + headerBytes, count: keyBytes),
            value: valueWord == absent
                ? nil : UnsafeRawBufferPointer(start: base + headerBytes + keyBytes, count: valueBytes),
            headerCount: Int(base.word(12, as: UInt32.self)),
            headerBytes: UnsafeRawBufferPointer(start: base + headersAt, count: total - headersAt))
        return (view, total)
    }
}
