/// What an operator tells about itself, between records. Owned by its task thread.
public final class OperatorMeter {
    private let metrics: MetricRegistry
    private let clock: any RuntimeClock
    private let labels: [String: String]
    private let sourceNames: (_ node: Int) -> String
    let recordsIn: MetricRegistry.Cell
    /// By the sources that markers come from.
    private var latencies: [Int: MetricRegistry.Summary] = [:]

    init(
        _ metrics: MetricRegistry, clock: any RuntimeClock, operatorID: OperatorID, subtask: Int,
        sourceNames: @escaping (_ node: Int) -> String
    ) {
        self.metrics = metrics
        self.clock = clock
        self.sourceNames = sourceNames
        labels = ["operator": operatorID.rawValue, "subtask": String(subtask)]
        recordsIn = metrics.counter(.recordsIn, labels: .init(labels))
    }

    /// A signal has reached the operator, after so many records.
    @usableFromInline func reached(_ signal: ChainSignal, after records: Int) {
        recordsIn.set(records)
        guard case .marker(let marker) = signal else { return }
        let now = clock.monotonicNanos()
        latency(marker.source).observe(seconds: Double(now - marker.dueNanos) / 1e9)
    }

    private func latency(_ source: Int) -> MetricRegistry.Summary {
        if let known = latencies[source] { return known }
        let made = metrics.summary(
            .operatorLatency, labels: .init(labels.merging(["source": sourceNames(source)]) { $1 }), clock: clock)
        latencies[source] = made
        return made
    }
}
