/// Per-key logic with state and processing-time timers, for what the ready-made operators do not do.
///
///     struct CountPerUser: KeyedProcessFunction {
///         typealias Output = Tally
///         let counts: ValueState<String, Int>
///
///         init(_ state: KeyedStateContext<String>) throws {
///             counts = try state.value("count", Int.self)
///         }
///
///         mutating func process(
///             _ order: Order, key user: String, _ context: KeyedContext<String>, into out: inout some Collector<Tally>
///         ) throws {
///             counts[user, default: 0] += 1
///             try out.collect(Tally(user: user, orders: counts[user] ?? 0))
///         }
///     }
///
/// One value per subtask, used by one thread; must not block.
public protocol KeyedProcessFunction<Key, Input, Output>: SendableMetatype {
    associatedtype Key: StreamKey
    associatedtype Input
    associatedtype Output

    mutating func process<Out: Collector>(
        _ input: Input, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output

    /// A timer registered for `millis` (processing time) has come due.
    mutating func timer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output
}

extension KeyedProcessFunction {
    public mutating func timer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output {}
}

/// What a function may use while it handles a record or a timer.
public struct KeyedContext<Key: StreamKey> {
    /// Milliseconds since 1970-01-01 UTC; costs about 30 ns.
    public func processingTimeMillis() -> Int64 { clock.wallMillis() }
    public let timers: TimerService<Key>
    @usableFromInline let clock: any RuntimeClock

    @inlinable init(timers: TimerService<Key>, clock: any RuntimeClock) {
        self.timers = timers
        self.clock = clock
    }
}

/// Runs a `KeyedProcessFunction`.
public struct KeyedProcess<F: KeyedProcessFunction>: Operator {
    public typealias Input = F.Input
    public typealias Output = F.Output
    @usableFromInline let state: OperatorState
    @usableFromInline var function: F
    @usableFromInline let key: @Sendable (F.Input) -> F.Key
    @usableFromInline let context: KeyedContext<F.Key>

    @inlinable init(
        context: OperatorContext, key: @escaping @Sendable (F.Input) -> F.Key,
        make: (KeyedStateContext<F.Key>) throws -> F
    ) throws {
        state = try context.makeState()
        let timers = try TimerService<F.Key>(state: state, services: context.services)
        function = try make(KeyedStateContext(state: state, operatorContext: context))
        try state.seal()
        try timers.restore()
        self.key = key
        self.context = KeyedContext(timers: timers, clock: context.clock)
    }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws
    where Down.Element == Output {
        try function.process(input, key: key(input), context, into: &down)
    }

    @inlinable public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == Output {
        while let timer = context.timers.next(dueAt: wallMillis) {
            try function.timer(at: timer.millis, key: timer.key, context, into: &down)
        }
        context.timers.askForTick()
    }

    public mutating func barrier(_ snapshot: TaskSnapshot) throws {
        snapshot.add(try state.snapshot(snapshot.epoch), of: state.operatorID)
    }

    public mutating func close() { state.close() }
}
