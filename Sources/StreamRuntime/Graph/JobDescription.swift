/// A job's plan as told to people and tools: the chains that run, and what passes between them.
public struct JobDescription: Sendable, Equatable, Codable {
    public struct Operator: Sendable, Equatable, Codable {
        /// Raw values appear in JSON.
        public enum Kind: String, Sendable, Codable {
            case source, transform, exchange, union, pair, sideOutput = "side-output", sink
        }
        public let id: String
        public let kind: Kind
        public let isStateful: Bool
    }

    /// A chain of operators, run by `parallelism` subtasks.
    public struct Vertex: Sendable, Equatable, Codable {
        /// 32 hex digits, derived from the first operator's id: the same in every run.
        public let id: String
        /// The operators' ids joined by ` → `; the `task` label of metrics.
        public let name: String
        public let parallelism: Int
        /// In the order of the stream.
        public let operators: [Operator]
        public let inputs: [Input]
    }

    public struct Input: Sendable, Equatable, Codable {
        /// The vertex it comes from.
        public let from: String
        /// Flink's names: FORWARD, HASH, REBALANCE, RESCALE, BROADCAST, GLOBAL, CUSTOM.
        public let ship: String
        /// Carries this side output instead of the chain's results.
        public let sideOutput: String?
    }

    /// A vertex comes after those it reads.
    public let vertices: [Vertex]
    /// The number of key groups.
    public let maxParallelism: Int

    init(_ graph: JobGraph, _ plan: Plan, keyGroups: KeyGroups) {
        func id(_ vertex: Int) -> String {
            JobID(namespace: "vertex", jobName: graph.node(plan.vertices[vertex].start).id.rawValue).rawValue
        }
        vertices = plan.vertices.map { vertex in
            Vertex(
                id: id(vertex.index), name: vertex.name, parallelism: vertex.parallelism,
                operators: vertex.nodes.map { node in
                    let node = graph.node(node)
                    return Operator(
                        id: node.id.rawValue, kind: Operator.Kind(node.kind), isStateful: node.traits.contains(.stateful))
                },
                inputs: plan.inputs(of: vertex.index).map {
                    Input(from: id($0.from), ship: $0.pattern.shipName, sideOutput: $0.sideOutput?.name)
                })
        }
        maxParallelism = keyGroups.count
    }
}

extension JobDescription.Operator.Kind {
    init(_ kind: GraphNode.Kind) {
        self =
            switch kind {
            case .source: .source
            case .transform: .transform
            case .exchange: .exchange
            case .union: .union
            case .pair: .pair
            case .sideOutput: .sideOutput
            case .sink: .sink
            }
    }
}

extension PlanEdge.Pattern {
    fileprivate var shipName: String {
        switch self {
        case .forward: "FORWARD"
        case .rebalance: GraphNode.Exchange.rebalance.rawValue
        case .rescale: GraphNode.Exchange.rescale.rawValue
        case .keyed: GraphNode.Exchange.keyed.rawValue
        case .broadcast: GraphNode.Exchange.broadcast.rawValue
        case .global: GraphNode.Exchange.global.rawValue
        case .custom: GraphNode.Exchange.custom.rawValue
        }
    }
}
