/// Timers of one time domain (processing or event time) of one keyed operator in one subtask: at most one per key
/// and time, kept in state, so that a timer outlives a crash and fires once per decided epoch.
///
/// When the store holds everything in memory anyway (heap), so does the queue; over a store that can evict its memory
/// is bounded (`BoundedTimers`). Owned by the task thread.
@usableFromInline final class TimerQueue<Key: StreamKey> {
    @usableFromInline let table: StateTable<TimerKey<Key>, Unit>
    /// Every timer, and some that were deleted: they are skipped when they come up.
    @usableFromInline var all = DeadlineQueue<TimerKey<Key>>()
    @usableFromInline let bounded: BoundedTimers<Key>?

    @inlinable init(_ name: String, state: OperatorState, limits: TimerLimits) throws {
        table = try state.table(name, .timers, TimerKey<Key>.self, Unit.self)
        bounded = table.canEvict ? BoundedTimers(table: table, owned: state.owned, limits: limits) : nil
    }

    /// After `OperatorState.seal`.
    @inlinable func restore() throws {
        if let bounded { return try bounded.restore() }
        table.forEachInMemory { timer, _ in all.insert(timer, at: timer.millis) }
    }

    @inlinable func register(at millis: Int64, for key: Key) {
        let timer = TimerKey(millis: millis, key: key)
        if let bounded { return bounded.register(timer) }
        guard table.get(timer) == nil else { return }
        table.set(timer, Unit())
        all.insert(timer, at: millis)
    }

    @inlinable func delete(at millis: Int64, for key: Key) {
        let timer = TimerKey(millis: millis, key: key)
        if let bounded { return bounded.delete(timer) }
        guard table.remove(timer) != nil, all.items.count > 2 * table.count + 1024 else { return }
        all = DeadlineQueue()
        table.forEachInMemory { timer, _ in all.insert(timer, at: timer.millis) }
    }

    /// The earliest time there is a timer for, or an earlier one.
    @inlinable var earliestMillis: Int64? { if let bounded { bounded.earliestMillis } else { all.earliest } }

    /// Takes the earliest timer at `millis` or before.
    @inlinable func next(upTo millis: Int64) -> (millis: Int64, key: Key)? {
        if let bounded { return bounded.next(upTo: millis).map { ($0.millis, $0.key) } }
        while let timer = all.take(dueAt: millis) {
            if table.remove(timer) != nil { return (timer.millis, timer.key) }
        }
        return nil
    }
}
