// The typed handles an operator declares in `open` and uses with the key in hand. Handles are cheap
// values; all handles of one operator share its store. Owned by the task thread.

/// One value per key.
public struct ValueState<Key: StreamKey, Value: StateCodable> {
    @usableFromInline let table: StateTable<Key, Value>

    @inlinable init(table: StateTable<Key, Value>) { self.table = table }

    /// The value of `key`; set `nil` to remove it.
    @inlinable public subscript(key: Key) -> Value? {
        get { table.get(key) }
        nonmutating set {
            if let newValue { table.set(key, newValue) } else { table.remove(key) }
        }
    }

    /// The value of `key`, or `initial`; updated in place: `counts[user, default: 0] += 1`.
    @inlinable public subscript(key: Key, default initial: @autoclosure () -> Value) -> Value {
        get { table.get(key) ?? initial() }
        nonmutating _modify { yield &table.pointer(for: key, initial: initial).pointee }
    }

    @discardableResult
    @inlinable public func remove(_ key: Key) -> Value? { table.remove(key) }
}

/// An ordered list per key. A list is stored as a whole: a change costs its length at the next checkpoint.
public struct ListState<Key: StreamKey, Element: StateCodable> {
    @usableFromInline let table: StateTable<Key, [Element]>

    @inlinable init(table: StateTable<Key, [Element]>) { self.table = table }

    /// The list of `key`; an empty list is not stored.
    @inlinable public subscript(key: Key) -> [Element] {
        get { table.get(key) ?? [] }
        nonmutating set {
            if newValue.isEmpty { table.remove(key) } else { table.set(key, newValue) }
        }
    }

    @inlinable public func append(_ element: Element, for key: Key) {
        table.pointer(for: key, initial: { [] }).pointee.append(element)
    }

    /// Empties the list and returns what it held.
    @discardableResult
    @inlinable public func remove(_ key: Key) -> [Element] { table.remove(key) ?? [] }
}

/// A map per key. A map is stored as a whole: a change costs its size at the next checkpoint.
public struct MapState<Key: StreamKey, UserKey: Hashable & StateCodable, Value: StateCodable> {
    @usableFromInline let table: StateTable<Key, [UserKey: Value]>

    @inlinable init(table: StateTable<Key, [UserKey: Value]>) { self.table = table }

    /// The whole map of `key`; an empty map is not stored.
    @inlinable public subscript(key: Key) -> [UserKey: Value] {
        get { table.get(key) ?? [:] }
        nonmutating set {
            if newValue.isEmpty { table.remove(key) } else { table.set(key, newValue) }
        }
    }

    /// One entry of the map of `key`; set `nil` to remove it.
    @inlinable public subscript(key: Key, userKey: UserKey) -> Value? {
        get { table.get(key)?[userKey] }
        nonmutating set {
            if let newValue {
                table.pointer(for: key, initial: { [:] }).pointee[userKey] = newValue
            } else if table.get(key)?[userKey] != nil {
                let map = table.pointer(for: key, initial: { [:] })
                map.pointee[userKey] = nil
                if map.pointee.isEmpty { table.remove(key) }
            }
        }
    }

    @discardableResult
    @inlinable public func remove(_ key: Key) -> [UserKey: Value] { table.remove(key) ?? [:] }
}

/// One value per key that every added value is folded into.
public struct ReducingState<Key: StreamKey, Value: StateCodable> {
    @usableFromInline let table: StateTable<Key, Value>
    @usableFromInline let reduce: (Value, Value) -> Value

    @inlinable init(table: StateTable<Key, Value>, reduce: @escaping (Value, Value) -> Value) {
        self.table = table
        self.reduce = reduce
    }

    @inlinable public subscript(key: Key) -> Value? { table.get(key) }

    /// Stores `reduce(old, value)`, or `value` when there was none; returns what is stored.
    @discardableResult
    @inlinable public func add(_ value: Value, for key: Key) -> Value {
        guard let old = table.get(key) else {
            table.set(key, value)
            return value
        }
        let folded = reduce(old, value)
        table.set(key, folded)
        return folded
    }

    @discardableResult
    @inlinable public func remove(_ key: Key) -> Value? { table.remove(key) }
}
