/// An additional output of an operator, for records of another type than its results, such as late or rejected ones.
///
///     let late = SideOutput<Order>("late")
///     let counts = orders.keyed(by: \.user).window(…).lateOutput(late).aggregate(Count())
///     counts.sideOutput(late).sink(lateOrders)
///
/// Records emitted to a side output that no stream reads are dropped.
public struct SideOutput<Element>: Sendable {
    public let name: String

    /// `name`: stable, and different from those of the operator's other side outputs.
    public init(_ name: String) { self.name = name }
}

/// Where a function puts records of one side output. Made while the operator opens; owned by the task thread.
public struct SideEmitter<Element> {
    @usableFromInline let writer: BatchWriter<Element>?

    @usableFromInline init(_ gate: OutputGate?, _ recordTime: RecordTime) {
        writer = gate.map { BatchWriter($0, recordTime) }
    }

    /// The record keeps the event time of what is being processed.
    @inlinable public func emit(_ element: Element) { writer?.write(element, to: 0) }
}

extension OperatorContext {
    /// The emitter for `output`; a function calls it once, where it is made.
    public func emitter<Element>(_ output: SideOutput<Element>) -> SideEmitter<Element> {
        SideEmitter(sideOutput(output.name), services.recordTime)
    }
}

extension KeyedStateContext {
    /// The emitter for `output`; a function calls it once, where it is made.
    public func emitter<Element>(_ output: SideOutput<Element>) -> SideEmitter<Element> { operatorContext.emitter(output) }
}

extension Stream {
    /// The records that the preceding operator emits to `output`.
    @inlinable public func sideOutput<Other>(_ output: SideOutput<Other>) -> Stream<InputHead<Other>> {
        let side = flow.add("side-output", .sideOutput(output.name), inputs: [node])
        return Stream<InputHead<Other>>(flow, InputHead(), side)
    }

    /// The records that satisfy `predicate`, and the others.
    @inlinable public func split(
        _ predicate: @escaping @Sendable (Element) throws -> Bool
    ) -> (matching: Stream<Stage<C, Filter<Element>>>, others: Stream<Stage<C, Filter<Element>>>) {
        (filter(predicate), filter { try !predicate($0) })
    }
}
