// Taking changes out at a barrier, growing, and making room.

extension StateTable {
    /// Takes out what changed since the last call (or every live entry, when `complete`), and marks it clean. What has come and
    /// gone since then is no change.
    /// Costs about 10 ns an entry; encoding happens off the task thread.
    @inlinable func takeChanges(complete: Bool) -> TakenChanges {
        let changes = TableChanges<Key, Value>(
            stateID: stateID, keyGroups: keyGroups, capacity: complete ? count : core.pointee.dirtyCount, isComplete: complete)
        var taken = 0
        if complete {
            for index in 0...core.pointee.mask {
                let slot = core.pointee.slots + index * Self.stride
                let flags = Self.flags(slot)
                if flags.pointee & SlotFlags.live != 0 {
                    (changes.rows + taken).initialize(to: .init(key: Self.key(slot).pointee, value: Self.value(slot).pointee))
                    taken &+= 1
                    flags.pointee &= ~SlotFlags.unstored
                }
                flags.pointee &= ~SlotFlags.dirty
            }
        } else {
            for position in 0..<core.pointee.dirtyCount {
                let slot = core.pointee.slots + Int(core.pointee.dirty[position]) * Self.stride
                let flags = Self.flags(slot)
                if flags.pointee & SlotFlags.live != 0 {
                    (changes.rows + taken).initialize(to: .init(key: Self.key(slot).pointee, value: Self.value(slot).pointee))
                    taken &+= 1
                    flags.pointee &= ~SlotFlags.unstored
                } else if flags.pointee & SlotFlags.unstored == 0 {
                    changes.removed.append(Self.key(slot).pointee)
                }
                flags.pointee &= ~SlotFlags.dirty
            }
        }
        core.pointee.dirtyCount = 0
        takes += 1
        changes.rowCount = taken
        // Closures made here are specialised for the types; a protocol's witness would not be.
        return TakenChanges(count: changes.count, isComplete: complete) { changes.encode(into: &$0) }
    }

    /// Makes room for one more slot at least: drops the slots of removed keys, or grows to twice the size, or, at
    /// the memory limit of an evicting store, drops entries that were not used lately; what changed among
    /// them is spilled to the store first.
    @inlinable func makeRoom() {
        let slotCount = core.pointee.mask + 1
        // A slot of a removed key is all that hides the store's older value until the removal can be read back.
        if canEvict, core.pointee.used > count { settle() }
        if count * 2 < slotCount, core.pointee.used > count {
            rebuild(slotCount: slotCount) { SlotFlags.isNeeded($0) }
            // Removals of this epoch that are to be told stay: there may be no room yet.
            if core.pointee.used * 2 <= slotCount { return }
        }
        if slotCount * 2 <= slotCountMax {
            rebuild(slotCount: slotCount * 2) { SlotFlags.isNeeded($0) }
        } else {
            evict()
        }
    }

    /// How many slots this table's share of the store's memory allows.
    @inlinable var slotCountMax: Int {
        canEvict ? max(1024, store.tableBytesMax / tablesOfStore / Self.stride) : .max
    }

    @inlinable func settle() {
        do {
            try store.settle()
        } catch {
            fault.record(error)
        }
    }

    /// Makes what changed readable in the store, and marks it clean.
    @inlinable func spill() {
        do {
            try store.spill([takeChanges(complete: false)])
        } catch {
            fault.record(error)
        }
    }

    @inlinable func evict() {
        do {
            try store.settle()
        } catch {
            fault.record(error)
        }
        if core.pointee.dirtyCount * 4 > core.pointee.mask + 1 { spill() }
        let usedBefore = core.pointee.used
        rebuild(slotCount: core.pointee.mask + 1) { $0 & (SlotFlags.dirty | SlotFlags.touched) != 0 }
        if core.pointee.used * 2 > usedBefore, core.pointee.used * 4 > (core.pointee.mask + 1) {
            rebuild(slotCount: core.pointee.mask + 1) { $0 & SlotFlags.dirty != 0 }
        }
        for index in 0...core.pointee.mask { Self.flags(core.pointee.slots + index * Self.stride).pointee &= ~SlotFlags.touched }
    }

    /// Moves the entries that `keep` wants into a table of `slotCount` slots; the others are dropped.
    @inlinable func rebuild(slotCount: Int, keep: (UInt32) -> Bool) {
        let old = core.pointee.slots
        let oldCount = core.pointee.mask + 1
        core.pointee.slots = Self.allocate(slotCount)
        core.pointee.mask = slotCount - 1
        core.pointee.used = 0
        core.pointee.count = 0
        core.pointee.dirtyCount = 0
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
            var index = Int(truncatingIfNeeded: key.tableHash(seed: seed)) & core.pointee.mask
            while Self.flags(core.pointee.slots + index * Self.stride).pointee != SlotFlags.empty {
                index = (index + 1) & core.pointee.mask
            }
            let target = core.pointee.slots + index * Self.stride
            Self.flags(target).pointee = flags & ~SlotFlags.dirty
            Self.key(target).initialize(to: key)
            if isLive {
                // Not `moveInitialize(count: 1)`: it moves the value's stride, which may be more than its slot has.
                Self.value(target).initialize(to: Self.value(slot).move())
                core.pointee.count += 1
            }
            core.pointee.used += 1
            if flags & SlotFlags.dirty != 0 { markDirty(target, index) }
        }
        old.deallocate()
    }

    @inlinable func markDirty(_ slot: UnsafeMutableRawPointer, _ index: Int) {
        let wasTouched = Self.flags(slot).pointee & SlotFlags.touched
        touch(slot, index)
        if wasTouched == 0 { Self.flags(slot).pointee &= ~SlotFlags.touched }
    }

    /// Every live entry in memory, in table order.
    @inlinable func forEachInMemory(_ body: (Key, Value) throws -> Void) rethrows {
        for index in 0...core.pointee.mask {
            let slot = core.pointee.slots + index * Self.stride
            if Self.flags(slot).pointee & SlotFlags.live != 0 { try body(Self.key(slot).pointee, Self.value(slot).pointee) }
        }
    }
}

/// Changes without their types; encoding runs specialised code.
@usableFromInline struct TakenChanges: StateChanges {
    @usableFromInline let count: Int
    @usableFromInline let isComplete: Bool
    @usableFromInline let intoGroups: @Sendable (inout GroupedChanges) -> Void

    @inlinable init(
        count: Int, isComplete: Bool, intoGroups: @escaping @Sendable (inout GroupedChanges) -> Void
    ) {
        self.count = count
        self.isComplete = isComplete
        self.intoGroups = intoGroups
    }

    @usableFromInline func encode(into groups: inout GroupedChanges) { intoGroups(&groups) }
}

/// Entries that have left a table, on their way to the snapshot threads.
@usableFromInline final class TableChanges<Key: StreamKey, Value: StateCodable>: @unchecked Sendable {
    // Filled by the task thread, then owned by one snapshot thread; never both.
    @usableFromInline struct Row {
        @usableFromInline var key: Key
        @usableFromInline var value: Value

        @inlinable init(key: Key, value: Value) {
            self.key = key
            self.value = value
        }
    }
    @usableFromInline let stateID: Int
    @usableFromInline let keyGroups: KeyGroups
    @usableFromInline let rows: UnsafeMutablePointer<Row>
    @usableFromInline var rowCount = 0
    @usableFromInline var removed: [Key] = []
    @usableFromInline let isComplete: Bool

    @inlinable init(stateID: Int, keyGroups: KeyGroups, capacity: Int, isComplete: Bool) {
        self.stateID = stateID
        self.keyGroups = keyGroups
        self.isComplete = isComplete
        rows = .allocate(capacity: max(1, capacity))
    }

    @inlinable deinit {
        rows.deinitialize(count: rowCount)
        rows.deallocate()
    }

    @inlinable var count: Int { rowCount + removed.count }

    @inlinable func encode(into groups: inout GroupedChanges) {
        for position in 0..<rowCount {
            let row = rows + position
            let group = group(row.pointee.key)
            groups.append(
                group: group, removed: false, key: { header(row.pointee.key, group, &$0) },
                value: { row.pointee.value.encode(into: &$0) })
        }
        for key in removed {
            let group = group(key)
            groups.append(group: group, removed: true, key: { header(key, group, &$0) }, value: { _ in })
        }
    }

    @inlinable func group(_ key: Key) -> Int { keyGroups.group(ofHash: key.stableHash) }

    @inlinable func header(_ key: Key, _ group: Int, _ writer: inout ByteWriter) {
        writer.integer(UInt16(truncatingIfNeeded: stateID).bigEndian)
        writer.integer(UInt16(truncatingIfNeeded: group).bigEndian)
        key.encode(into: &writer)
    }
}

extension StateTable {
    /// Removes the values that are over among `count` slots from `start` on. Returns where to go on.
    @inlinable func sweep(from start: Int, slots count: Int, isOver: (Value) -> Bool) -> Int {
        var index = start & core.pointee.mask
        for _ in 0..<min(count, core.pointee.mask + 1) {
            let slot = core.pointee.slots + index &* Self.stride
            if Self.flags(slot).pointee & SlotFlags.live != 0, isOver(Self.value(slot).pointee) { removeSlot(slot) }
            index = (index &+ 1) & core.pointee.mask
        }
        return index
    }

    @usableFromInline enum Presence { case live, removed, unknown }

    /// What memory alone says of `key`; `unknown`: the store may have it.
    @inlinable func presence(_ key: Key) -> Presence {
        var index = Int(truncatingIfNeeded: key.tableHash(seed: seed)) & core.pointee.mask
        while true {
            let slot = core.pointee.slots + index &* Self.stride
            let flags = Self.flags(slot).pointee
            if flags == SlotFlags.empty { return .unknown }
            if Self.key(slot).pointee == key { return flags & SlotFlags.live != 0 ? .live : .removed }
            index = (index &+ 1) & core.pointee.mask
        }
    }

    /// Every live entry, in memory or in the store, encoded; in no particular order.
    @inlinable func forEachEncoded(_ body: (StateKeyBytes, UnsafeRawBufferPointer) throws -> Void) throws {
        var key = ByteWriter()
        var value = ByteWriter()
        try forEachInMemory {
            key.removeAll()
            value.removeAll()
            encodeKey($0, into: &key)
            $1.encode(into: &value)
            try key.withBytes { key in try value.withBytes { try body(key, $0) } }
        }
        let bounds = StateKeyLayout.bounds(stateID: stateID, keyGroups: 0..<keyGroups.count)
        try store.scan(from: bounds.start, below: bounds.end) { key, value in
            var reader = ByteReader(UnsafeRawBufferPointer(rebasing: key[StateKeyLayout.headerBytes...]))
            if presence(try Key(from: &reader)) == .unknown { try body(key, value) }
            return true
        }
    }
}
