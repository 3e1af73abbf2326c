// What other modules of this package use of the state internals: state backends, which encode changes, and
// their conformance suite, which drives state without a task.

extension OperatorState {
    /// Declares states outside a task.
    package func keyed<Key: StreamKey>(by _: Key.Type) -> KeyedStateContext<Key> {
        KeyedStateContext(state: self, operatorContext: nil)
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
        TaskServices(backPressure: BackPressure(), waker: Waker(), timersAtOnce: 1024)
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
