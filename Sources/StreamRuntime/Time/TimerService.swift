/// Processing-time timers of one keyed operator: at most one per key and time, kept in state, so that a
/// timer outlives a crash and fires once per decided epoch. Owned by the task thread.
///
/// Registering costs a table update and a heap insertion. All timers of the subtask are in memory.
public final class TimerService<Key: StreamKey> {
    @usableFromInline let table: StateTable<TimerKey<Key>, Unit>
    @usableFromInline let services: TaskServices
    @usableFromInline var queue = DeadlineQueue<TimerKey<Key>>()

    @inlinable init(table: StateTable<TimerKey<Key>, Unit>, services: TaskServices) {
        self.table = table
        self.services = services
    }

    /// Calls the function's `timer` once processing time has reached `millis`; at once when it has passed.
    public func register(at millis: Int64, for key: Key) {
        let timer = TimerKey(millis: millis, key: key)
        guard table.get(timer) == nil else { return }
        table.set(timer, Unit())
        queue.insert(timer, at: millis)
        services.wantTimer(at: millis)
    }

    /// Forgets a timer; one that is not registered is no error.
    public func delete(at millis: Int64, for key: Key) {
        table.remove(TimerKey(millis: millis, key: key))  // its queue entry is skipped when it comes up
    }

    @usableFromInline func restore() throws {
        try table.forEachStored { queue.insert($0, at: $0.millis) }
        askForTick()
    }

    @usableFromInline func next(dueAt millis: Int64) -> (millis: Int64, key: Key)? {
        while let timer = queue.take(dueAt: millis) {
            if table.remove(timer) != nil { return (timer.millis, timer.key) }
        }
        return nil
    }

    @usableFromInline func askForTick() {
        if let millis = queue.earliestMillis { services.wantTimer(at: millis) }
    }
}

/// A timer as a state key: it lives in the key group of its record key.
@usableFromInline struct TimerKey<Key: StreamKey>: StreamKey {
    @usableFromInline var millis: Int64
    @usableFromInline var key: Key

    @usableFromInline static var stateSchema: String { "timer:\(Key.stateSchema)" }
    @usableFromInline var stableHash: UInt64 { key.stableHash }
    @usableFromInline func tableHash(seed: UInt64) -> UInt64 { key.tableHash(seed: seed) ^ millis.tableHash(seed: seed &+ 1) }

    init(millis: Int64, key: Key) {
        self.millis = millis
        self.key = key
    }

    @usableFromInline func encode(into writer: inout ByteWriter) {
        writer.integer(millis)
        key.encode(into: &writer)
    }

    @usableFromInline init(from reader: inout ByteReader) throws {
        millis = try reader.integer()
        key = try Key(from: &reader)
    }
}

/// No value at all.
@usableFromInline struct Unit: StateCodable {
    @usableFromInline static var stateSchema: String { "unit" }
    @usableFromInline init() {}
    @usableFromInline func encode(into writer: inout ByteWriter) {}
    @usableFromInline init(from reader: inout ByteReader) throws {}
}
