/// Encoded changes by key group, in the form a run file has them: one buffer per owned group. Filled on a snapshot
/// thread, on the way of changed entries into a checkpoint.
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
