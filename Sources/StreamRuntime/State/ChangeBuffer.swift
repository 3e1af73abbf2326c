// Where changed entries are encoded on their way into a checkpoint, on a snapshot thread.

/// Encoded changes in one arena, to be sorted by key. An entry costs its bytes and 32 more.
public struct ChangeBuffer: ~Copyable {
    @usableFromInline struct Entry {
        /// The first 16 bytes of the key, big-endian, zero-padded: most comparisons end here.
        @usableFromInline var high: UInt64
        @usableFromInline var low: UInt64
        @usableFromInline var offset: Int
        @usableFromInline var keyCount: Int32
        /// -1: the key is removed.
        @usableFromInline var valueCount: Int32

        @usableFromInline init(high: UInt64, low: UInt64, offset: Int, keyCount: Int32, valueCount: Int32) {
            self.high = high
            self.low = low
            self.offset = offset
            self.keyCount = keyCount
            self.valueCount = valueCount
        }
    }

    @usableFromInline var writer: ByteWriter
    @usableFromInline var entries: [Entry] = []

    public init(expectedEntries: Int = 0) {
        writer = ByteWriter(capacity: expectedEntries * 24)
        entries.reserveCapacity(expectedEntries)
    }

    public var count: Int { entries.count }
    public var byteCount: Int { writer.byteCount }

    /// Appends one change; `value` is not called for a removal.
    @inlinable public mutating func append(
        removed: Bool, key: (inout ByteWriter) -> Void, value: (inout ByteWriter) -> Void
    ) {
        let start = writer.count
        key(&writer)
        let keyEnd = writer.count
        if !removed { value(&writer) }
        var high: UInt64 = 0
        var low: UInt64 = 0
        let keyCount = keyEnd &- start
        let base = UnsafeRawPointer(writer.memory) + start
        if keyCount >= 16 {
            high = UInt64(bigEndian: base.loadUnaligned(as: UInt64.self))
            low = UInt64(bigEndian: base.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        } else {
            for i in 0..<keyCount {
                let byte = UInt64(base.load(fromByteOffset: i, as: UInt8.self))
                if i < 8 {
                    high |= byte &<< UInt64(56 &- 8 &* i)
                } else {
                    low |= byte &<< UInt64(56 &- 8 &* (i &- 8))
                }
            }
        }
        entries.append(
            Entry(
                high: high, low: low, offset: start, keyCount: Int32(truncatingIfNeeded: keyCount),
                valueCount: removed ? -1 : Int32(truncatingIfNeeded: writer.count &- keyEnd)))
    }

    /// Sorts by key bytes. Keys must be distinct.
    public mutating func sort() {
        let base = UnsafeRawPointer(writer.memory)
        entries.sort { a, b in
            if a.high != b.high { return a.high < b.high }
            if a.low != b.low { return a.low < b.low }
            let common = Int(min(a.keyCount, b.keyCount))
            for i in 0..<common {
                let left = (base + a.offset).load(fromByteOffset: i, as: UInt8.self)
                let right = (base + b.offset).load(fromByteOffset: i, as: UInt8.self)
                if left != right { return left < right }
            }
            return a.keyCount < b.keyCount
        }
    }

    /// In the current order. `value` is `nil` for a removed key. The pointers are valid inside `body`.
    public func forEach(
        _ body: (_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer?) throws -> Void
    ) rethrows {
        let base = UnsafeRawPointer(writer.memory)
        for entry in entries {
            let key = UnsafeRawBufferPointer(start: base + entry.offset, count: Int(entry.keyCount))
            if entry.valueCount < 0 {
                try body(key, nil)
            } else {
                try body(
                    key,
                    UnsafeRawBufferPointer(
                        start: base + entry.offset + Int(entry.keyCount), count: Int(entry.valueCount)))
            }
        }
    }
}

/// Encoded changes by key group, in the form a run file has them: one buffer per owned group.
public struct GroupedChanges: ~Copyable {
    @usableFromInline let first: Int
    @usableFromInline let count: Int
    @usableFromInline let writers: UnsafeMutablePointer<ByteWriter>
    @usableFromInline var scratch = ByteWriter(capacity: 256)

    init(_ keyGroups: Range<Int>, expectedBytes: Int) {
        first = keyGroups.lowerBound
        count = keyGroups.count
        writers = .allocate(capacity: keyGroups.count)
        for index in 0..<keyGroups.count {
            (writers + index).initialize(to: ByteWriter(capacity: expectedBytes / max(1, keyGroups.count) * 5 / 4))
        }
    }

    deinit {
        writers.deinitialize(count: count)
        writers.deallocate()
    }

    /// Appends one change of `group`; `value` is not called for a removal.
    @inlinable public mutating func append(
        group: Int, removed: Bool, key: (inout ByteWriter) -> Void, value: (inout ByteWriter) -> Void
    ) {
        scratch.count = 0
        key(&scratch)
        let keyCount = scratch.count
        if !removed { value(&scratch) }
        let target = writers + (group &- first)
        target.pointee.varint(UInt64(truncatingIfNeeded: keyCount))
        target.pointee.raw(UnsafeRawBufferPointer(start: scratch.memory, count: keyCount))
        target.pointee.varint(removed ? 0 : UInt64(truncatingIfNeeded: scratch.count &- keyCount &+ 1))
        target.pointee.raw(
            UnsafeRawBufferPointer(start: scratch.memory + keyCount, count: scratch.count &- keyCount))
    }

    func forEachGroup(_ body: (_ group: Int, UnsafeRawBufferPointer) throws -> Void) rethrows {
        for index in 0..<count where writers[index].byteCount > 0 {
            try writers[index].withBytes { try body(first + index, $0) }
        }
    }
}
