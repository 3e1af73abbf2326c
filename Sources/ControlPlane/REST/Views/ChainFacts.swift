import StreamRuntime
import WeirKit

/// What Flink has no field for of a chain. Pure.
package struct ChainFacts: Sendable {
    /// Nobody reads from a chain that ends in a sink: what it has sent says nothing.
    package let hasReaders: Bool
    /// Of its last operator that records have reached lately; at a sink end to end.
    package let latency: JobSnapshot.OperatorLatency?

    package init(_ vertex: JobDescription.Vertex, _ snapshot: JobSnapshot?) {
        hasReaders = snapshot?.plan.vertices.contains { $0.inputs.contains { $0.from == vertex.id } } ?? false
        latency = vertex.operators.reversed().lazy.compactMap { Self.latency(of: $0, snapshot) }.first
    }

    var json: JSON {
        ["hasReaders": JSON(hasReaders), "latencyP50Seconds": Self.p50(latency), "latencyP99Seconds": Self.p99(latency)]
    }

    /// An operator of the chain.
    static func json(_ part: JobDescription.Operator, _ snapshot: JobSnapshot?) -> JSON {
        let latency = latency(of: part, snapshot)
        return [
            "id": JSON(part.id), "kind": JSON(part.kind.rawValue), "latencyP50Seconds": p50(latency),
            "latencyP99Seconds": p99(latency),
        ]
    }

    private static func latency(
        of part: JobDescription.Operator, _ snapshot: JobSnapshot?
    ) -> JobSnapshot.OperatorLatency? {
        snapshot?.latencies.first { $0.operatorID == part.id }
    }

    private static func p50(_ latency: JobSnapshot.OperatorLatency?) -> JSON { latency.map { JSON($0.p50Seconds) } ?? .null }
    private static func p99(_ latency: JobSnapshot.OperatorLatency?) -> JSON { latency.map { JSON($0.p99Seconds) } ?? .null }
}
