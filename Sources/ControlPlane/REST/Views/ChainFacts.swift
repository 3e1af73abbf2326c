import StreamRuntime
import WeirKit

/// What Flink has no field for of a chain. Pure.
package struct ChainFacts: Sendable {
    private let view: JobView
    private let vertex: JobDescription.Vertex

    package init(_ vertex: JobDescription.Vertex, _ view: JobView) {
        self.vertex = vertex
        self.view = view
    }

    /// Nobody reads from a chain that ends in a sink: what it has sent says nothing.
    package var hasReaders: Bool {
        view.snapshot?.plan.vertices.contains { $0.inputs.contains { $0.from == vertex.id } } ?? false
    }

    /// Of its last operator that records have reached lately; at a sink end to end.
    package var latency: JobSnapshot.OperatorLatency? { vertex.operators.reversed().lazy.compactMap { latency(of: $0) }.first }

    /// From the start of the last decided checkpoint to the acknowledgement of the chain's last subtask.
    package var checkpointMillis: Int64? {
        guard let last = view.snapshot?.checkpoints.records.last(where: { $0.status == .completed }) else { return nil }
        return last.shares.lazy.filter { $0.task == vertex.name }.compactMap(\.acknowledgedAtMillis).max()
            .map { max(0, $0 - last.triggeredAtMillis) }
    }

    package var json: JSON {
        [
            "hasReaders": JSON(hasReaders), "latencyP50Seconds": JSON(latency?.p50Seconds),
            "latencyP99Seconds": JSON(latency?.p99Seconds), "latencyP999Seconds": JSON(latency?.p999Seconds),
            "checkpointMillis": JSON(checkpointMillis), "operators": JSON(operators),
        ]
    }

    /// Its operators, in the order of the stream.
    private var operators: [JSON] {
        let pair = view.comparable
        return vertex.operators.map { part in
            let now = pair?.now.operators.first { $0.operatorID == part.id }
            let before = pair?.before?.operators.first { $0.operatorID == part.id }
            let rates = OperatorRates(now, since: before, millis: pair?.millis ?? 0)
            let latency = latency(of: part)
            return [
                "id": JSON(part.id), "kind": JSON(part.kind.rawValue), "recordsIn": JSON(now?.recordsIn.map { Int64($0) }),
                "recordsOut": JSON(now?.recordsOut.map { Int64($0) }), "recordsInPerSecond": JSON(rates.recordsIn),
                "recordsOutPerSecond": JSON(rates.recordsOut), "lagRecords": JSON(now?.lagRecords.map { Int64($0) }),
                "latencyP50Seconds": JSON(latency?.p50Seconds), "latencyP99Seconds": JSON(latency?.p99Seconds),
                "latencyP999Seconds": JSON(latency?.p999Seconds),
            ]
        }
    }

    private func latency(of part: JobDescription.Operator) -> JobSnapshot.OperatorLatency? {
        view.snapshot?.latencies.first { $0.operatorID == part.id }
    }
}
