extension Stream {
    /// Puts this stream beside one whose records every subtask gets. That one needs no event time, and holds none back when it
    /// has none.
    @inlinable public func connected<Other: Chain>(broadcasting rules: Stream<Other>) -> BroadcastPair<C, Other> {
        BroadcastPair(self, rules)
    }
}

extension KeyedStream {
    /// Puts this stream beside one whose records every subtask gets. That one needs no event time, and holds none back when it
    /// has none.
    @inlinable public func connected<Other: Chain>(broadcasting rules: Stream<Other>) -> KeyedBroadcastPair<Up, Other, Key> {
        KeyedBroadcastPair(self, rules)
    }
}

/// A stream and one that is broadcast beside it.
public struct BroadcastPair<C: Chain, Rules: Chain> {
    @usableFromInline let stream: Stream<C>
    @usableFromInline let rules: Stream<Rules>

    @inlinable init(_ stream: Stream<C>, _ rules: Stream<Rules>) {
        self.stream = stream
        self.rules = rules
    }

    /// Runs `F` on both; `make` runs once per subtask and declares its state.
    @inlinable public func process<F: BroadcastFunction>(
        _ make: @escaping @Sendable (OperatorContext) throws -> F
    ) -> Stream<PairHead<BroadcastProcess<F>>> where F.Input == C.Element, F.Broadcast == Rules.Element {
        stream.paired(with: rules.broadcasted(), "broadcast-process", .stateful) { BroadcastProcess(try make($0)) }
    }
}

/// A keyed stream and one that is broadcast beside it.
public struct KeyedBroadcastPair<Up: Chain, Rules: Chain, Key: StreamKey> {
    @usableFromInline let stream: KeyedStream<Up, Key>
    @usableFromInline let rules: Stream<Rules>

    @inlinable init(_ stream: KeyedStream<Up, Key>, _ rules: Stream<Rules>) {
        self.stream = stream
        self.rules = rules
    }

    /// Runs `F` on both; `make` runs once per subtask and declares its state.
    @inlinable public func process<F: KeyedBroadcastFunction>(
        _ make: @escaping @Sendable (KeyedStateContext<Key>) throws -> F
    ) -> Stream<PairHead<KeyedBroadcastProcess<F>>>
    where F.Key == Key, F.Input == Up.Element, F.Broadcast == Rules.Element {
        let key = stream.key
        return stream.exchanged().paired(with: rules.broadcasted(), "broadcast-process", .stateful) {
            try KeyedBroadcastProcess(context: $0, key: key, make: make)
        }
    }
}

/// Runs a `BroadcastFunction`.
public struct BroadcastProcess<F: BroadcastFunction>: PairOperator {
    public typealias Output = F.Output
    @usableFromInline var function: F

    @inlinable init(_ function: F) { self.function = function }

    @inlinable @inline(__always)
    public mutating func processFirst<Down: Collector>(_ input: F.Input, into down: inout Down) throws
    where Down.Element == Output { try function.process(input, into: &down) }

    @inlinable public mutating func processSecond<Down: Collector>(_ input: F.Broadcast, into down: inout Down) throws
    where Down.Element == Output { try function.processBroadcast(input, BroadcastWriter(), into: &down) }
}

/// Runs a `KeyedBroadcastFunction`.
public struct KeyedBroadcastProcess<F: KeyedBroadcastFunction>: PairOperator {
    public typealias Output = F.Output
    @usableFromInline let core: KeyedCore<F.Key>
    @usableFromInline var function: F
    @usableFromInline let key: @Sendable (F.Input) -> F.Key
    @usableFromInline let context: KeyedContext<F.Key>

    @inlinable init(
        context: OperatorContext, key: @escaping @Sendable (F.Input) -> F.Key,
        make: (KeyedStateContext<F.Key>) throws -> F
    ) throws {
        core = try KeyedCore(context)
        function = try make(KeyedStateContext(state: core.state, operatorContext: context))
        try core.seal()
        self.key = key
        self.context = KeyedContext(core)
    }

    @inlinable @inline(__always)
    public mutating func processFirst<Down: Collector>(_ input: F.Input, into down: inout Down) throws
    where Down.Element == Output { try function.process(input, key: key(input), context, into: &down) }

    @inlinable public mutating func processSecond<Down: Collector>(_ input: F.Broadcast, into down: inout Down) throws
    where Down.Element == Output { try function.processBroadcast(input, BroadcastWriter(), into: &down) }

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
