/// Per-record logic with rules that every subtask has: the records of one stream are spread over the subtasks as ever, each
/// record of the other goes to all of them.
///
///     struct ApplyLimits: BroadcastFunction {
///         let limits: BroadcastView<String, Int>
///
///         init(_ context: OperatorContext) throws {
///             limits = try context.broadcastView("limits", String.self, Int.self)
///         }
///         mutating func process(_ order: Order, into out: inout some Collector<Order>) throws {
///             if order.quantity <= limits[order.symbol] ?? .max { try out.collect(order) }
///         }
///         mutating func processBroadcast(
///             _ limit: Limit, _ writer: BroadcastWriter, into out: inout some Collector<Order>
///         ) throws {
///             writer.set(limits, limit.symbol, to: limit.quantity)
///         }
///     }
///     orders.connected(broadcasting: limits).process { try ApplyLimits($0) }
///
/// The state must be the same on every subtask, and is stored once: so only `processBroadcast` can write it, and what it
/// writes may depend on nothing but the record and that state. Records of the two streams come in no particular order
/// between them. One value per subtask, used by one thread; must not block.
public protocol BroadcastFunction<Input, Broadcast, Output>: SendableMetatype {
    associatedtype Input
    associatedtype Broadcast
    associatedtype Output

    mutating func process<Out: Collector>(_ input: Input, into out: inout Out) throws where Out.Element == Output

    /// Once on every subtask.
    mutating func processBroadcast<Out: Collector>(
        _ input: Broadcast, _ writer: BroadcastWriter, into out: inout Out
    ) throws where Out.Element == Output
}

/// The same beside keyed state and timers, which belong to the keys of the first stream.
public protocol KeyedBroadcastFunction<Key, Input, Broadcast, Output>: SendableMetatype {
    associatedtype Key: StreamKey
    associatedtype Input
    associatedtype Broadcast
    associatedtype Output

    mutating func process<Out: Collector>(
        _ input: Input, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output

    /// Once on every subtask. There is no key in hand.
    mutating func processBroadcast<Out: Collector>(
        _ input: Broadcast, _ writer: BroadcastWriter, into out: inout Out
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

extension KeyedBroadcastFunction {
    public mutating func timer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output {}

    public mutating func eventTimer<Out: Collector>(
        at millis: Int64, key: Key, _ context: KeyedContext<Key>, into out: inout Out
    ) throws where Out.Element == Output {}
}

/// Broadcast state as functions hold it: to be read. Owned by the task thread.
public struct BroadcastView<Key: Hashable & StateCodable, Value: StateCodable> {
    fileprivate let state: BroadcastState<Key, Value>

    public subscript(key: Key) -> Value? { state[key] }
    public var entries: [Key: Value] { state.entries }
}

/// The right to write broadcast state. Given to `processBroadcast` only.
public struct BroadcastWriter {
    @usableFromInline init() {}

    public func set<Key, Value>(_ view: BroadcastView<Key, Value>, _ key: Key, to value: Value) { view.state[key] = value }
    public func remove<Key, Value>(_ view: BroadcastView<Key, Value>, _ key: Key) { view.state[key] = nil }
}

extension OperatorContext {
    /// Declares broadcast state, while the function is made. `name`: letters, digits, `-`, `_` and `.`; once per operator.
    public func broadcastView<Key: Hashable & StateCodable, Value: StateCodable>(
        _ name: String, _: Key.Type, _: Value.Type
    ) throws -> BroadcastView<Key, Value> {
        BroadcastView(state: try broadcastState(name, Key.self, Value.self))
    }
}
