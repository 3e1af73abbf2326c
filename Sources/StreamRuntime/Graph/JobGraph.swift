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
@usableFromInline struct GraphNode: Sendable {
    @usableFromInline enum Kind: Sendable {
        case source
        case transform
        /// Records pass on to other subtasks here.
        case exchange(Exchange)
        case union
        /// Two inputs of their own types.
        case pair
        /// What the operator before puts out under this name, beside its results.
        case sideOutput(String)
        case sink
    }
    /// Raw values are Flink's names of these ways to ship records.
    @usableFromInline enum Exchange: String, Sendable {
        case keyed = "HASH", rebalance = "REBALANCE", rescale = "RESCALE", broadcast = "BROADCAST", global = "GLOBAL",
            custom = "CUSTOM"
    }
    @usableFromInline struct Traits: OptionSet, Sendable {
        @usableFromInline let rawValue: Int
        @usableFromInline init(rawValue: Int) { self.rawValue = rawValue }

        @usableFromInline static let stateful = Traits(rawValue: 1)
        /// Waits, for the outside world or by intent: slow, by its nature.
        @usableFromInline static let asynchronous = Traits(rawValue: 2)
        /// Gives records their event time.
        @usableFromInline static let assignsTime = Traits(rawValue: 4)
        /// Does not work without it.
        @usableFromInline static let needsTime = Traits(rawValue: 8)
    }

    var id: OperatorID
    /// True when the author gave the id: it must be the only one. Others are numbered, and move when the graph changes.
    var hasExplicitID = false
    var kind: Kind
    var inputs: [NodeIndex]
    var parallelism: Int?
    var traits: Traits = []
    /// Why the operator cannot work as its author asks.
    var problem: String?
    var transactions: (any TransactionDomain)?
    var discoverSplits: (@Sendable (SourceContext) throws -> [SourceSplit])?
    /// Builds the task whose chain ends at this node.
    var makeTask: @Sendable (TaskBuilder) throws -> TaskBody

    var isExchange: Bool { if case .exchange = kind { true } else { false } }
    var isSideOutput: Bool { if case .sideOutput = kind { true } else { false } }
    /// Runs where its upstream runs: a writer into an exchange, and what is put out beside.
    var runsWithUpstream: Bool { isExchange || isSideOutput }
    var isPair: Bool { if case .pair = kind { true } else { false } }
    var isSink: Bool { if case .sink = kind { true } else { false } }
    var isSource: Bool { if case .source = kind { true } else { false } }
}

/// A job's operators and how they are connected; immutable, and valid by construction.
public struct JobGraph: Sendable {
    let nodes: [GraphNode]
    /// Who reads from each node, in the order in which they were connected.
    let consumers: [[NodeIndex]]
    /// Whose records carry event time.
    let isTimed: [Bool]

    func node(_ index: NodeIndex) -> GraphNode { nodes[index.rawValue] }

    /// Operators with state whose ids their author did not give: a change of the graph may number them anew.
    var statefulWithoutID: [OperatorID] {
        nodes.filter { $0.traits.contains(.stateful) && !$0.hasExplicitID }.map(\.id)
    }

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
            if let problem = node.problem { throw GraphError("operator '\(node.id)': \(problem)") }
            if let parallelism = node.parallelism, !(1...keyGroups.count).contains(parallelism) {
                throw GraphError(
                    "operator '\(node.id)' asks for parallelism \(parallelism); it must be between 1 and the maximum, \(keyGroups.count)"
                )
            }
            if node.runsWithUpstream, node.parallelism != nil {
                throw GraphError(
                    "operator '\(node.id)' runs in the subtasks of the one before it: call .parallelism(…) behind the "
                        + "operator that follows")
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
        isTimed = try Self.eventTime(nodes)
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

    /// Event time begins at `.watermarks(…)`. A union has it when all its inputs have; of two connected inputs one is
    /// enough (rules that are broadcast have no time).
    private static func eventTime(_ nodes: [GraphNode]) throws -> [Bool] {
        var isTimed: [Bool] = []
        for node in nodes {
            let inputs = node.inputs.map { isTimed[$0.rawValue] }
            let hasTime = node.isPair ? inputs.contains(true) : !inputs.isEmpty && !inputs.contains(false)
            guard !node.traits.contains(.needsTime) || (hasTime && !inputs.contains(false)) else {
                if node.isPair, let untimed = inputs.firstIndex(of: false) {
                    throw GraphError(
                        "operator '\(node.id)' works on event time, and its \(untimed == 0 ? "first" : "second") input has none: "
                            + "call .watermarks(…, at: …) on the stream before it")
                }
                let mixed = node.inputs.first { input in
                    let above = nodes[input.rawValue].inputs.map { isTimed[$0.rawValue] }
                    return above.contains(true) && above.contains(false)
                }
                throw GraphError(
                    mixed.map {
                        "operator '\(node.id)' works on event time, and '\(nodes[$0.rawValue].id)' mixes streams with and without: "
                            + "give each of them .watermarks(…)"
                    } ?? "operator '\(node.id)' works on event time: call .watermarks(…, at: …) on the stream before it")
            }
            isTimed.append(hasTime || node.traits.contains(.assignsTime))
        }
        return isTimed
    }

    /// The consumers of a node's results, without those of its side outputs.
    func mainConsumers(_ index: Int) -> [NodeIndex] { consumers[index].filter { !node($0).isSideOutput } }
}
