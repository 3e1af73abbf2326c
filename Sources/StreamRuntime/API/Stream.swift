/// A stream of records inside a job: the operators so far, as a type. Write `some Chain<Order>` where a
/// function of your own takes or returns a stream's chain.
///
/// Closures given to operators run on worker threads, one record at a time per subtask, and must not block.
/// A closure that throws fails the attempt; the job goes on from its last checkpoint by its restart strategy.
public struct Stream<C: Chain> {
    public typealias Element = C.Element
    @usableFromInline let flow: Flow
    @usableFromInline let chain: C
    @usableFromInline let node: NodeIndex

    /// Every stream knows how to end in its consumers' channels: that is what runs when it is not fused with them.
    @inlinable init(_ flow: Flow, _ chain: C, _ node: NodeIndex) {
        self.flow = flow
        self.chain = chain
        self.node = node
        flow.complete(node) { task in
            switch task.outputCount {
            case 1: try chain.connect(task.batchRouter(0, of: C.Element.self), task)
            default: try chain.connect(task.fanOut(of: C.Element.self), task)
            }
        }
    }

    @inlinable func stage<Op: Operator>(
        _ defaultID: OperatorID, named id: OperatorID? = nil, _ traits: GraphNode.Traits = [],
        _ make: @escaping @Sendable (OperatorContext) throws -> Op
    ) -> Stream<Stage<C, Op>> where Op.Input == C.Element {
        let next = flow.add(defaultID, named: id, .transform, inputs: [node], traits: traits)
        return Stream<Stage<C, Op>>(flow, Stage(chain, next, make), next)
    }

    /// One result for each record.
    @inlinable public func map<Output>(
        _ transform: @escaping @Sendable (Element) throws -> Output
    ) -> Stream<Stage<C, Map<Element, Output>>> {
        stage("map") { _ in Map(transform) }
    }

    /// The records that satisfy `predicate`.
    @inlinable public func filter(
        _ predicate: @escaping @Sendable (Element) throws -> Bool
    ) -> Stream<Stage<C, Filter<Element>>> {
        stage("filter") { _ in Filter(predicate) }
    }

    /// Any number of results for each record, in order.
    @inlinable public func flatMap<Results: Sequence & SendableMetatype>(
        _ transform: @escaping @Sendable (Element) throws -> Results
    ) -> Stream<Stage<C, FlatMap<Element, Results>>> {
        stage("flat-map") { _ in FlatMap(transform) }
    }

    /// The non-`nil` results.
    @inlinable public func compactMap<Output>(
        _ transform: @escaping @Sendable (Element) throws -> Output?
    ) -> Stream<Stage<C, CompactMap<Element, Output>>> {
        stage("compact-map") { _ in CompactMap(transform) }
    }

    /// Any operator of your own.
    @inlinable public func apply<Op: Operator>(
        _ id: OperatorID, _ make: @escaping @Sendable (OperatorContext) throws -> Op
    ) -> Stream<Stage<C, Op>> where Op.Input == C.Element {
        stage(id, named: id, [], make)
    }

    /// The same for an operator that gives records their event time.
    @inlinable package func applyTime<Op: Operator>(
        _ id: OperatorID, _ make: @escaping @Sendable (OperatorContext) throws -> Op
    ) -> Stream<Stage<C, Op>> where Op.Input == C.Element {
        stage(id, named: id, .assignsTime, make)
    }

    /// Brings records with equal keys to the same subtask, in order per upstream subtask.
    @inlinable public func keyed<Key: StreamKey>(
        by key: @escaping @Sendable (Element) -> Key
    ) -> KeyedStream<C, Key> {
        KeyedStream(self, key)
    }

    /// The records of both streams, in no particular order between them.
    @inlinable public func union<Other: Chain<Element>>(_ other: Stream<Other>) -> Stream<InputHead<Element>> {
        let next = flow.add("union", .union, inputs: [node, other.node])
        flow.refuse(next, reading: other.flow)
        return Stream<InputHead<Element>>(flow, InputHead(), next)
    }

    /// Ends the stream in `sink`; what is returned names the sink's operator and sets its parallelism.
    @discardableResult
    @inlinable public func sink<S: Sink>(_ sink: S, id: OperatorID? = nil) -> StreamEnd where S.Element == Element {
        let end = flow.add("sink", named: id, .sink, inputs: [node])
        flow.setTransactions(end, sink.transactions)
        let chain = chain
        flow.complete(end) { task in
            let collector = try task.sinkEnd(sink, end)
            return task.startsAt(end) ? try task.inputHead(collector) : try chain.connect(collector, task)
        }
        return StreamEnd(flow, end)
    }

    /// Sets the id of the preceding operator. It names the operator's state in checkpoints, its metrics and its errors.
    /// Give every source and stateful operator an id, so that its state is found after the graph changes.
    public func id(_ id: OperatorID) -> Self {
        flow.setID(node, id)
        return self
    }

    /// The number of subtasks of the preceding operator; the job's parallelism unless set.
    public func parallelism(_ count: Int) -> Self {
        flow.setParallelism(node, count)
        return self
    }
}

/// The end of a stream: the operator that writes into a sink.
public struct StreamEnd {
    private let flow: Flow
    private let node: NodeIndex

    @usableFromInline init(_ flow: Flow, _ node: NodeIndex) {
        self.flow = flow
        self.node = node
    }

    /// Sets the id of the sink's operator, as `Stream.id` does.
    @discardableResult
    public func id(_ id: OperatorID) -> Self {
        flow.setID(node, id)
        return self
    }

    /// The number of subtasks that write into the sink; the job's parallelism unless set.
    @discardableResult
    public func parallelism(_ count: Int) -> Self {
        flow.setParallelism(node, count)
        return self
    }
}

extension TaskBuilder {
    @usableFromInline func writer<Element>(_ output: Int, of: Element.Type) -> BatchWriter<Element> {
        BatchWriter(mainOutputs[output], recordTime)
    }

    @usableFromInline func batchRouter<Element>(_ output: Int, of: Element.Type) -> BatchRouter<Element> {
        BatchRouter(writer(output, of: Element.self), signals, subtask: subtask, isRoundRobin: outputIsRoundRobin[output])
    }

    /// One end for each consumer.
    @usableFromInline func fanOut<End: Collector>(_ end: (Int) -> End) -> FanOut<End> {
        FanOut(mainOutputs.indices.map(end), signals)
    }

    @usableFromInline func fanOut<Element>(of: Element.Type) -> FanOut<BatchRouter<Element>> {
        fanOut { batchRouter($0, of: Element.self) }
    }

    @usableFromInline var outputCount: Int { mainOutputs.count }

    @usableFromInline func keyRouter<Element, Key: StreamKey>(
        _ key: @escaping @Sendable (Element) -> Key
    ) -> KeyRouter<Element, Key> {
        KeyRouter(writer(0, of: Element.self), signals, environment.keyGroups, key)
    }

    @usableFromInline func operatorID(_ node: NodeIndex) -> OperatorID { environment.graph.node(node).id }
}
