// Taking changes out at a barrier, growing, and making room.

extension StateTable {
    /// Takes out what changed since the last call (or every live entry, when `complete`), and marks it clean.
    /// Costs about 10 ns an entry; encoding happens off the task thread.
    func takeChanges(complete: Bool) -> TableChanges<Key, Value> {
        let changes = TableChanges<Key, Value>(
            stateID: stateID, keyGroups: keyGroups, capacity: complete ? count : dirtyCount, isComplete: complete)
        if complete {
            for index in 0...mask {
                let slot = slots + index * Self.stride
                let flags = Self.flags(slot)
                if flags.pointee & SlotFlags.live != 0 {
                    changes.append(Self.key(slot).pointee, Self.value(slot).pointee)
                }
                flags.pointee &= ~SlotFlags.dirty
            }
        } else {
            for position in 0..<dirtyCount {
                let slot = slots + Int(dirty[position]) * Self.stride
                let flags = Self.flags(slot)
                if flags.pointee & SlotFlags.live != 0 {
                    changes.append(Self.key(slot).pointee, Self.value(slot).pointee)
                } else {
                    changes.removed.append(Self.key(slot).pointee)
                }
                flags.pointee &= ~SlotFlags.dirty
            }
        }
        dirtyCount = 0
        return changes
    }

    /// Grows to twice the size, or, at the memory limit of an evicting store, drops entries that were
    /// not used lately; what changed among them is spilled to the store first.
    func makeRoom() {
        let slotCount = mask + 1
        if count * 2 < slotCount, used > count {
            rebuild(slotCount: slotCount) { $0 & SlotFlags.live != 0 || $0 & SlotFlags.dirty != 0 }
        } else if slotCount * 2 <= slotCountMax {
            rebuild(slotCount: slotCount * 2) { $0 & SlotFlags.live != 0 || $0 & SlotFlags.dirty != 0 }
        } else {
            evict()
        }
    }

    private func evict() {
        do {
            try store.settle()
            if dirtyCount * 4 > mask + 1 {
                let changes = takeChanges(complete: false)
                try store.spill([changes])
            }
        } catch {
            fault.record(error)
        }
        let keepTouched = used
        rebuild(slotCount: mask + 1) { $0 & (SlotFlags.dirty | SlotFlags.touched) != 0 }
        if used * 2 > keepTouched, used * 4 > (mask + 1) {
            rebuild(slotCount: mask + 1) { $0 & SlotFlags.dirty != 0 }
        }
        for index in 0...mask { Self.flags(slots + index * Self.stride).pointee &= ~SlotFlags.touched }
    }

    /// Moves the entries that `keep` wants into a table of `slotCount` slots; the others are dropped.
    private func rebuild(slotCount: Int, keep: (UInt32) -> Bool) {
        let old = slots
        let oldCount = mask + 1
        slots = Self.allocate(slotCount)
        mask = slotCount - 1
        used = 0
        count = 0
        dirtyCount = 0
        for position in 0..<oldCount {
            let slot = old + position * Self.stride
            let flags = Self.flags(slot).pointee
            guard flags != SlotFlags.empty else { continue }
            let isLive = flags & SlotFlags.live != 0
            guard keep(flags) else {
                Self.key(slot).deinitialize(count: 1)
                if isLive { Self.value(slot).deinitialize(count: 1) }
                continue
            }
            let key = Self.key(slot).move()
            var index = Int(truncatingIfNeeded: key.tableHash(seed: seed)) & mask
            while Self.flags(slots + index * Self.stride).pointee != SlotFlags.empty { index = (index + 1) & mask }
            let target = slots + index * Self.stride
            Self.flags(target).pointee = flags & ~SlotFlags.dirty
            Self.key(target).initialize(to: key)
            if isLive {
                Self.value(target).moveInitialize(from: Self.value(slot), count: 1)
                count += 1
            }
            used += 1
            if flags & SlotFlags.dirty != 0 { markDirty(target, index) }
        }
        old.deallocate()
    }

    private func markDirty(_ slot: UnsafeMutableRawPointer, _ index: Int) {
        let wasTouched = Self.flags(slot).pointee & SlotFlags.touched
        touch(slot, index)
        if wasTouched == 0 { Self.flags(slot).pointee &= ~SlotFlags.touched }
    }

    /// Every live entry in memory, in table order.
    package func forEachInMemory(_ body: (Key, Value) throws -> Void) rethrows {
        for index in 0...mask {
            let slot = slots + index * Self.stride
            if Self.flags(slot).pointee & SlotFlags.live != 0 { try body(Self.key(slot).pointee, Self.value(slot).pointee) }
        }
    }
}

/// Entries that have left a table, on their way to the snapshot threads.
final class TableChanges<Key: StreamKey, Value: StateCodable>: StateChanges, @unchecked Sendable {
    // Filled by the task thread, then owned by one snapshot thread; never both.
    private let stateID: Int
    private let keyGroups: KeyGroups
    private let rows: UnsafeMutablePointer<(key: Key, value: Value)>
    private var rowCount = 0
    var removed: [Key] = []
    let isComplete: Bool

    init(stateID: Int, keyGroups: KeyGroups, capacity: Int, isComplete: Bool) {
        self.stateID = stateID
        self.keyGroups = keyGroups
        self.isComplete = isComplete
        rows = .allocate(capacity: max(1, capacity))
    }

    deinit {
        rows.deinitialize(count: rowCount)
        rows.deallocate()
    }

    func append(_ key: Key, _ value: Value) {
        (rows + rowCount).initialize(to: (key, value))
        rowCount += 1
    }

    var count: Int { rowCount + removed.count }

    func encode(into buffer: inout ChangeBuffer) {
        for position in 0..<rowCount {
            let row = rows + position
            buffer.append(
                removed: false, key: { header(row.pointee.key, &$0) }, value: { row.pointee.value.encode(into: &$0) })
        }
        for key in removed {
            buffer.append(removed: true, key: { header(key, &$0) }, value: { _ in })
        }
    }

    private func header(_ key: Key, _ writer: inout ByteWriter) {
        writer.integer(UInt16(stateID).bigEndian)
        writer.integer(UInt16(keyGroups.group(ofHash: key.stableHash)).bigEndian)
        key.encode(into: &writer)
    }
}

extension StateTable {
    /// Every key there is, in memory and in the store; for what an operator must know at its start.
    func forEachStored(_ body: (Key) -> Void) throws {
        guard canEvict else { return forEachInMemory { key, _ in body(key) } }
        let id = UInt16(stateID).bigEndian
        try withUnsafeBytes(of: id) { prefix in
            try store.scan(prefix: prefix) { bytes, _ in
                var reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[StateKeyLayout.headerBytes...]))
                body(try Key(from: &reader))
            }
        }
    }
}
