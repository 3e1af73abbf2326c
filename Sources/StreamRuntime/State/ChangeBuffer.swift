/// Encoded changes in one arena, to be sorted by key or walked in order of arrival.
/// Owned by the thread that fills it. An entry costs its bytes and 32 more.
public struct ChangeBuffer {
    struct Entry {
        /// The first 16 bytes of the key, big-endian, zero-padded: most comparisons end here.
        var high: UInt64
        var low: UInt64
        var offset: Int
        var keyCount: Int32
        /// -1: the key is removed.
        var valueCount: Int32
    }

    @usableFromInline var writer: ByteWriter
    private(set) var entries: [Entry] = []

    public init(expectedEntries: Int = 0) {
        writer = ByteWriter(capacity: expectedEntries * 24)
        entries.reserveCapacity(expectedEntries)
    }

    public var count: Int { entries.count }
    public var byteCount: Int { writer.count }

    /// Appends one change; `value` is not called for a removal.
    @inlinable public mutating func append(
        removed: Bool, key: (inout ByteWriter) -> Void, value: (inout ByteWriter) -> Void
    ) {
        let start = beginEntry()
        key(&writer)
        let keyEnd = writer.count
        if !removed { value(&writer) }
        endEntry(start: start, keyEnd: keyEnd, removed: removed)
    }

    @usableFromInline func beginEntry() -> Int { writer.count }

    @usableFromInline mutating func endEntry(start: Int, keyEnd: Int, removed: Bool) {
        var high: UInt64 = 0
        var low: UInt64 = 0
        let keyCount = keyEnd - start
        writer.withBytes { bytes in
            if keyCount >= 16 {
                high = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: start, as: UInt64.self))
                low = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self))
            } else {
                for i in 0..<keyCount {
                    let byte = UInt64(bytes[start + i])
                    if i < 8 { high |= byte << UInt64(56 - 8 * i) } else { low |= byte << UInt64(56 - 8 * (i - 8)) }
                }
            }
        }
        entries.append(
            Entry(
                high: high, low: low, offset: start, keyCount: Int32(keyCount),
                valueCount: removed ? -1 : Int32(writer.count - keyEnd)))
    }

    /// Sorts by key bytes. Keys must be distinct.
    public mutating func sort() {
        let bytes = writer.bytes
        bytes.withUnsafeBytes { bytes in
            entries.sort { a, b in
                if a.high != b.high { return a.high < b.high }
                if a.low != b.low { return a.low < b.low }
                let common = Int(min(a.keyCount, b.keyCount))
                let order = memcmpBytes(bytes, a.offset, b.offset, common)
                return order != 0 ? order < 0 : a.keyCount < b.keyCount
            }
        }
    }

    /// In the current order. `value` is `nil` for a removed key. The pointers are valid inside `body`.
    public func forEach(
        _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) throws -> Void
    ) rethrows {
        try writer.withBytes { bytes in
            for entry in entries {
                let keyEnd = entry.offset + Int(entry.keyCount)
                let key = UnsafeRawBufferPointer(rebasing: bytes[entry.offset..<keyEnd])
                if entry.valueCount < 0 {
                    try body(key, nil)
                } else {
                    try body(key, UnsafeRawBufferPointer(rebasing: bytes[keyEnd..<keyEnd + Int(entry.valueCount)]))
                }
            }
        }
    }
}

@inline(__always)
private func memcmpBytes(_ bytes: UnsafeRawBufferPointer, _ a: Int, _ b: Int, _ count: Int) -> Int {
    for i in 0..<count where bytes[a + i] != bytes[b + i] {
        return bytes[a + i] < bytes[b + i] ? -1 : 1
    }
    return 0
}
