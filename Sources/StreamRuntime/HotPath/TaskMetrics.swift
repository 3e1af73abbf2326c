/// Where a task's time goes; written by its worker, read by the scraper.
final class TaskTiming: Sendable {
    private let busy: MetricRegistry.Cell
    private let idle: MetricRegistry.Cell
    private let backPressured: MetricRegistry.Cell

    init(_ metrics: MetricRegistry, task: String, subtask: Int) {
        func nanos(_ metric: MetricDescription) -> MetricRegistry.Cell {
            metrics.counter(metric, labels: ["task": task, "subtask": String(subtask)], scale: 1e-9)
        }
        busy = nanos(.taskBusy)
        idle = nanos(.taskIdle)
        backPressured = nanos(.taskBackPressured)
    }

    func account(_ result: StepResult, nanos: Int64) {
        switch result {
        case .progressed: busy.add(Int(nanos))
        case .idle: idle.add(Int(nanos))
        case .backPressured: backPressured.add(Int(nanos))
        }
    }

    /// The worker slept for so long after every task of it had said `result`.
    func slept(_ result: StepResult, nanos: Int64) { account(result, nanos: nanos) }
}

/// How far a source is behind, a gauge per split. Owned by the source's task thread.
final class LagGauges {
    private static let intervalNanos: Int64 = 500_000_000

    private let metrics: MetricRegistry
    private let source: OperatorID
    private var cells: [String: MetricRegistry.Cell] = [:]
    private var publishedNanos = Int64.min / 2

    init(_ metrics: MetricRegistry, source: OperatorID) {
        self.metrics = metrics
        self.source = source
    }

    /// Twice a second at most.
    func publish(_ now: Int64, _ lag: () -> [(split: String, records: Int64)]) {
        guard now - publishedNanos > Self.intervalNanos else { return }
        publishedNanos = now
        for (split, records) in lag() { cell(split).set(Int(records)) }
    }

    private func cell(_ split: String) -> MetricRegistry.Cell {
        if let known = cells[split] { return known }
        let made = metrics.gauge(
            .sourceLag, labels: ["operator": source.rawValue, "split": split])
        cells[split] = made
        return made
    }
}
