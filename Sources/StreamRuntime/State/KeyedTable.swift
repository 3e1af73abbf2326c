/// What the handles of keyed state (`ValueState` and the others) stand on: a table, with or without a TTL. Handles are
/// generic over it, so that one without costs nothing for the other. Not meant to be implemented elsewhere.
public protocol KeyedTable<Key, Value>: AnyObject {
    associatedtype Key: StreamKey
    associatedtype Value: StateCodable

    func get(_ key: Key) -> Value?
    func set(_ key: Key, _ value: Value)
    @discardableResult func remove(_ key: Key) -> Value?
    /// For one update in place; valid until the next call on the table.
    func pointer(for key: Key, initial: () -> Value) -> UnsafeMutablePointer<Value>
}

extension StateTable: KeyedTable {}

/// A table whose values have a time to live. Owned by the task thread.
///
/// An access costs a comparison more than without, and every step of the task that uses the table sweeps a few slots.
public final class ExpiringTable<Key: StreamKey, Value: StateCodable>: KeyedTable {
    @usableFromInline let table: StateTable<Key, Timed<Value>>
    @usableFromInline let lifetimeMillis: Int64
    @usableFromInline let renewsOnRead: Bool
    @usableFromInline let time: CoarseTime
    /// When the last sweep was; behind a pointer, as it is looked at in each access.
    @usableFromInline let sweptMillis: UnsafeMutablePointer<Int64>
    @usableFromInline var sweepPosition = 0

    @inlinable init(_ table: StateTable<Key, Timed<Value>>, ttl: StateTTL, time: CoarseTime) {
        self.table = table
        self.time = time
        lifetimeMillis = ttl.lifetime.wholeMillis
        renewsOnRead = ttl.refresh == .onReadAndWrite
        sweptMillis = .allocate(capacity: 1)
        sweptMillis.initialize(to: time.millis)
    }

    @inlinable deinit { sweptMillis.deallocate() }

    @inlinable public func get(_ key: Key) -> Value? {
        let now = beginAccess()
        guard let slot = table.lookup(key) else { return nil }
        let entry = StateTable<Key, Timed<Value>>.value(slot)
        if isOver(entry.pointee.millis, now) {
            table.removeSlot(slot)
            return nil
        }
        if renewsOnRead, entry.pointee.millis != now {
            entry.pointee.millis = now
            table.touch(slot, table.index(slot))
        }
        return entry.pointee.value
    }

    @inlinable public func set(_ key: Key, _ value: Value) {
        let now = beginAccess()
        table.set(key, Timed(value, millis: now))
    }

    @discardableResult
    @inlinable public func remove(_ key: Key) -> Value? {
        let now = beginAccess()
        guard let removed = table.remove(key), !isOver(removed.millis, now) else { return nil }
        return removed.value
    }

    @inlinable public func pointer(for key: Key, initial: () -> Value) -> UnsafeMutablePointer<Value> {
        let now = beginAccess()
        let entry = table.pointer(for: key) { Timed(initial(), millis: now) }
        if isOver(entry.pointee.millis, now) { entry.pointee.value = initial() }
        entry.pointee.millis = now
        return UnsafeMutableRawPointer(entry).assumingMemoryBound(to: Value.self)
    }

    @inlinable @inline(__always)
    func isOver(_ millis: Int64, _ now: Int64) -> Bool {
        TimedValue.isOver(millis, lifetimeMillis: lifetimeMillis, nowMillis: now)
    }

    @inlinable @inline(__always)
    func beginAccess() -> Int64 {
        let now = time.millis
        if now != sweptMillis.pointee { sweep(now) }
        return now
    }

    /// Removes what is over among some of the slots in memory: so many that all are passed twice per lifetime.
    @inline(never)
    @inlinable func sweep(_ now: Int64) {
        let slots = Double(table.core.pointee.mask + 1)
        let share = 2 * slots * Double(max(0, now &- sweptMillis.pointee)) / Double(lifetimeMillis)
        sweptMillis.pointee = now
        sweepPosition = table.sweep(from: sweepPosition, slots: Int(min(max(share, 16), 4096))) {
            isOver($0.millis, now)
        }
    }
}
