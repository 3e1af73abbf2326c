/// What a record does to the value of its key, and what is emitted: the difference between `fold`, `reduce` and `aggregate`.
public protocol FoldingRule<Key, Input, Value, Output>: Sendable {
    associatedtype Key: StreamKey
    associatedtype Input
    associatedtype Value: StateCodable
    associatedtype Output

    static var kind: StateDescriptor.Kind { get }
    func add(_ input: Input, key: Key, to table: StateTable<Key, Value>) -> Output
}

/// `KeyedStream.fold`, `reduce` and `aggregate`: one value per key, and a result for each record.
public struct Fold<Rule: FoldingRule>: Operator {
    public typealias Input = Rule.Input
    public typealias Output = Rule.Output
    @usableFromInline let state: OperatorState
    @usableFromInline let table: StateTable<Rule.Key, Rule.Value>
    @usableFromInline let places: TablePlaces<Rule.Key>
    @usableFromInline let key: @Sendable (Rule.Input) -> Rule.Key
    @usableFromInline let rule: Rule

    @inlinable init(context: OperatorContext, key: @escaping @Sendable (Rule.Input) -> Rule.Key, rule: Rule) throws {
        state = try context.makeState()
        table = try state.table("value", Rule.kind, Rule.Key.self, Rule.Value.self)
        try state.seal()
        places = state.places(of: Rule.Key.self)
        self.key = key
        self.rule = rule
    }

    @inlinable @inline(__always)
    public mutating func process<Down: Collector>(_ input: Rule.Input, into down: inout Down) throws
    where Down.Element == Output {
        try down.collect(rule.add(input, key: key(input), to: table))
    }

    @inlinable public static var prefetches: Bool { TablePlaces<Rule.Key>.isWorthIt(for: Rule.Input.self) }
    @inlinable @inline(__always)
    public func prefetch(_ input: Rule.Input) { places.prefetch(key(input)) }
    @inlinable public func readAhead(_ inputs: UnsafeBufferPointer<Rule.Input>) { places.readAhead(inputs, key: key) }

    public mutating func barrier(_ snapshot: TaskSnapshot) throws {
        snapshot.add(try state.snapshot(snapshot.epoch), of: state.operatorID)
    }

    public mutating func close() { state.close() }
}

/// `KeyedStream.fold`.
public struct FoldRule<Key: StreamKey, Input, Value: StateCodable & Sendable>: FoldingRule {
    @usableFromInline let initial: Value
    @usableFromInline let update: @Sendable (inout Value, Input) -> Void

    @inlinable init(initial: Value, update: @escaping @Sendable (inout Value, Input) -> Void) {
        self.initial = initial
        self.update = update
    }

    public static var kind: StateDescriptor.Kind { .value }

    @inlinable @inline(__always)
    public func add(_ input: Input, key: Key, to table: StateTable<Key, Value>) -> (key: Key, value: Value) {
        let place = table.pointer(for: key, initial: { initial })
        update(&place.pointee, input)
        return (key, place.pointee)
    }
}

/// `KeyedStream.reduce`.
public struct ReduceRule<Key: StreamKey, Input: StateCodable>: FoldingRule {
    @usableFromInline let combine: @Sendable (Input, Input) -> Input

    @inlinable init(combine: @escaping @Sendable (Input, Input) -> Input) { self.combine = combine }

    public static var kind: StateDescriptor.Kind { .reducing }

    @inlinable @inline(__always)
    public func add(_ input: Input, key: Key, to table: StateTable<Key, Input>) -> Input {
        let reduced = table.get(key).map { combine($0, input) } ?? input
        table.set(key, reduced)
        return reduced
    }
}

/// `KeyedStream.aggregate`.
public struct AggregateRule<Key: StreamKey, A: Aggregate>: FoldingRule {
    @usableFromInline let aggregate: A

    @inlinable init(aggregate: A) { self.aggregate = aggregate }

    public static var kind: StateDescriptor.Kind { .aggregating }

    @inlinable @inline(__always)
    public func add(_ input: A.Input, key: Key, to table: StateTable<Key, A.Accumulator>) -> (key: Key, value: A.Output) {
        let place = table.pointer(for: key, initial: { aggregate.empty() })
        aggregate.add(input, to: &place.pointee)
        return (key, aggregate.result(place.pointee))
    }
}
