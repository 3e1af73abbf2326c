/// Declares the state of one subtask's function. Names are stable: they find the state in checkpoints.
public struct KeyedStateContext<Key: StreamKey> {
    @usableFromInline let state: OperatorState
    /// The subtask, its clock, log and metrics.
    public let operatorContext: OperatorContext

    @inlinable init(state: OperatorState, operatorContext: OperatorContext) {
        self.state = state
        self.operatorContext = operatorContext
    }

    @inlinable public func value<Value: StateCodable>(_ name: String, _: Value.Type) throws -> ValueState<Key, Value> {
        ValueState(table: try state.table(name, .value, Key.self, Value.self))
    }

    @inlinable public func list<Element: StateCodable>(_ name: String, _: Element.Type) throws -> ListState<Key, Element> {
        ListState(table: try state.table(name, .list, Key.self, [Element].self))
    }

    @inlinable public func map<UserKey: Hashable & StateCodable, Value: StateCodable>(
        _ name: String, _: UserKey.Type, _: Value.Type
    ) throws -> MapState<Key, UserKey, Value> {
        MapState(table: try state.table(name, .map, Key.self, [UserKey: Value].self))
    }

    @inlinable public func reducing<Value: StateCodable>(
        _ name: String, _: Value.Type, _ reduce: @escaping (Value, Value) -> Value
    ) throws -> ReducingState<Key, Value> {
        ReducingState(table: try state.table(name, .reducing, Key.self, Value.self), reduce: reduce)
    }
}
