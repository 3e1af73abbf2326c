/// Per-key logic with state and timers, for what the ready-made operators do not do.
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

    /// A record of `key`: updates the state of this key, registers timers for it, emits results.
    mutating func process<Out: Collector>(
        _ input: Input, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output

    /// A timer registered for `millis` (processing time) has come due.
    mutating func timer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output

    /// The watermark has reached a timer registered for `millis` (event time).
    mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output
}

extension KeyedProcessFunction {
    public mutating func timer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output {}

    public mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output {}
}

/// What a function may use while it handles a record or a timer.
public struct KeyedContext<Key: StreamKey> {
    @usableFromInline let core: KeyedCore<Key>

    @inlinable init(_ core: KeyedCore<Key>) { self.core = core }

    /// Milliseconds since 1970-01-01 UTC; costs about 30 ns.
    public func processingTimeMillis() -> Int64 { core.clock.wallMillis() }

    /// The event time of the record, or the time of the timer; `Int64.min` in a stream without event time.
    @inlinable public var timeMillis: Int64 { core.recordTime.millis }

    /// No record at or before this event time is expected any more; `Int64.min` before the first watermark.
    @inlinable public var watermarkMillis: Int64 { core.watermark }

    /// `timeMillis` and so much more, or the nearest time there is. Records may have any time: a sum with `+` that is none
    /// would end the process.
    @inlinable public func timeMillis(plus duration: Duration) -> Int64 { timeMillis.addingSaturating(duration.wholeMillis) }

    /// `watermarkMillis` and so much less, or the nearest time there is: before the first watermark `-` would end the process.
    @inlinable public func watermarkMillis(minus duration: Duration) -> Int64 {
        watermarkMillis.subtractingSaturating(duration.wholeMillis)
    }

    /// Registers and deletes timers of the key in hand.
    @inlinable public var timers: TimerService<Key> { core.timers }
}

/// Runs a `KeyedProcessFunction`.
public struct KeyedProcess<F: KeyedProcessFunction>: Operator {
    public typealias Input = F.Input
    public typealias Output = F.Output
    @usableFromInline let core: KeyedCore<F.Key>
    @usableFromInline var function: F
    @usableFromInline let key: @Sendable (F.Input) -> F.Key
    @usableFromInline let context: KeyedContext<F.Key>
    @usableFromInline let places: TablePlaces<F.Key>

    @inlinable init(
        context: OperatorContext, key: @escaping @Sendable (F.Input) -> F.Key,
        make: (KeyedStateContext<F.Key>) throws -> F
    ) throws {
        core = try KeyedCore(context)
        function = try make(KeyedStateContext(state: core.state, operatorContext: context))
        try core.seal()
        places = core.state.places(of: F.Key.self)
        self.key = key
        self.context = KeyedContext(core)
    }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws
    where Down.Element == Output {
        try function.process(input, key: key(input), context, into: &down)
    }

    @inlinable public static var prefetches: Bool { TablePlaces<F.Key>.isWorthIt(for: F.Input.self) }
    @inlinable @inline(__always)
    public func prefetch(_ input: Input) { places.prefetch(key(input)) }
    @inlinable public func readAhead(_ inputs: UnsafeBufferPointer<Input>) { places.readAhead(inputs, key: key) }

    @inlinable public mutating func watermark<Down: Collector>(_ time: Int64, into down: inout Down) throws
    where Down.Element == Output {
        try core.advance(to: time, into: &down) { try function.eventTimer(at: $0, key: $1, context, into: &$2) }
    }

    @inlinable public mutating func idle<Down: Collector>(into down: inout Down) throws
    where Down.Element == Output { try core.idle(into: &down) }

    @inlinable public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == Output {
        try core.resume(into: &down) { try function.eventTimer(at: $0, key: $1, context, into: &$2) }
        try core.fireProcessingTime(wallMillis) { try function.timer(at: $0, key: $1, context, into: &down) }
    }

    public mutating func barrier(_ snapshot: TaskSnapshot) throws { try core.snapshot(into: snapshot) }

    public mutating func close() { core.close() }
}
