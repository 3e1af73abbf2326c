/// An additional output of an operator, for records of another type than its results, such as late or rejected ones.
///
///     let late = SideOutput<Order>("late")
///     let counts = orders.keyed(by: \.user).window(…).lateOutput(late).aggregate(Count())
///     counts.sideOutput(late).sink(lateOrders)
///
/// Records emitted to a side output that no stream reads are dropped; of several that read it each gets all of them. A job
/// that reads one of an operator that does not put it out is refused.
public struct SideOutput<Element>: Sendable {
    public let name: String

    /// `name`: stable, and different from those of the operator's other side outputs.
    public init(_ name: String) { self.name = name }
}

/// Where a function puts records of one side output. Made while the operator opens; owned by the task thread.
public struct SideEmitter<Element> {
    /// One for each stream that reads the output.
    @usableFromInline let writers: [BatchWriter<Element>]

    @usableFromInline init(_ gates: [OutputGate], _ recordTime: RecordTime) {
        writers = gates.map { BatchWriter($0, recordTime) }
    }

    /// The record keeps the event time of what is being processed.
    @inlinable public func emit(_ element: Element) {
        for writer in writers { writer.write(element, to: 0) }  // who reads beside runs as wide: one subtask to one
    }
}

extension OperatorContext {
    /// The emitter for `output`; a function calls it once, where it is made. A job that reads the output as another type fails
    /// with a `GraphError`.
    public func emitter<Element>(_ output: SideOutput<Element>) -> SideEmitter<Element> {
        let gates = sideOutputs(output.name)
        guard gates.allSatisfy({ $0.carries(Element.self) }) else {
            services.fault.record(
                GraphError(
                    "operator '\(operatorID)' puts out \(Element.self) beside its results as '\(output.name)', which a stream reads "
                        + "as another type: use one SideOutput for both"))
            return SideEmitter([], services.recordTime)
        }
        return SideEmitter(gates, services.recordTime)
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
