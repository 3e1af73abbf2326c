// Graph → fused chains → subtasks. Pure.

/// A fused chain of operators, run by `parallelism` subtasks.
struct Vertex: Sendable, Equatable {
    var index: Int
    /// The operators in order. The first is where the chain is cut from its upstream.
    var nodes: [NodeIndex]
    var parallelism: Int
    /// The operators' ids joined by ` → `.
    var name: String

    var start: NodeIndex { nodes[0] }
    var end: NodeIndex { nodes[nodes.count - 1] }
}

/// Records that pass from one chain's subtasks to another's.
struct PlanEdge: Sendable, Equatable {
    enum Pattern: Sendable, Equatable {
        /// Subtask i to subtask i.
        case forward
        /// A batch to each subtask in turn.
        case rebalance
        /// A batch to each subtask in turn, of those that lie next to this one.
        case rescale
        /// By key group.
        case keyed
        /// To all.
        case broadcast
        /// To the first. (The others have channels too: barriers and watermarks reach everyone.)
        case global
        /// As a function says.
        case custom

        /// The downstream subtasks that subtask `subtask` of `from` has a channel to.
        func targets(of subtask: Int, from: Int, to: Int) -> [Int] {
            switch self {
            case .forward: [subtask]
            case .rescale:
                from <= to ? Array(subtask * to / from..<(subtask + 1) * to / from) : [subtask * to / from]
            case .rebalance, .keyed, .broadcast, .global, .custom: Array(0..<to)
            }
        }
    }
    var from: Int
    var to: Int
    var pattern: Pattern
    /// Which input of the reader: 1 for the second of two.
    var ordinal = 0
    /// The node whose side output this carries, and the output's name.
    var sideOutput: SideOutputName?
    /// Records carry their event time.
    var isTimed = false
    /// Leads, sooner or later, to an operator that waits for the outside world: little is buffered on the way, so
    /// that a barrier does not queue behind minutes of its work.
    var isShallow = false
}

struct SideOutputName: Sendable, Equatable {
    var node: NodeIndex
    var name: String
}

struct Plan: Sendable {
    var vertices: [Vertex]
    var edges: [PlanEdge]

    /// Subtasks of the widest chain.
    var width: Int { vertices.map(\.parallelism).max() ?? 1 }

    func inputs(of vertex: Int) -> [PlanEdge] { edges.filter { $0.to == vertex } }
    /// In the order of the end node's consumers: the order of the task's output gates.
    func outputs(of vertex: Int) -> [PlanEdge] { edges.filter { $0.from == vertex } }

    init(_ graph: JobGraph, defaultParallelism: Int, keyGroups: KeyGroups) throws {
        guard (1...keyGroups.count).contains(defaultParallelism) else {
            throw GraphError(
                "parallelism \(defaultParallelism) is out of range: it must be between 1 and the number of key groups, \(keyGroups.count)"
            )
        }
        let parallelism = Self.parallelism(graph, defaultParallelism)
        var vertexOfNode: [Int?] = graph.nodes.map { _ in nil }
        var made: [Vertex] = []
        for index in graph.nodes.indices {
            let inputs = graph.nodes[index].inputs
            if inputs.count == 1, let upstream = vertexOfNode[inputs[0].rawValue],
                Self.fuses(graph, inputs[0].rawValue, index, parallelism)
            {
                made[upstream].nodes.append(NodeIndex(index))
                vertexOfNode[index] = upstream
            } else {
                vertexOfNode[index] = made.count
                made.append(
                    Vertex(index: made.count, nodes: [NodeIndex(index)], parallelism: parallelism[index], name: ""))
            }
        }
        for index in made.indices {
            made[index].name = made[index].nodes.map { graph.node($0).id.rawValue }.joined(separator: " → ")
        }
        vertices = made
        edges = []
        for vertex in made {
            var turns: [NodeIndex: Int] = [:]  // an operator may read the same stream twice
            for consumer in graph.mainConsumers(vertex.end.rawValue) {
                guard let to = vertexOfNode[consumer.rawValue] else { continue }
                let positions = graph.node(consumer).inputs.indices.filter { graph.node(consumer).inputs[$0] == vertex.end }
                let position = positions[turns[consumer, default: 0]]
                turns[consumer, default: 0] += 1
                edges.append(
                    PlanEdge(
                        from: vertex.index, to: to,
                        pattern: Self.pattern(graph.node(vertex.end), vertex.parallelism, made[to].parallelism),
                        ordinal: graph.node(consumer).isPair ? position : 0, isTimed: graph.isTimed[vertex.end.rawValue]))
            }
            for node in vertex.nodes {
                for consumer in graph.consumers[node.rawValue] {
                    guard case .sideOutput(let name) = graph.node(consumer).kind, let to = vertexOfNode[consumer.rawValue]
                    else { continue }
                    edges.append(
                        PlanEdge(
                            from: vertex.index, to: to, pattern: .forward, sideOutput: SideOutputName(node: node, name: name),
                            isTimed: graph.isTimed[consumer.rawValue]))
                }
            }
        }
        markShallow(graph)
    }

    /// Vertices come before those they feed, so one pass from the back finds every way to an asynchronous operator.
    private mutating func markShallow(_ graph: JobGraph) {
        var leadsToWaiting = vertices.map { $0.nodes.contains { graph.node($0).traits.contains(.asynchronous) } }
        for vertex in vertices.indices.reversed() {
            for edge in edges.indices where edges[edge].from == vertex && leadsToWaiting[edges[edge].to] {
                edges[edge].isShallow = true
                leadsToWaiting[vertex] = true
            }
        }
    }

    /// Explicit, else the default; what only passes records on runs with its upstream.
    private static func parallelism(_ graph: JobGraph, _ defaultParallelism: Int) -> [Int] {
        var result: [Int] = []
        for node in graph.nodes {
            if node.runsWithUpstream, let input = node.inputs.first {
                result.append(result[input.rawValue])
            } else {
                result.append(node.parallelism ?? defaultParallelism)
            }
        }
        return result
    }

    /// Two neighbours fuse when nothing else reads the upstream, both run equally wide, and no exchange lies between.
    private static func fuses(_ graph: JobGraph, _ up: Int, _ down: Int, _ parallelism: [Int]) -> Bool {
        graph.mainConsumers(up).count == 1 && !graph.nodes[up].isExchange && !graph.nodes[down].isSideOutput
            && parallelism[up] == parallelism[down]
    }

    private static func pattern(_ end: GraphNode, _ from: Int, _ to: Int) -> PlanEdge.Pattern {
        switch end.kind {
        case .exchange(.keyed): .keyed
        case .exchange(.rebalance): .rebalance
        case .exchange(.rescale): .rescale
        case .exchange(.broadcast): .broadcast
        case .exchange(.global): .global
        case .exchange(.custom): .custom
        default: from == to ? .forward : .rebalance
        }
    }
}
