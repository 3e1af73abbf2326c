/// Per-key logic over two streams that share their key and its state: joins of your own, control streams.
///
///     orders.keyed(by: \.id).connected(shipments.keyed(by: \.order)).process { try Deliveries($0) }
///
/// The whole example is in docs/joins.md.
///
/// Records of the two inputs come in no particular order between them. One value per subtask, used by one thread; must
/// not block.
public protocol KeyedPairFunction<Key, First, Second, Output>: SendableMetatype {
    associatedtype Key: StreamKey
    associatedtype First
    associatedtype Second
    associatedtype Output

    mutating func processFirst<Out: Collector>(
        _ input: First, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output

    mutating func processSecond<Out: Collector>(
        _ input: Second, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output

    /// A timer registered for `millis` (processing time) has come due.
    mutating func timer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output

    /// The watermark (the lesser one of the two inputs) has reached a timer registered for `millis` (event time).
    mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output
}

extension KeyedPairFunction {
    public mutating func timer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output {}

    public mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output {}
}

/// Two streams keyed alike: their records with equal keys meet in one subtask.
public struct KeyedPair<FirstUp: Chain, SecondUp: Chain, Key: StreamKey> {
    @usableFromInline let first: KeyedStream<FirstUp, Key>
    @usableFromInline let second: KeyedStream<SecondUp, Key>

    @inlinable init(_ first: KeyedStream<FirstUp, Key>, _ second: KeyedStream<SecondUp, Key>) {
        self.first = first
        self.second = second
    }

    /// Runs `F` on both; `make` runs once per subtask and declares its state.
    @inlinable public func process<F: KeyedPairFunction>(
        _ make: @escaping @Sendable (KeyedStateContext<Key>) throws -> F
    ) -> Stream<PairHead<KeyedPairProcess<F>>>
    where F.Key == Key, F.First == FirstUp.Element, F.Second == SecondUp.Element {
        let (firstKey, secondKey) = (first.key, second.key)
        return pair("connect", .stateful) {
            try KeyedPairProcess(context: $0, firstKey: firstKey, secondKey: secondKey, make: make)
        }
    }

    /// An operator on both, each behind an exchange by its key.
    @inlinable func pair<Op: PairOperator>(
        _ id: OperatorID, _ traits: GraphNode.Traits, _ make: @escaping @Sendable (OperatorContext) throws -> Op
    ) -> Stream<PairHead<Op>> where Op.First == FirstUp.Element, Op.Second == SecondUp.Element {
        first.exchanged().paired(with: second.exchanged(), id, traits, make)
    }
}

extension KeyedStream {
    /// Puts this stream beside another one with the same kind of key, so that one function sees both.
    @inlinable public func connected<Other: Chain>(_ other: KeyedStream<Other, Key>) -> KeyedPair<Up, Other, Key> {
        KeyedPair(self, other)
    }
}

extension Stream {
    /// An operator that reads this stream and `second`.
    @inlinable func paired<Second: Chain, Op: PairOperator>(
        with second: Stream<Second>, _ id: OperatorID, _ traits: GraphNode.Traits,
        _ make: @escaping @Sendable (OperatorContext) throws -> Op
    ) -> Stream<PairHead<Op>> where Op.First == Element, Op.Second == Second.Element {
        let node = flow.add(id, .pair, inputs: [self.node, second.node], traits: traits)
        flow.refuse(node, reading: second.flow)
        return Stream<PairHead<Op>>(flow, PairHead(node, make), node)
    }
}

/// Runs a `KeyedPairFunction`.
public struct KeyedPairProcess<F: KeyedPairFunction>: PairOperator {
    public typealias Output = F.Output
    @usableFromInline let core: KeyedCore<F.Key>
    @usableFromInline var function: F
    @usableFromInline let firstKey: @Sendable (F.First) -> F.Key
    @usableFromInline let secondKey: @Sendable (F.Second) -> F.Key
    @usableFromInline let context: KeyedContext<F.Key>

    @inlinable init(
        context: OperatorContext, firstKey: @escaping @Sendable (F.First) -> F.Key,
        secondKey: @escaping @Sendable (F.Second) -> F.Key, make: (KeyedStateContext<F.Key>) throws -> F
    ) throws {
        core = try KeyedCore(context)
        function = try make(KeyedStateContext(state: core.state, operatorContext: context))
        try core.seal()
        self.firstKey = firstKey
        self.secondKey = secondKey
        self.context = KeyedContext(core)
    }

    @inlinable @inline(__always)
    public mutating func processFirst<Down: Collector>(_ input: F.First, into down: inout Down) throws
    where Down.Element == Output {
        try function.processFirst(input, key: firstKey(input), context, into: &down)
    }

    @inlinable @inline(__always)
    public mutating func processSecond<Down: Collector>(_ input: F.Second, into down: inout Down) throws
    where Down.Element == Output {
        try function.processSecond(input, key: secondKey(input), context, into: &down)
    }

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
