/// A node's position in its graph.
public struct NodeIndex: Hashable, Sendable {
    public let rawValue: Int
    @usableFromInline init(_ rawValue: Int) { self.rawValue = rawValue }
}

/// A graph that cannot run, and why.
public struct GraphError: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// One operator of a job.
struct GraphNode: Sendable {
    enum Kind: Sendable {
        case source
        case transform
        /// Records pass on to other subtasks here: by key, or in turn.
        case exchange(Exchange)
        case union
        case sink
    }
    enum Exchange: String, Sendable { case keyed = "HASH", rebalance = "REBALANCE" }

    var id: OperatorID
    /// True when the author gave the id; generated ids move when the graph changes.
    var hasExplicitID = false
    var kind: Kind
    var inputs: [NodeIndex]
    var parallelism: Int?
    var isStateful = false
    /// Waits for the outside world: slow, by its nature.
    var isAsynchronous = false
    var transactions: (any TransactionDomain)?
    var discoverSplits: (@Sendable (SourceContext) throws -> [SourceSplit])?
    /// Builds the task whose chain ends at this node.
    var makeTask: @Sendable (TaskBuilder) throws -> TaskBody

    var isExchange: Bool { if case .exchange = kind { true } else { false } }
    var isSink: Bool { if case .sink = kind { true } else { false } }
    var isSource: Bool { if case .source = kind { true } else { false } }
}

/// A job's operators and how they are connected; immutable, and valid by construction.
public struct JobGraph: Sendable {
    let nodes: [GraphNode]
    /// Who reads from each node, in the order in which they were connected.
    let consumers: [[NodeIndex]]

    func node(_ index: NodeIndex) -> GraphNode { nodes[index.rawValue] }

    var domain: (any TransactionDomain)? { nodes.lazy.compactMap(\.transactions).first }

    /// Checks the whole graph; every message names the operator.
    init(validating nodes: [GraphNode], keyGroups: KeyGroups) throws {
        guard !nodes.isEmpty else { throw GraphError("the job has no operators; begin with flow.source(…)") }
        var consumers: [[NodeIndex]] = nodes.map { _ in [] }
        var known: [OperatorID: Int] = [:]
        for (index, node) in nodes.enumerated() {
            guard node.id.isWellFormed else {
                throw GraphError(
                    "operator id '\(node.id)' is not valid: use 1 to 100 of a-z, 0-9, '-', '_' and '.'")
            }
            if known.updateValue(index, forKey: node.id) != nil {
                throw GraphError("two operators have the id '\(node.id)'; give each its own with .id(\"…\")")
            }
            if let parallelism = node.parallelism, !(1...keyGroups.count).contains(parallelism) {
                throw GraphError(
                    "operator '\(node.id)' asks for parallelism \(parallelism); it must be between 1 and the maximum, \(keyGroups.count)")
            }
            for input in node.inputs {
                guard nodes.indices.contains(input.rawValue) else {
                    throw GraphError("operator '\(node.id)' reads from an operator of another job")
                }
                guard input.rawValue < index else {
                    throw GraphError("operator '\(node.id)' is part of a cycle; a stream cannot feed itself")
                }
                consumers[input.rawValue].append(NodeIndex(index))
            }
        }
        for (index, node) in nodes.enumerated() where consumers[index].isEmpty && !node.isSink {
            throw GraphError("nothing reads from operator '\(node.id)': end its stream with .sink(…)")
        }
        let domains = nodes.compactMap { node in node.transactions.map { (node.id, $0) } }
        if let first = domains.first,
            let other = domains.first(where: { !$0.1.sharesDecisions(with: first.1) })
        {
            throw GraphError(
                "sinks '\(first.0)' (\(first.1.identity)) and '\(other.0)' (\(other.1.identity)) commit in different transactions; "
                    + "one job has one deciding system: give all its exactly-once sinks the same transactions object")
        }
        self.nodes = nodes
        self.consumers = consumers
    }
}
