/// Where a job is written down: sources first, then operators on the streams they return, sinks last.
///
/// A `Flow` is used by one thread, inside `StreamJob.build`. What it builds is checked when the job starts:
/// an invalid graph is refused with a message that names the operator.
public final class Flow {
    var nodes: [GraphNode] = []

    public init() {}

    /// Records from `source`, read by the operator `id`.
    ///
    /// The id names the positions of the source's splits in checkpoints: keep it when you change the job.
    @inlinable public func source<S: Source>(_ source: S, id: OperatorID? = nil) -> Stream<SourceHead<S>> {
        let node = add("source", named: id, .source, inputs: [])
        discover(node) { try source.discoverSplits($0) }
        return Stream(self, SourceHead(source, node), node)
    }

    /// `named`: the id that the author gave; without one it is `defaultID`, numbered where that is taken.
    @usableFromInline func add(
        _ defaultID: OperatorID, named id: OperatorID? = nil, _ kind: GraphNode.Kind, inputs: [NodeIndex],
        traits: GraphNode.Traits = []
    ) -> NodeIndex {
        let nodeID = id ?? unique(defaultID)
        nodes.append(
            GraphNode(
                id: nodeID, hasExplicitID: id != nil, kind: kind, inputs: inputs, traits: traits,
                makeTask: { _ in throw GraphError("operator '\(nodeID)' was never completed") }))
        return NodeIndex(nodes.count - 1)
    }

    /// The second `map` of a job is called `map-2`.
    private func unique(_ id: OperatorID) -> OperatorID {
        guard nodes.contains(where: { $0.id == id }) else { return id }
        var number = 2
        while nodes.contains(where: { $0.id.rawValue == "\(id)-\(number)" }) { number += 1 }
        return OperatorID("\(id)-\(number)")
    }

    @usableFromInline func discover(
        _ node: NodeIndex, _ splits: @escaping @Sendable (SourceContext) throws -> [SourceSplit]
    ) {
        nodes[node.rawValue].discoverSplits = splits
    }

    @usableFromInline func complete(_ node: NodeIndex, _ makeTask: @escaping @Sendable (TaskBuilder) throws -> TaskBody) {
        nodes[node.rawValue].makeTask = makeTask
    }

    @usableFromInline func setTransactions(_ node: NodeIndex, _ domain: (any TransactionDomain)?) {
        nodes[node.rawValue].transactions = domain
    }

    /// The operator cannot work as its author asks: said when the job starts, with the operator's id.
    @usableFromInline func refuse(_ node: NodeIndex, _ problem: String) { nodes[node.rawValue].problem = problem }

    /// The same where its second input is of another flow: what is found at its place in this one is another operator.
    @usableFromInline func refuse(_ node: NodeIndex, reading other: Flow) {
        if other !== self { refuse(node, "it reads from an operator of another job") }
    }

    func setID(_ node: NodeIndex, _ id: OperatorID) {
        nodes[node.rawValue].id = id
        nodes[node.rawValue].hasExplicitID = true
    }

    func setParallelism(_ node: NodeIndex, _ parallelism: Int) { nodes[node.rawValue].parallelism = parallelism }

    func graph(keyGroups: KeyGroups) throws -> JobGraph { try JobGraph(validating: nodes, keyGroups: keyGroups) }
}

/// A job: a name and a graph. The name, with the namespace it runs in, gives the job its id.
public protocol StreamJob {
    /// Lower-case letters, digits and `-`.
    static var name: String { get }
    /// One line for `weir jobs`.
    static var summary: String { get }
    func build(_ flow: Flow) throws
}

extension StreamJob {
    public static var summary: String { "" }
}
