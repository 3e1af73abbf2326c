/// Declares the state of one subtask's function. Names are stable: they find the state in checkpoints. A name may be
/// declared once, and only while the function is made.
///
/// Use a handle, and timers, only with the key that the function was called with: other keys may belong to another
/// subtask. A change of theirs fails the job at the next checkpoint (`ForeignKeyError`).
///
/// Every kind but `largeMap` takes a time to live, `ttl:`; what it returns is then `Expiring…State`, used in the same way.
public struct KeyedStateContext<Key: StreamKey> {
    @usableFromInline let state: OperatorState
    private let taskContext: OperatorContext?

    @usableFromInline init(state: OperatorState, operatorContext: OperatorContext?) {
        self.state = state
        taskContext = operatorContext
    }

    /// The subtask, its clock, log and metrics.
    public var operatorContext: OperatorContext {
        guard let taskContext else { preconditionFailure("this state belongs to no task") }
        return taskContext
    }

    // MARK: A value per key

    @inlinable public func value<Value: StateCodable>(_ name: String, _: Value.Type) throws -> ValueState<Key, Value> {
        ValueState(table: try state.table(name, .value, Key.self, Value.self))
    }

    @inlinable public func value<Value: StateCodable>(
        _ name: String, _: Value.Type, ttl: StateTTL
    ) throws -> ExpiringValueState<Key, Value> {
        ExpiringValueState(table: try state.table(name, .value, Key.self, Value.self, ttl))
    }

    /// A value that keys have before they are written: `let counts = try state.value("count", default: 0)`, then
    /// `counts[user] += 1`.
    @inlinable public func value<Value: StateCodable>(
        _ name: String, default initial: Value
    ) throws -> DefaultedState<Key, Value> {
        DefaultedState(table: try state.table(name, .value, Key.self, Value.self), initial: initial)
    }

    @inlinable public func value<Value: StateCodable>(
        _ name: String, default initial: Value, ttl: StateTTL
    ) throws -> ExpiringDefaultedState<Key, Value> {
        ExpiringDefaultedState(table: try state.table(name, .value, Key.self, Value.self, ttl), initial: initial)
    }

    // MARK: A collection per key

    @inlinable public func list<Element: StateCodable>(_ name: String, _: Element.Type) throws -> ListState<Key, Element> {
        ListState(table: try state.table(name, .list, Key.self, [Element].self))
    }

    @inlinable public func list<Element: StateCodable>(
        _ name: String, _: Element.Type, ttl: StateTTL
    ) throws -> ExpiringListState<Key, Element> {
        ExpiringListState(table: try state.table(name, .list, Key.self, [Element].self, ttl))
    }

    @inlinable public func map<UserKey: Hashable & StateCodable, Value: StateCodable>(
        _ name: String, _: UserKey.Type, _: Value.Type
    ) throws -> MapState<Key, UserKey, Value> {
        MapState(table: try state.table(name, .map, Key.self, [UserKey: Value].self))
    }

    @inlinable public func map<UserKey: Hashable & StateCodable, Value: StateCodable>(
        _ name: String, _: UserKey.Type, _: Value.Type, ttl: StateTTL
    ) throws -> ExpiringMapState<Key, UserKey, Value> {
        ExpiringMapState(table: try state.table(name, .map, Key.self, [UserKey: Value].self, ttl))
    }

    /// A map that may have very many entries: it is read and stored by parts. Without a time to live: remove entries by a timer
    /// (`removeAll`).
    @inlinable public func largeMap<UserKey: StreamKey, Value: StateCodable>(
        _ name: String, _: UserKey.Type, _: Value.Type
    ) throws -> LargeMapState<Key, UserKey, Value> {
        LargeMapState(table: try state.table(name, .largeMap, MapPartKey<Key>.self, MapPart<UserKey, Value>.self))
    }

    // MARK: A fold per key

    @inlinable public func reducing<Value: StateCodable>(
        _ name: String, _: Value.Type, _ reduce: @escaping (Value, Value) -> Value
    ) throws -> ReducingState<Key, Value> {
        ReducingState(table: try state.table(name, .reducing, Key.self, Value.self), reduce: reduce)
    }

    @inlinable public func reducing<Value: StateCodable>(
        _ name: String, _: Value.Type, ttl: StateTTL, _ reduce: @escaping (Value, Value) -> Value
    ) throws -> ExpiringReducingState<Key, Value> {
        ExpiringReducingState(table: try state.table(name, .reducing, Key.self, Value.self, ttl), reduce: reduce)
    }

    @inlinable public func aggregating<A: Aggregate>(_ name: String, _ aggregate: A) throws -> AggregatingState<Key, A> {
        AggregatingState(
            table: try state.table(name, .aggregating, Key.self, A.Accumulator.self), aggregate: aggregate)
    }

    @inlinable public func aggregating<A: Aggregate>(
        _ name: String, _ aggregate: A, ttl: StateTTL
    ) throws -> ExpiringAggregatingState<Key, A> {
        ExpiringAggregatingState(
            table: try state.table(name, .aggregating, Key.self, A.Accumulator.self, ttl), aggregate: aggregate)
    }
}
