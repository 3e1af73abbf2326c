/// Keys that an operator will ask for soon, read from the store together: a look-up alone waits for a block and asks every
/// bloom filter by itself, many at once share both (`weir-bench sessions`).
///
/// Only of stores that can evict, and only for operators with one state of their key: one with several may want only
/// some of them. A hint: what room must be made for is read again when it is asked for. Owned by the task thread.
@usableFromInline final class ReadAhead<Key: StreamKey> {
    @usableFromInline let store: any StateStore
    @usableFromInline let load: ([Key]) -> Void
    /// Of one call of `read`: a table keeps them all, and what it had before.
    @usableFromInline let keysMax: () -> Int
    @usableFromInline var keys: [Key] = []

    @inlinable init(_ store: any StateStore, load: @escaping ([Key]) -> Void, keysMax: @escaping () -> Int) {
        self.store = store
        self.load = load
        self.keysMax = keysMax
    }

    /// False while what the table does not have is nowhere.
    @inlinable var isOfUse: Bool { store.holdsMore }

    @inlinable @inline(__always)
    func want(_ key: Key) { keys.append(key) }

    /// Brings what is stored for the wanted keys into the table.
    @inlinable func read() {
        load(keys)
        keys.removeAll(keepingCapacity: true)
    }
}

/// Stored keys, one after another.
public struct StateKeyBatch: ~Copyable {
    @usableFromInline var writer = ByteWriter(capacity: 4096)
    /// Where each key ends.
    @usableFromInline var ends: [Int] = []

    @inlinable init() {}

    public var count: Int { ends.count }

    /// The keys' bytes, each valid inside `body` only.
    public func withKeys<R>(_ body: (_ bytes: UnsafeRawBufferPointer, _ ends: [Int]) throws -> R) rethrows -> R {
        try writer.withBytes { try body($0, ends) }
    }

    @inlinable mutating func removeAll() {
        writer.removeAll()
        ends.removeAll(keepingCapacity: true)
    }
}
