/// Encoded changes by key group, in the form a run file has them: one buffer per owned group. Filled on a snapshot
/// thread, on the way of changed entries into a checkpoint.
public struct GroupedChanges: ~Copyable {
    @usableFromInline let first: Int
    @usableFromInline let count: Int
    @usableFromInline let writers: UnsafeMutablePointer<ByteWriter>
    @usableFromInline var scratch = ByteWriter(capacity: 256)
    /// A group of a change that was refused: it is not among the owned ones.
    @usableFromInline var strayGroup: Int?

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

    /// Appends one change of `group`; `value` is not called for a removal. A change of a group that is not owned is
    /// refused: `check` throws.
    @inlinable public mutating func append(
        group: Int, removed: Bool, key: (inout ByteWriter) -> Void, value: (inout ByteWriter) -> Void
    ) {
        guard group >= first, group &- first < count else {
            strayGroup = group
            return
        }
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

    /// After the last change: throws `ForeignKeyError` when one of them was of a key group of another subtask.
    package func check() throws {
        if let strayGroup { throw ForeignKeyError(group: strayGroup, owned: first..<first + count) }
    }

    func forEachGroup(_ body: (_ group: Int, UnsafeRawBufferPointer) throws -> Void) rethrows {
        for index in 0..<count where writers[index].byteCount > 0 {
            try writers[index].withBytes { try body(first + index, $0) }
        }
    }
}

/// A function changed the state, or registered a timer, of a key that belongs to another subtask: it used a handle with
/// another key than the one it was called with. A restart would do the same again.
public struct ForeignKeyError: UnrestartableError, CustomStringConvertible {
    public let group: Int
    public let owned: Range<Int>

    @usableFromInline init(group: Int, owned: Range<Int>) {
        self.group = group
        self.owned = owned
    }

    public var description: String {
        "state of a key in key group \(group) was changed by a subtask that owns the groups \(owned.lowerBound) to "
            + "\(owned.upperBound - 1): use state and timers only with the key that the function was called with"
    }
}
