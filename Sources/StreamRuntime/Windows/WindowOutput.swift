/// Turns the results of windows into the records that a window operator puts out.
public protocol WindowEmitter<Key, Value, Output>: Sendable {
    associatedtype Key
    associatedtype Value
    associatedtype Output

    func emit<Down: Collector>(_ result: WindowResult<Key, Value>, into down: inout Down) throws
    where Down.Element == Output
}

/// The results as they are.
public struct EmitResults<Key, Value>: WindowEmitter {
    public typealias Output = WindowResult<Key, Value>

    @inlinable init() {}

    @inlinable @inline(__always)
    public func emit<Down: Collector>(_ result: WindowResult<Key, Value>, into down: inout Down) throws
    where Down.Element == WindowResult<Key, Value> { try down.collect(result) }
}

/// What a function of the author's makes of each result.
public struct EmitProcessed<Key, Value, Results: Sequence & SendableMetatype>: WindowEmitter {
    public typealias Output = Results.Element
    @usableFromInline let body: @Sendable (WindowResult<Key, Value>) throws -> Results

    @inlinable init(_ body: @escaping @Sendable (WindowResult<Key, Value>) throws -> Results) { self.body = body }

    @inlinable public func emit<Down: Collector>(_ result: WindowResult<Key, Value>, into down: inout Down) throws
    where Down.Element == Results.Element {
        for output in try body(result) { try down.collect(output) }
    }
}

/// What every window operator does with records and results: an aggregate in front, an emitter behind. Owned by the
/// task thread.
@usableFromInline struct WindowLogic<A: Aggregate, E: WindowEmitter>
where E.Value == A.Output, E.Key: StreamKey {
    @usableFromInline let aggregate: A
    @usableFromInline let emitter: E
    @usableFromInline let key: @Sendable (A.Input) -> E.Key
    @usableFromInline let recordTime: RecordTime
    private let late: SideEmitter<A.Input>?
    private let lateRecords: MetricRegistry.Cell
    private let gapRecords: MetricRegistry.Cell

    @usableFromInline init(
        _ aggregate: A, _ emitter: E, _ key: @escaping @Sendable (A.Input) -> E.Key, late: SideOutput<A.Input>?,
        _ context: OperatorContext
    ) {
        self.aggregate = aggregate
        self.emitter = emitter
        self.key = key
        recordTime = context.services.recordTime
        self.late = late.map { context.emitter($0) }
        let labels: MetricRegistry.Labels = ["operator": context.operatorID.rawValue, "subtask": String(context.subtask)]
        lateRecords = context.metrics.counter(.windowLateRecords, labels: labels)
        gapRecords = context.metrics.counter(.windowGapRecords, labels: labels)
    }

    /// The record is too late for every window it belongs to.
    @inline(never)
    @usableFromInline func putLate(_ record: A.Input) {
        lateRecords.add()
        late?.emit(record)
    }

    /// The record belongs to no window.
    @inline(never)
    @usableFromInline func skip() { gapRecords.add() }

    @inlinable func emit<Down: Collector>(
        _ value: A.Accumulator, _ key: E.Key, _ window: TimeWindow, _ pane: Pane, into down: inout Down
    ) throws where Down.Element == E.Output {
        guard aggregate.hasResult(value) else { return }
        recordTime.millis = window.last
        try emitter.emit(
            WindowResult(key: key, value: aggregate.result(value), window: window, pane: pane), into: &down)
    }

    /// A result of records, not of time: it has the event time of the last one.
    @inlinable func emit<Down: Collector>(_ value: A.Accumulator, _ key: E.Key, into down: inout Down) throws
    where Down.Element == E.Output {
        guard aggregate.hasResult(value) else { return }
        try emitter.emit(WindowResult(key: key, value: aggregate.result(value), window: .always), into: &down)
    }
}
