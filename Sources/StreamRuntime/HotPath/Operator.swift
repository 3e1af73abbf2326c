// What an operator is to the chain it is fused into.

/// What every operator has besides its inputs: a place in checkpoints, time, and an end. Each call is made between
/// records, at most a few times a batch.
public protocol OperatorLifecycle<Output>: SendableMetatype {
    associatedtype Output

    /// Snapshot yourself; records after this belong to the next epoch.
    mutating func barrier(_ snapshot: TaskSnapshot) throws

    /// The epoch is decided: what its snapshot holds is never read again from before. Epochs are decided in order.
    mutating func decided<Down: Collector>(_ epoch: Epoch, into down: inout Down) throws where Down.Element == Output

    /// Processing time has passed or mail has arrived.
    mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws where Down.Element == Output

    /// Event time has reached `time`. Whoever implements this hands the watermark on itself, with
    /// `down.handle(.watermark(…))`, once everything that precedes it has been emitted.
    mutating func watermark<Down: Collector>(_ time: Int64, into down: inout Down) throws where Down.Element == Output

    /// Every input is idle. Handed on as a watermark is.
    mutating func idle<Down: Collector>(into down: inout Down) throws where Down.Element == Output

    /// Handed on once the records that came before it have been, as a watermark is.
    mutating func marker<Down: Collector>(_ marker: LatencyMarker, into down: inout Down) throws where Down.Element == Output

    /// The input has nothing more for now, or a few milliseconds have passed.
    mutating func flush<Down: Collector>(into down: inout Down) throws where Down.Element == Output

    mutating func close()
}

extension OperatorLifecycle {
    @inlinable public mutating func barrier(_ snapshot: TaskSnapshot) throws {}
    @inlinable public mutating func decided<Down: Collector>(_ epoch: Epoch, into down: inout Down) throws
    where Down.Element == Output {}
    @inlinable public mutating func tick<Down: Collector>(_ wallMillis: Int64, into down: inout Down) throws
    where Down.Element == Output {}
    @inlinable public mutating func watermark<Down: Collector>(_ time: Int64, into down: inout Down) throws
    where Down.Element == Output { try down.handle(.watermark(time)) }
    @inlinable public mutating func idle<Down: Collector>(into down: inout Down) throws
    where Down.Element == Output { try down.handle(.idle) }
    @inlinable public mutating func marker<Down: Collector>(_ marker: LatencyMarker, into down: inout Down) throws
    where Down.Element == Output { try down.handle(.marker(marker)) }
    @inlinable public mutating func flush<Down: Collector>(into down: inout Down) throws where Down.Element == Output {}
    @inlinable public mutating func close() {}

    /// Takes a signal itself, then hands it on.
    @inlinable mutating func handle<Down: Collector>(_ signal: ChainSignal, into down: inout Down) throws
    where Down.Element == Output {
        switch signal {
        case .barrier(let snapshot): try barrier(snapshot)
        case .tick(let wallMillis): try tick(wallMillis, into: &down)
        case .watermark(let time): return try watermark(time, into: &down)
        case .idle: return try idle(into: &down)
        case .marker(let marker): return try self.marker(marker, into: &down)
        case .flush: try flush(into: &down)
        case .close: close()
        case .decided(let epoch): try decided(epoch, into: &down)
        }
        try down.handle(signal)
    }
}

/// One operator: takes a record, hands results on. A value owned by one task thread.
public protocol Operator<Input, Output>: OperatorLifecycle {
    associatedtype Input

    mutating func process<Down: Collector>(_ input: Input, into down: inout Down) throws where Down.Element == Output

    /// As in `Collector`, for the input of the first operator of a chain.
    static var prefetches: Bool { get }
    func prefetch(_ input: Input)
    func readAhead(_ inputs: UnsafeBufferPointer<Input>)
}

extension Operator {
    @inlinable public static var prefetches: Bool { false }
    @inlinable public func prefetch(_ input: Input) {}
    @inlinable public func readAhead(_ inputs: UnsafeBufferPointer<Input>) {}
}

/// An operator with two inputs, whose records come in no particular order between them. A value owned by one
/// task thread.
public protocol PairOperator<First, Second, Output>: OperatorLifecycle {
    associatedtype First
    associatedtype Second

    mutating func processFirst<Down: Collector>(_ input: First, into down: inout Down) throws
    where Down.Element == Output
    mutating func processSecond<Down: Collector>(_ input: Second, into down: inout Down) throws
    where Down.Element == Output
}
