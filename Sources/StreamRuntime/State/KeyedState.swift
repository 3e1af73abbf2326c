// The typed handles an operator declares where it is made and uses with the key in hand. Handles are cheap
// values; all handles of one operator share its store. Owned by the task thread.

public typealias ValueState<Key: StreamKey, Value: StateCodable> = ValueStateOf<StateTable<Key, Value>>
public typealias DefaultedState<Key: StreamKey, Value: StateCodable> = DefaultedStateOf<StateTable<Key, Value>>
public typealias ListState<Key: StreamKey, Element: StateCodable> = ListStateOf<StateTable<Key, [Element]>, Element>
public typealias MapState<Key: StreamKey, UserKey: Hashable & StateCodable, Value: StateCodable> =
    MapStateOf<StateTable<Key, [UserKey: Value]>, UserKey, Value>
public typealias ReducingState<Key: StreamKey, Value: StateCodable> = ReducingStateOf<StateTable<Key, Value>>
public typealias AggregatingState<Key: StreamKey, A: Aggregate> = AggregatingStateOf<StateTable<Key, A.Accumulator>, A>

// The same with a time to live (`StateTTL`).
public typealias ExpiringValueState<Key: StreamKey, Value: StateCodable> = ValueStateOf<ExpiringTable<Key, Value>>
public typealias ExpiringDefaultedState<Key: StreamKey, Value: StateCodable> =
    DefaultedStateOf<ExpiringTable<Key, Value>>
public typealias ExpiringListState<Key: StreamKey, Element: StateCodable> =
    ListStateOf<ExpiringTable<Key, [Element]>, Element>
public typealias ExpiringMapState<Key: StreamKey, UserKey: Hashable & StateCodable, Value: StateCodable> =
    MapStateOf<ExpiringTable<Key, [UserKey: Value]>, UserKey, Value>
public typealias ExpiringReducingState<Key: StreamKey, Value: StateCodable> =
    ReducingStateOf<ExpiringTable<Key, Value>>
public typealias ExpiringAggregatingState<Key: StreamKey, A: Aggregate> =
    AggregatingStateOf<ExpiringTable<Key, A.Accumulator>, A>

/// One value per key.
public struct ValueStateOf<Table: KeyedTable> {
    public typealias Key = Table.Key
    public typealias Value = Table.Value
    @usableFromInline let table: Table

    @inlinable init(table: Table) { self.table = table }

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

/// One value per key, with a value that keys have before they are written: `counts[user] += 1`. Stored as a
/// `ValueState` is; the default is not stored.
public struct DefaultedStateOf<Table: KeyedTable> {
    public typealias Key = Table.Key
    public typealias Value = Table.Value
    @usableFromInline let table: Table
    @usableFromInline let initial: Value

    @inlinable init(table: Table, initial: Value) {
        self.table = table
        self.initial = initial
    }

    /// Updated in place.
    @inlinable public subscript(key: Key) -> Value {
        get { table.get(key) ?? initial }
        nonmutating set { table.set(key, newValue) }
        nonmutating _modify { yield &table.pointer(for: key, initial: { initial }).pointee }
    }

    /// Sets `key` back to the default, and keeps nothing for it.
    @inlinable public func remove(_ key: Key) { table.remove(key) }
}

/// An ordered list per key. A list is stored as a whole: a change costs its length at the next checkpoint.
public struct ListStateOf<Table: KeyedTable, Element: StateCodable> where Table.Value == [Element] {
    public typealias Key = Table.Key
    @usableFromInline let table: Table

    @inlinable init(table: Table) { self.table = table }

    /// The list of `key`; an empty list is not stored.
    @inlinable public subscript(key: Key) -> [Element] {
        get { table.get(key) ?? [] }
        nonmutating set {
            if newValue.isEmpty { table.remove(key) } else { table.set(key, newValue) }
        }
    }

    /// Adds `element` at the end of the list of `key`, in place.
    @inlinable public func append(_ element: Element, for key: Key) {
        table.pointer(for: key, initial: { [] }).pointee.append(element)
    }

    /// Empties the list and returns what it held.
    @discardableResult
    @inlinable public func remove(_ key: Key) -> [Element] { table.remove(key) ?? [] }
}

/// A map per key. A map is stored as a whole: a change costs its size at the next checkpoint.
public struct MapStateOf<Table: KeyedTable, UserKey: Hashable & StateCodable, Value: StateCodable>
where Table.Value == [UserKey: Value] {
    public typealias Key = Table.Key
    @usableFromInline let table: Table

    @inlinable init(table: Table) { self.table = table }

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
public struct ReducingStateOf<Table: KeyedTable> {
    public typealias Key = Table.Key
    public typealias Value = Table.Value
    @usableFromInline let table: Table
    @usableFromInline let reduce: (Value, Value) -> Value

    @inlinable init(table: Table, reduce: @escaping (Value, Value) -> Value) {
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

/// An accumulator per key that inputs of another type are added to (`Aggregate`). Only the accumulator is stored.
public struct AggregatingStateOf<Table: KeyedTable, A: Aggregate> where Table.Value == A.Accumulator {
    public typealias Key = Table.Key
    @usableFromInline let table: Table
    @usableFromInline let aggregate: A

    @inlinable init(table: Table, aggregate: A) {
        self.table = table
        self.aggregate = aggregate
    }

    /// What the inputs of `key` amount to; `nil` when there were none.
    @inlinable public subscript(key: Key) -> A.Output? { table.get(key).map { aggregate.result($0) } }

    /// Updates the accumulator in place.
    @inlinable public func add(_ input: A.Input, for key: Key) {
        aggregate.add(input, to: &table.pointer(for: key, initial: { aggregate.empty() }).pointee)
    }

    /// Merges an accumulator made elsewhere.
    @inlinable public func merge(_ other: A.Accumulator, for key: Key) {
        aggregate.merge(other, into: &table.pointer(for: key, initial: { aggregate.empty() }).pointee)
    }

    /// Forgets the inputs of `key`; returns what they amounted to.
    @discardableResult
    @inlinable public func remove(_ key: Key) -> A.Output? { table.remove(key).map { aggregate.result($0) } }
}
