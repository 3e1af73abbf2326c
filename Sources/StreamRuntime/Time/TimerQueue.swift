/// Timers of one time domain (processing or event time) of one keyed operator in one subtask: at most one per key
/// and time, kept in state, so that a timer outlives a crash and fires once per decided epoch.
/// Owned by the task thread.
@usableFromInline final class TimerQueue<Key: StreamKey> {
    @usableFromInline let table: StateTable<TimerKey<Key>, Unit>
    @usableFromInline var queue = DeadlineQueue<TimerKey<Key>>()

    @inlinable init(_ name: String, state: OperatorState) throws {
        table = try state.table(name, .timers, TimerKey<Key>.self, Unit.self)
    }

    /// After `OperatorState.seal`.
    @inlinable func restore() throws {
        try table.forEachStored { queue.insert($0, at: $0.millis) }
    }

    @inlinable func register(at millis: Int64, for key: Key) {
        let timer = TimerKey(millis: millis, key: key)
        guard table.get(timer) == nil else { return }
        table.set(timer, Unit())
        queue.insert(timer, at: millis)
    }

    @inlinable func delete(at millis: Int64, for key: Key) {
        table.remove(TimerKey(millis: millis, key: key))  // its queue entry is skipped when it comes up
    }

    /// The earliest time there is a timer for, or an earlier one.
    @inlinable var earliestMillis: Int64? { queue.earliestMillis }

    /// Takes the earliest timer at `millis` or before, in the order of their times.
    @inlinable func next(upTo millis: Int64) -> (millis: Int64, key: Key)? {
        while let timer = queue.take(dueAt: millis) {
            if table.remove(timer) != nil { return (timer.millis, timer.key) }
        }
        return nil
    }
}
