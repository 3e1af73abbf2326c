/// What every keyed operator has besides its function: state, timers, and how far it has come in event time.
/// Owned by the task thread.
///
/// E1. A watermark is handed on once every timer it makes due has fired and what they emitted is handed on.
/// E2. Firing stops when an output or an operator behind is full, and after as many timers as a batch has records; it goes on
///     when there is room.
///     No record is taken in between, and what one timer emits is the bound of what waits. A barrier may be: what has
///     not fired is then in the snapshot.
/// E3. The watermark that was reached is part of the snapshot, and the one that was handed on: after a restore what was late
///     is still late, and what was left to fire fires before the first record. The end of event time is not: a job that has ended
///     may be started again with more input.
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
    /// The last watermark before the end of event time.
    private var beforeEnd = Int64.min
    /// Restored; operators behind have not heard it since.
    @usableFromInline var isUnannounced = false
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
            .watermark, labels: ["operator": context.operatorID.rawValue, "subtask": String(context.subtask)],
            scale: 1e-3)  // kept in milliseconds
        let times = try context.restoredUnionList(Self.listName, Self.listSchema).map { item in
            try item.bytes.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                let reached = try reader.integer(Int64.self)
                return (reached: reached, completed: reader.remaining == 0 ? reached : try reader.integer(Int64.self))
            }
        }
        watermark = times.map(\.reached).min() ?? .min
        completed = min(watermark, times.map(\.completed).min() ?? .min)
        beforeEnd = watermark
        isUnannounced = watermark > .min
    }

    /// Ends the declarations; restores state and timers.
    @usableFromInline func seal() throws {
        try state.seal()
        timers.readAhead(state.ahead(of: Key.self))
        try timers.restore()
        if isBehind { wait() }
    }

    /// True when a record of this time comes after its watermark.
    @inlinable func isLate(_ millis: Int64) -> Bool { millis <= watermark }

    // MARK: Time

    /// Event time has reached `time`: fires what is due, then hands the watermark on.
    @inlinable func advance<Down: Collector>(
        to time: Int64, into down: inout Down, _ fire: (_ millis: Int64, Key, inout Down) throws -> Void
    ) throws {
        rise(to: time)
        let isNews = isIdle || isUnannounced
        isIdle = false
        if isBehind { return try resume(into: &down, fire) }
        complete()
        if isNews { try down.handle(.watermark(watermark)) }
    }

    /// Every input is idle.
    @inlinable func idle<Down: Collector>(into down: inout Down) throws {
        guard !isIdle, !isBehind, timers.eventTime.earliestMillis == nil else { return }
        isIdle = true
        try down.handle(.idle)
    }

    /// Goes on firing where it stopped; from `tick`.
    @inlinable func resume<Down: Collector>(
        into down: inout Down, _ fire: (_ millis: Int64, Key, inout Down) throws -> Void
    ) throws {
        guard isBehind else { return }
        guard services.full == 0 else { return wait() }
        var left = services.timersAtOnce
        while let timer = timers.nextEventTime(upTo: watermark) {
            recordTime.millis = timer.millis
            try fire(timer.millis, timer.key, &down)
            left &-= 1
            if left == 0 || services.backPressure.isRaised { return wait() }
        }
        complete()
        try down.handle(.watermark(watermark))
    }

    @usableFromInline func rise(to time: Int64) {
        guard time > watermark else { return }
        watermark = time
        if time < .max { beforeEnd = time }
    }

    @usableFromInline var isBehind: Bool { completed < watermark }

    @usableFromInline func wait() {
        services.requestTickWhenFree()
        if !isHolding { services.firing += 1 }
        isHolding = true
    }

    @usableFromInline func complete() {
        completed = watermark
        isUnannounced = false
        gauge.set(Int(watermark))
        if isHolding { services.firing -= 1 }
        isHolding = false
    }

    /// Processing time has reached `wallMillis`. Stops where event time would; what is left fires with the next tick. What a
    /// timer puts out has its time, not that of the record that happened to be processed before.
    @inlinable func fireProcessingTime(_ wallMillis: Int64, _ fire: (_ millis: Int64, Key) throws -> Void) throws {
        let time = recordTime.millis
        defer { recordTime.millis = time }  // records without event time keep having none
        var left = services.timersAtOnce
        while left > 0, services.full == 0, !services.backPressure.isRaised, let timer = timers.next(dueAt: wallMillis) {
            recordTime.millis = timer.millis
            try fire(timer.millis, timer.key)
            left &-= 1
        }
        if services.full == 0 { timers.askForTick() } else { services.requestTickWhenFree() }
    }

    /// False when no processing-time timer is left.
    @usableFromInline var hasProcessingTimers: Bool { timers.processingTime.earliestMillis != nil }

    // MARK: Checkpoints

    @usableFromInline func snapshot(into snapshot: TaskSnapshot) throws {
        snapshot.add(try state.snapshot(snapshot.epoch), of: state.operatorID)
        guard beforeEnd > .min else { return }
        var writer = ByteWriter(capacity: 16)
        writer.integer(beforeEnd)
        writer.integer(min(beforeEnd, completed))
        snapshot.add(
            OperatorList(
                operatorID: state.operatorID, name: Self.listName, schema: Self.listSchema,
                items: [OperatorList.Item(keyGroup: 0, bytes: writer.bytes)]))
    }

    @usableFromInline func close() { state.close() }
}
