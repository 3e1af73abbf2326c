/// A stream whose records with equal keys meet in one subtask: what keyed state needs.
public struct KeyedStream<Up: Chain, Key: StreamKey> {
    public typealias Element = Up.Element
    @usableFromInline let upstream: Stream<Up>
    @usableFromInline let key: @Sendable (Up.Element) -> Key

    @inlinable init(_ upstream: Stream<Up>, _ key: @escaping @Sendable (Up.Element) -> Key) {
        self.upstream = upstream
        self.key = key
    }

    /// Each use of a keyed stream has an exchange of its own.
    @inlinable func exchanged() -> Stream<InputHead<Element>> {
        let flow = upstream.flow
        let exchange = flow.add("keyed", .exchange(.keyed), inputs: [upstream.node])
        let stream = Stream<InputHead<Element>>(flow, InputHead(), exchange)
        let chain = upstream.chain
        let key = key
        flow.complete(exchange) { task in
            let router = task.keyRouter(key)
            return task.startsAt(exchange) ? try task.inputHead(router) : try chain.connect(router, task)
        }
        return stream
    }

    /// A function with state and timers, see `KeyedProcessFunction`. `make` runs once per subtask and
    /// declares the function's state.
    ///
    ///     orders.keyed(by: \.user).process { try CountPerUser($0) }
    @inlinable public func process<F: KeyedProcessFunction>(
        _ make: @escaping @Sendable (KeyedStateContext<Key>) throws -> F
    ) -> Stream<Stage<InputHead<Element>, KeyedProcess<F>>> where F.Key == Key, F.Input == Element {
        let key = key
        return exchanged().stage("process", .stateful) { try KeyedProcess(context: $0, key: key, make: make) }
    }

    /// Folds each record into a value kept per key, and emits the key with its new value each time.
    ///
    ///     words.keyed(by: { $0 }).fold(0) { count, _ in count += 1 }
    @inlinable public func fold<Value: StateCodable & Sendable>(
        _ initial: Value, _ update: @escaping @Sendable (inout Value, Element) -> Void
    ) -> Stream<Stage<InputHead<Element>, Fold<Key, Element, Value>>> {
        let key = key
        return exchanged().stage("fold", .stateful) {
            try Fold(context: $0, key: key, initial: initial, update: update)
        }
    }
}

/// `KeyedStream.fold`.
public struct Fold<Key: StreamKey, Input, Value: StateCodable>: Operator {
    public typealias Output = (key: Key, value: Value)
    @usableFromInline let state: OperatorState
    @usableFromInline let table: StateTable<Key, Value>
    @usableFromInline let key: @Sendable (Input) -> Key
    @usableFromInline let initial: Value
    @usableFromInline let update: @Sendable (inout Value, Input) -> Void

    @inlinable init(
        context: OperatorContext, key: @escaping @Sendable (Input) -> Key, initial: Value,
        update: @escaping @Sendable (inout Value, Input) -> Void
    ) throws {
        state = try context.makeState()
        table = try state.table("value", .value, Key.self, Value.self)
        try state.seal()
        self.key = key
        self.initial = initial
        self.update = update
    }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws
    where Down.Element == Output {
        let key = key(input)
        let place = table.pointer(for: key, initial: { initial })
        update(&place.pointee, input)
        try down.collect((key, place.pointee))
    }

    public mutating func barrier(_ snapshot: TaskSnapshot) throws {
        snapshot.add(try state.snapshot(snapshot.epoch), of: state.operatorID)
    }

    public mutating func close() { state.close() }
}
