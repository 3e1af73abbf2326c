/// The time that windows of one operator go by, with its timers: the watermark, or the machine's clock. `Key` is what
/// timers are registered for. Owned by the task thread.
///
/// C1. Processing time never falls: when the machine's clock steps back, also across a restart, it waits for it.
///     So in processing time no record is late.
/// C2. The end of the input is the end of processing time: windows still open fire before it is handed on. A job that is
///     started again with more input goes on at the machine's time.
@usableFromInline final class WindowTime<Key: StreamKey> {
    @usableFromInline let core: KeyedCore<Key>
    @usableFromInline let isProcessing: Bool
    /// Processing time is this at least: no window that ends here or before takes records.
    @usableFromInline var floor = Int64.min
    @usableFromInline var hasEnded = false
    /// As it was when the input ended, where windows fire before their time.
    private var floorAtEnd = Int64.min

    private static var listName: String { "processing-time" }
    private static var listSchema: String { "millis" }

    @usableFromInline enum Timer {
        /// This last millisecond of a window is over, or the lateness allowed for it.
        case end(Int64)
        /// An early timer.
        case early(Int64)
    }

    @usableFromInline init(_ core: KeyedCore<Key>, _ context: OperatorContext, isProcessing: Bool) throws {
        self.core = core
        self.isProcessing = isProcessing
        guard isProcessing else { return }
        for item in try context.restoredUnionList(Self.listName, Self.listSchema) {
            try item.bytes.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                floor = max(floor, try reader.integer(Int64.self))
            }
        }
    }

    /// The time of the record in hand.
    @inlinable @inline(__always)
    var ofRecord: Int64 { isProcessing ? processingTime() : core.recordTime.millis }

    @usableFromInline func processingTime() -> Int64 { max(core.clock.wallMillis(), floor) }

    /// The last millisecond that is over.
    @inlinable @inline(__always)
    var reached: Int64 { isProcessing ? floor.subtractingSaturating(1) : core.watermark }

    /// A timer for when the millisecond `last` is over.
    @inlinable func register(end last: Int64, for key: Key) {
        if isProcessing {
            core.timers.register(at: last.addingSaturating(1), for: key)
        } else {
            core.timers.registerEventTime(at: last, for: key)
        }
    }

    @inlinable func delete(end last: Int64, for key: Key) {
        if isProcessing {
            core.timers.delete(at: last.addingSaturating(1), for: key)
        } else {
            core.timers.deleteEventTime(at: last, for: key)
        }
    }

    /// An early timer `period` milliseconds from now; returns its time.
    @inlinable func registerEarly(after period: Int64, for key: Key) -> Int64 {
        let time = core.clock.wallMillis().addingSaturating(period)
        core.timers.register(at: time, for: key)
        return time
    }

    /// Forgets an early timer. In processing time it may be one with the timer for when `last` is over, which stays.
    @inlinable func deleteEarly(at millis: Int64, for key: Key, besideEnd last: Int64) {
        if isProcessing, millis == last.addingSaturating(1) { return }
        core.timers.delete(at: millis, for: key)
    }

    /// Event time has reached `time`.
    @inlinable func advance<Down: Collector>(
        to time: Int64, into down: inout Down, _ fire: (Timer, Key, inout Down) throws -> Void
    ) throws {
        if isProcessing, time == .max {
            end()
            return try tick(.max, into: &down, fire)
        }
        try core.advance(to: time, into: &down) { try fire(.end($0), $1, &$2) }
    }

    /// Processing time has reached `wallMillis`, or an output has room again.
    @inlinable func tick<Down: Collector>(
        _ wallMillis: Int64, into down: inout Down, _ fire: (Timer, Key, inout Down) throws -> Void
    ) throws {
        guard isProcessing else {
            try core.resume(into: &down) { try fire(.end($0), $1, &$2) }
            return try core.fireProcessingTime(wallMillis) { try fire(.early($0), $1, &down) }
        }
        try core.fireProcessingTime(hasEnded ? .max : wallMillis) { time, key in
            floor = max(floor, time)
            try fire(.end(time == .max ? .max : time - 1), key, &down)
            if !hasEnded { try fire(.early(time), key, &down) }
        }
        guard hasEnded else { return }
        if core.hasProcessingTimers { core.wait() } else { try core.advance(to: .max, into: &down) { _, _, _ in } }
    }

    @usableFromInline func end() {
        if !hasEnded { floorAtEnd = floor }
        hasEnded = true
    }

    @usableFromInline func snapshot(into snapshot: TaskSnapshot) throws {
        try core.snapshot(into: snapshot)
        guard isProcessing else { return }
        var writer = ByteWriter(capacity: 8)
        writer.integer(max(core.clock.wallMillis(), hasEnded ? floorAtEnd : floor))
        snapshot.add(
            OperatorList(
                operatorID: core.state.operatorID, name: Self.listName, schema: Self.listSchema,
                items: [OperatorList.Item(keyGroup: 0, bytes: writer.bytes)]))
    }
}
