/// What every keyed operator has besides its function: state, timers, and how far it has come in event time.
/// Owned by the task thread.
///
/// E1. A watermark is handed on once every timer it makes due has fired and what they emitted is handed on.
/// E2. Firing stops when an output is full, and goes on when there is room: no record is taken in between, and what
///     one timer emits is the bound of what waits.
/// E3. The watermark that was handed on last is part of the snapshot: after a restore what was late is still late.
/// E4. An operator with event-time timers is not idle, though its inputs are: their results would be late further down, where
///     event time would go on without it.
public final class KeyedCore<Key: StreamKey> {
    @usableFromInline let state: OperatorState
    @usableFromInline let timers: TimerService<Key>
    @usableFromInline let services: TaskServices
    @usableFromInline let recordTime: RecordTime
    @usableFromInline let clock: any RuntimeClock
    private let gauge: MetricRegistry.Cell

    /// The watermark as functions see it: while timers fire, the one that makes them due.
    @usableFromInline var watermark = Int64.min
    private var completed = Int64.min
    private var isHolding = false
    /// Idleness was handed on, and no watermark since.
    @usableFromInline var isIdle = false

    private static var listName: String { "event-time" }
    private static var listSchema: String { "watermark" }

    @usableFromInline init(_ context: OperatorContext) throws {
        state = try context.makeState()
        services = context.services
        recordTime = context.services.recordTime
        clock = context.clock
        timers = try TimerService(state: state, services: context.services)
        gauge = context.metrics.gauge(
            "weir_watermark_milliseconds", help: "Event time an operator has reached (Unix time).",
            labels: ["operator": context.operatorID.rawValue, "subtask": String(context.subtask)])
        let reached = try context.restoredUnionList(Self.listName, Self.listSchema).map { item in
            try item.bytes.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                return try reader.integer(Int64.self)
            }
        }
        completed = reached.min() ?? .min
        watermark = completed
    }

    /// Ends the declarations; restores state and timers.
    @usableFromInline func seal() throws {
        try state.seal()
        try timers.restore()
    }

    /// True when a record of this time comes after its watermark.
    @inlinable func isLate(_ millis: Int64) -> Bool { millis <= watermark }

    // MARK: Time

    /// Event time has reached `time`: fires what is due, then hands the watermark on.
    @inlinable func advance<Down: Collector>(
        to time: Int64, into down: inout Down, _ fire: (_ millis: Int64, Key, inout Down) throws -> Void
    ) throws {
        if time > watermark { watermark = time }
        let wasIdle = isIdle
        isIdle = false
        if isBehind { return try resume(into: &down, fire) }
        if wasIdle { try down.handle(.watermark(watermark)) }
    }

    /// Every input is idle.
    @inlinable func idle<Down: Collector>(into down: inout Down) throws {
        guard !isIdle, !isBehind, timers.eventTime.earliestMillis == nil else { return }
        isIdle = true
        try down.handle(.idle)
    }

    /// Goes on firing after back-pressure; from `tick`.
    @inlinable func resume<Down: Collector>(
        into down: inout Down, _ fire: (_ millis: Int64, Key, inout Down) throws -> Void
    ) throws {
        guard isBehind else { return }
        while let timer = timers.nextEventTime(upTo: watermark) {
            recordTime.millis = timer.millis
            try fire(timer.millis, timer.key, &down)
            if services.backPressure.isRaised { return wait() }
        }
        complete()
        try down.handle(.watermark(watermark))
    }

    @usableFromInline var isBehind: Bool { completed < watermark }

    @usableFromInline func wait() {
        services.requestTick()
        if !isHolding { services.holds += 1 }
        isHolding = true
    }

    @usableFromInline func complete() {
        completed = watermark
        gauge.set(Int(watermark))
        if isHolding { services.holds -= 1 }
        isHolding = false
    }

    /// Processing time has reached `wallMillis`. Stops when an output is full; what is left fires with the next tick.
    @inlinable func fireProcessingTime(_ wallMillis: Int64, _ fire: (_ millis: Int64, Key) throws -> Void) throws {
        while !services.backPressure.isRaised, let timer = timers.next(dueAt: wallMillis) {
            try fire(timer.millis, timer.key)
        }
        timers.askForTick()
    }

    /// False when no processing-time timer is left.
    @usableFromInline var hasProcessingTimers: Bool { timers.processingTime.earliestMillis != nil }

    // MARK: Checkpoints

    @usableFromInline func snapshot(into snapshot: TaskSnapshot) throws {
        snapshot.add(try state.snapshot(snapshot.epoch), of: state.operatorID)
        guard completed > .min else { return }
        var writer = ByteWriter(capacity: 8)
        writer.integer(completed)
        snapshot.add(
            OperatorList(
                operatorID: state.operatorID, name: Self.listName, schema: Self.listSchema,
                items: [OperatorList.Item(keyGroup: 0, bytes: writer.bytes)]))
    }

    @usableFromInline func close() { state.close() }
}
