// What other modules of this package use of the state internals: state backends, which encode changes, and
// their conformance suite, which drives state without a task.

extension OperatorState {
    @inlinable package func valueState<Key: StreamKey, Value: StateCodable>(
        _ name: String, _: Key.Type, _: Value.Type
    ) throws -> ValueState<Key, Value> {
        ValueState(table: try table(name, .value, Key.self, Value.self))
    }

    @inlinable package func listState<Key: StreamKey, Element: StateCodable>(
        _ name: String, _: Key.Type, _: Element.Type
    ) throws -> ListState<Key, Element> {
        ListState(table: try table(name, .list, Key.self, [Element].self))
    }

    @inlinable package func mapState<Key: StreamKey, UserKey: Hashable & StateCodable, Value: StateCodable>(
        _ name: String, _: Key.Type, _: UserKey.Type, _: Value.Type
    ) throws -> MapState<Key, UserKey, Value> {
        MapState(table: try table(name, .map, Key.self, [UserKey: Value].self))
    }

    @inlinable package func reducingState<Key: StreamKey, Value: StateCodable>(
        _ name: String, _: Key.Type, _: Value.Type, _ reduce: @escaping (Value, Value) -> Value
    ) throws -> ReducingState<Key, Value> {
        ReducingState(table: try table(name, .reducing, Key.self, Value.self), reduce: reduce)
    }

    /// Timers outside a task: nobody wakes for them, `next` asks. `restore` follows `seal`.
    @inlinable package func timerService<Key: StreamKey>(
        _: Key.Type, limits: TimerLimits = TimerLimits()
    ) throws -> TimerService<Key> {
        try TimerService(state: self, services: .unattended(), limits: limits)
    }
}

extension TaskServices {
    /// For operators without a task.
    @usableFromInline static func unattended() -> TaskServices {
        TaskServices(backPressure: BackPressure(), waker: Waker())
    }
}

/// The stored form of timers.
package enum TimerEncoding {
    package static func bytes<Key: StreamKey>(_ millis: Int64, _ key: Key) -> [UInt8] {
        var writer = ByteWriter()
        TimerKey(millis: millis, key: key).encode(into: &writer)
        return writer.bytes
    }
}

extension GroupedChanges {
    /// Empty, for changes of these key groups.
    package static func empty(_ keyGroups: Range<Int>, expectedBytes: Int) -> GroupedChanges {
        GroupedChanges(keyGroups, expectedBytes: expectedBytes)
    }

    /// The bytes of every group that has any, in ascending order: per entry the key (LEB128 length, bytes),
    /// then the value (LEB128 length + 1, bytes; 0 = removed). Valid inside `body`.
    package func forEachKeyGroup(_ body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        try forEachGroup { try body($1) }
    }
}
