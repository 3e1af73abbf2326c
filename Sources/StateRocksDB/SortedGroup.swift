import StreamRuntime

/// Orders encoded changes (in the form of `GroupedChanges`) by key, one key group's at a time. A group is small enough to be
/// sorted and written from the processor's caches, which a whole epoch is not: with one million entries sorted
/// at once, cache misses were the largest cost of a snapshot. Reused from group to group; owned by one thread.
struct SortedGroup: ~Copyable {
    private struct Entry {
        /// The eight bytes of the key behind what all keys share, big-endian, zero-padded: most comparisons end here.
        var prefix: UInt64
        var keyOffset: Int
        var keyCount: Int
        var valueOffset: Int
        /// -1: the key is removed.
        var valueCount: Int
    }

    private var entries: [Entry] = []

    /// `body` gets every change in key order, `nil` for a removed key; the pointers are valid inside it. All keys begin
    /// with the same `sharing` bytes.
    mutating func forEach(
        in group: UnsafeRawBufferPointer, sharing shared: Int,
        _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) throws -> Void
    ) throws {
        entries.removeAll(keepingCapacity: true)
        var reader = ByteReader(group)
        while reader.remaining > 0 {
            let key = try reader.sized()
            let keyOffset = reader.offset - key.count
            let marker = Int(try reader.varint())
            let valueOffset = reader.offset
            if marker > 0 { _ = try reader.raw(marker - 1) }
            entries.append(
                Entry(
                    prefix: Self.prefix(key, from: shared), keyOffset: keyOffset, keyCount: key.count, valueOffset: valueOffset,
                    valueCount: marker - 1))
        }
        entries.sort { a, b in
            if a.prefix != b.prefix { return a.prefix < b.prefix }
            return group[a.keyOffset..<a.keyOffset + a.keyCount]
                .lexicographicallyPrecedes(group[b.keyOffset..<b.keyOffset + b.keyCount])
        }
        for entry in entries {
            let key = UnsafeRawBufferPointer(rebasing: group[entry.keyOffset..<entry.keyOffset + entry.keyCount])
            guard entry.valueCount >= 0 else {
                try body(key, nil)
                continue
            }
            try body(
                key, UnsafeRawBufferPointer(rebasing: group[entry.valueOffset..<entry.valueOffset + entry.valueCount]))
        }
    }

    private static func prefix(_ key: UnsafeRawBufferPointer, from: Int) -> UInt64 {
        if key.count >= from + 8 {
            return UInt64(bigEndian: key.loadUnaligned(fromByteOffset: from, as: UInt64.self))
        }
        var prefix: UInt64 = 0
        for index in from..<max(from, key.count) { prefix |= UInt64(key[index]) << UInt64(56 - 8 * (index - from)) }
        return prefix
    }
}
