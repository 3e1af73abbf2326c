import Synchronization

/// The in-memory table of one keyed state of one subtask: decoded values, open addressing, linear
/// probing, and a note of what changed since the last barrier.
///
/// With the heap backend it holds everything. With a store that can evict it is a write-back cache:
/// a key that is not here is read from the store once, and clean entries make room when memory runs out.
///
/// Owned by one task thread. Finding a key costs one hash and usually one cache miss.
public final class StateTable<Key: StreamKey, Value: StateCodable> {
    // A slot is [flags: UInt32][key][value]; an empty slot has only its flags initialised.
    @inlinable static var keyOffset: Int { roundUp(4, MemoryLayout<Key>.alignment) }
    @inlinable static var valueOffset: Int {
        roundUp(keyOffset + MemoryLayout<Key>.size, MemoryLayout<Value>.alignment)
    }
    @inlinable static var slotAlignment: Int {
        max(4, max(MemoryLayout<Key>.alignment, MemoryLayout<Value>.alignment))
    }
    @inlinable static var stride: Int { roundUp(valueOffset + MemoryLayout<Value>.size, slotAlignment) }
    @inlinable static func roundUp(_ value: Int, _ alignment: Int) -> Int { (value + alignment - 1) / alignment * alignment }

    @usableFromInline let core: UnsafeMutablePointer<StateTableCore>
    @usableFromInline let seed: UInt64
    @usableFromInline let canEvict: Bool
    @usableFromInline let store: any StateStore
    @usableFromInline let stateID: Int
    @usableFromInline let keyGroups: KeyGroups
    @usableFromInline let fault: StateFault
    public let descriptor: StateDescriptor
    /// Set by the owning operator state: how many tables divide the store's memory.
    @usableFromInline var tablesOfStore = 1
    /// How often its changes were taken out. What was set before then, a scan of the store finds.
    @usableFromInline var takes = 0
    @usableFromInline var scratch = ByteWriter(capacity: 64)
    @usableFromInline var aheadKeys: [Key] = []
    @usableFromInline var aheadBytes = StateKeyBatch()

    @inlinable init(
        descriptor: StateDescriptor, stateID: Int, keyGroups: KeyGroups, store: any StateStore, fault: StateFault
    ) {
        self.descriptor = descriptor
        self.stateID = stateID
        self.keyGroups = keyGroups
        self.store = store
        self.fault = fault
        canEvict = store.canEvict
        seed = processTableSeed
        core = .allocate(capacity: 1)
        core.initialize(to: StateTableCore(slots: Self.allocate(1024), slotCount: 1024))
    }

    @inlinable deinit {
        for index in 0...core.pointee.mask {
            let slot = core.pointee.slots + index * Self.stride
            let flags = Self.flags(slot).pointee
            guard flags != SlotFlags.empty else { continue }
            Self.key(slot).deinitialize(count: 1)
            if flags & SlotFlags.live != 0 { Self.value(slot).deinitialize(count: 1) }
        }
        core.pointee.slots.deallocate()
        core.pointee.dirty.deallocate()
        core.deallocate()
    }

    @inlinable static func allocate(_ slotCount: Int) -> UnsafeMutableRawPointer {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: slotCount * stride, alignment: max(16, slotAlignment))
        for index in 0..<slotCount {
            (memory + index * stride).initializeMemory(as: UInt32.self, to: SlotFlags.empty)
        }
        return memory
    }

    @inlinable public var count: Int { core.pointee.count }

    @inlinable @inline(__always)
    static func flags(_ slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<UInt32> {
        slot.assumingMemoryBound(to: UInt32.self)
    }
    @inlinable @inline(__always)
    static func key(_ slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Key> {
        (slot + keyOffset).assumingMemoryBound(to: Key.self)
    }
    @inlinable @inline(__always)
    static func value(_ slot: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Value> {
        (slot + valueOffset).assumingMemoryBound(to: Value.self)
    }

    @inlinable public var memoryBytes: Int { (core.pointee.mask + 1) * Self.stride + core.pointee.dirtyCapacity * 4 }

    // MARK: Access

    /// The value of `key`, or `nil`.
    @inlinable public func get(_ key: Key) -> Value? {
        guard let slot = lookup(key) else { return nil }
        return Self.value(slot).pointee
    }

    /// Where the value of `key` is, for one update in place; made from `initial` when absent.
    /// Valid until the next call on this table.
    @inlinable public func pointer(for key: Key, initial: () -> Value) -> UnsafeMutablePointer<Value> {
        find(key, readingStore: canEvict, initial: initial)
    }

    /// Where the value of `key` is, for one update in place; `nil` when there is none. Valid until the next call on this table.
    @inlinable func existing(_ key: Key) -> UnsafeMutablePointer<Value>? {
        guard let slot = lookup(key) else { return nil }
        touch(slot, (slot - core.pointee.slots) / Self.stride)
        return Self.value(slot)
    }

    /// `readingStore`: what the store holds matters; an overwriter does not need it.
    @inlinable @inline(__always)
    func find(_ key: Key, readingStore: Bool, initial: () -> Value) -> UnsafeMutablePointer<Value> {
        var index = Int(truncatingIfNeeded: key.tableHash(seed: seed)) & core.pointee.mask
        while true {
            let slot = core.pointee.slots + index &* Self.stride
            let flags = Self.flags(slot).pointee
            if flags == SlotFlags.empty { return insert(key, readingStore: readingStore, initial: initial) }
            if flags & SlotFlags.live != 0, Self.key(slot).pointee == key {
                if flags & SlotFlags.dirtyAndTouched != SlotFlags.dirtyAndTouched { touch(slot, index) }
                return Self.value(slot)
            }
            if flags & SlotFlags.live == 0, Self.key(slot).pointee == key {
                revive(slot, index, initial())
                return Self.value(slot)
            }
            index = (index &+ 1) & core.pointee.mask
        }
    }

    @inlinable public func set(_ key: Key, _ value: Value) {
        find(key, readingStore: false, initial: { value }).pointee = value
    }

    /// Returns the removed value.
    @discardableResult
    @inlinable public func remove(_ key: Key) -> Value? {
        guard let slot = lookup(key) else { return nil }
        return removeSlot(slot)
    }

    @discardableResult
    @inlinable func removeSlot(_ slot: UnsafeMutableRawPointer) -> Value {
        let value = Self.value(slot).move()
        let flags = Self.flags(slot)
        flags.pointee = (flags.pointee & ~SlotFlags.live) | SlotFlags.erased
        core.pointee.count &-= 1
        touch(slot, index(slot))
        return value
    }

    @inlinable func index(_ slot: UnsafeMutableRawPointer) -> Int { (slot - core.pointee.slots) / Self.stride }

    @inlinable func lookup(_ key: Key) -> UnsafeMutableRawPointer? {
        var index = Int(truncatingIfNeeded: key.tableHash(seed: seed)) & core.pointee.mask
        while true {
            let slot = core.pointee.slots + index &* Self.stride
            let flags = Self.flags(slot).pointee
            if flags == SlotFlags.empty { return canEvict ? load(key) : nil }
            if Self.key(slot).pointee == key {
                guard flags & SlotFlags.live != 0 else { return nil }
                Self.flags(slot).pointee = flags | SlotFlags.touched
                return slot
            }
            index = (index &+ 1) & core.pointee.mask
        }
    }

    // MARK: The slower paths

    @inlinable func touch(_ slot: UnsafeMutableRawPointer, _ index: Int) {
        let flags = Self.flags(slot)
        if flags.pointee & SlotFlags.dirty == 0 { note(index) }
        flags.pointee |= SlotFlags.dirtyAndTouched
    }

    @inlinable func revive(_ slot: UnsafeMutableRawPointer, _ index: Int, _ value: Value) {
        Self.value(slot).initialize(to: value)
        let flags = Self.flags(slot)
        flags.pointee = (flags.pointee & ~SlotFlags.erased) | SlotFlags.live
        core.pointee.count += 1
        touch(slot, index)
    }

    @inlinable func note(_ index: Int) {
        if core.pointee.dirtyCount == core.pointee.dirtyCapacity {
            let grown = UnsafeMutablePointer<UInt32>.allocate(capacity: core.pointee.dirtyCapacity * 2)
            grown.update(from: core.pointee.dirty, count: core.pointee.dirtyCount)
            core.pointee.dirty.deallocate()
            core.pointee.dirty = grown
            core.pointee.dirtyCapacity *= 2
        }
        core.pointee.dirty[core.pointee.dirtyCount] = UInt32(truncatingIfNeeded: index)
        core.pointee.dirtyCount &+= 1
    }

    @inline(never)
    @inlinable func insert(_ key: Key, readingStore: Bool, initial: () -> Value) -> UnsafeMutablePointer<Value> {
        if readingStore, let slot = load(key) {
            touch(slot, index(slot))
            return Self.value(slot)
        }
        let isUnstored = readingStore || !canEvict
        let slot = place(key, initial(), flags: SlotFlags.live | SlotFlags.touched | (isUnstored ? SlotFlags.unstored : 0))
        touch(slot, index(slot))
        return Self.value(slot)
    }

    /// Puts a key that is not in the table into a free slot.
    @discardableResult
    @inlinable func place(_ key: Key, _ value: Value, flags: UInt32) -> UnsafeMutableRawPointer {
        let slot = placeKey(key, flags: flags)
        Self.value(slot).initialize(to: value)
        core.pointee.count += 1
        return slot
    }

    @inlinable func placeKey(_ key: Key, flags: UInt32) -> UnsafeMutableRawPointer {
        if (core.pointee.used + 1) * 4 > (core.pointee.mask + 1) * 3 { makeRoom() }
        var index = Int(truncatingIfNeeded: key.tableHash(seed: seed)) & core.pointee.mask
        while Self.flags(core.pointee.slots + index * Self.stride).pointee != SlotFlags.empty {
            index = (index + 1) & core.pointee.mask
        }
        let slot = core.pointee.slots + index * Self.stride
        Self.flags(slot).pointee = flags
        Self.key(slot).initialize(to: key)
        core.pointee.used += 1
        return slot
    }

    /// Reads a key from the store into a clean slot.
    @inline(never)
    @inlinable func load(_ key: Key) -> UnsafeMutableRawPointer? {
        scratch.removeAll()
        encodeKey(key, into: &scratch)
        var found: Value?
        do {
            try scratch.withBytes { bytes in
                try store.read(bytes) { value in
                    var reader = ByteReader(value)
                    found = try Value(from: &reader)
                }
            }
        } catch {
            fault.record(error)
            return nil
        }
        guard let found else { return nil }
        return place(key, found, flags: SlotFlags.live | SlotFlags.touched)
    }

    /// The same for those of `keys` that the table does not know, in one go. One that is stored nowhere is noted as such: as the
    /// slot of a removed key that has nothing to write.
    @inline(never)
    @inlinable func load(_ keys: [Key]) {
        aheadKeys.removeAll(keepingCapacity: true)
        aheadBytes.removeAll()
        for key in keys where presence(key) == .unknown {
            encodeKey(key, into: &aheadBytes.writer)
            aheadBytes.ends.append(aheadBytes.writer.byteCount)
            aheadKeys.append(key)
        }
        guard !aheadKeys.isEmpty else { return }
        do {
            try store.read(aheadBytes) { position, bytes in
                let key = aheadKeys[position]
                guard presence(key) == .unknown else { return }  // it was among them twice
                guard let bytes else {
                    _ = placeKey(key, flags: SlotFlags.erased | SlotFlags.unstored)
                    return
                }
                var reader = ByteReader(bytes)
                place(key, try Value(from: &reader), flags: SlotFlags.live | SlotFlags.touched)
            }
        } catch {
            fault.record(error)
        }
    }

    @inlinable func encodeKey(_ key: Key, into writer: inout ByteWriter) {
        writer.integer(UInt16(stateID).bigEndian)
        writer.integer(UInt16(keyGroups.group(ofHash: key.stableHash)).bigEndian)
        key.encode(into: &writer)
    }

    /// An entry from a checkpoint: clean, unless the store does not hold it yet. One whose time `isOver` is removed.
    @inlinable func restore(
        _ key: inout ByteReader, _ value: inout ByteReader, markDirty: Bool, isOver: ((Value) -> Bool)?
    ) throws {
        let value = try Value(from: &value)
        let isOver = isOver?(value) ?? false
        if isOver && markDirty { return }  // it is in no file of this store
        let slot = place(try Key(from: &key), value, flags: SlotFlags.live)
        if isOver { removeSlot(slot) } else if markDirty { touch(slot, index(slot)) }
    }
}

/// What a slot of a `StateTable` holds.
@usableFromInline enum SlotFlags {
    @inlinable static var empty: UInt32 { 0 }
    @inlinable static var live: UInt32 { 1 }
    /// The key is there, its value was removed.
    @inlinable static var erased: UInt32 { 2 }
    /// Changed since the last barrier.
    @inlinable static var dirty: UInt32 { 4 }
    /// Used since the last eviction sweep.
    @inlinable static var touched: UInt32 { 8 }
    @inlinable static var dirtyAndTouched: UInt32 { 12 }
    /// Neither the store nor a checkpoint knows the key: when its value is removed there is nothing to tell them.
    @inlinable static var unstored: UInt32 { 16 }

    /// The slot holds a value, or a removal that the next checkpoint is to tell.
    @inlinable static func isNeeded(_ flags: UInt32) -> Bool { flags & live != 0 || flags & (dirty | unstored) == dirty }
}

/// One seed a process: tables of the same process agree, an outsider cannot predict them.
@usableFromInline let processTableSeed = UInt64.random(in: .min ... .max)

/// The first failure of a task's state. Reads of state cannot throw (they are subscripts); the task
/// looks here after each batch and before each barrier, so that nothing built on a failed read is kept.
public final class StateFault {
    public private(set) var error: (any Error)?
    private let backPressure: BackPressure?

    public init() { backPressure = nil }

    /// A failure ends the batch in hand after the record that it happened at.
    init(raising backPressure: BackPressure) { self.backPressure = backPressure }

    public func record(_ error: any Error) {
        if self.error == nil { self.error = error }
        backPressure?.raise()
    }

    func check() throws { if let error { throw error } }
}
