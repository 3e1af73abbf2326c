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
    ) -> Stream<Stage<InputHead<Element>, Fold<FoldRule<Key, Element, Value>>>> {
        folded("fold", FoldRule(initial: initial, update: update))
    }

    /// Combines each record with what the records of its key have come to so far, and emits what they come to now; the
    /// first record of a key is emitted as it is.
    ///
    ///     readings.keyed(by: \.sensor).reduce { $0.celsius >= $1.celsius ? $0 : $1 }
    @inlinable public func reduce(
        _ combine: @escaping @Sendable (_ soFar: Element, _ next: Element) -> Element
    ) -> Stream<Stage<InputHead<Element>, Fold<ReduceRule<Key, Element>>>> where Element: StateCodable {
        folded("reduce", ReduceRule(combine: combine))
    }

    /// Adds each record to its key's accumulator, and emits the key with the result of all its records so far.
    ///
    ///     orders.keyed(by: \.user).aggregate(Average().over(\.price))
    @inlinable public func aggregate<A: Aggregate>(
        _ aggregate: A
    ) -> Stream<Stage<InputHead<Element>, Fold<AggregateRule<Key, A>>>> where A.Input == Element {
        folded("aggregate", AggregateRule(aggregate: aggregate))
    }

    @inlinable func folded<Rule: FoldingRule>(
        _ defaultID: OperatorID, _ rule: Rule
    ) -> Stream<Stage<InputHead<Element>, Fold<Rule>>> where Rule.Key == Key, Rule.Input == Element {
        let key = key
        return exchanged().stage(defaultID, .stateful) { try Fold(context: $0, key: key, rule: rule) }
    }
}
