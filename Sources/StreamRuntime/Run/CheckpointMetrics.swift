/// The checkpoint and restart figures of a job.
struct CheckpointMetrics: Sendable {
    let history: CheckpointHistory
    private let alignment: MetricRegistry.Histogram
    private let pause: MetricRegistry.Histogram
    private let duration: MetricRegistry.Histogram
    private let count: MetricRegistry.Cell
    private let failures: MetricRegistry.Cell
    private let restarts: MetricRegistry.Cell
    private let size: MetricRegistry.Cell
    private let lastID: MetricRegistry.Cell

    init(_ metrics: MetricRegistry, history: CheckpointHistory = CheckpointHistory()) {
        self.history = history
        duration = metrics.histogram(.checkpointDuration)
        alignment = metrics.histogram(.checkpointAlignment)
        pause = metrics.histogram(.checkpointPause)
        count = metrics.counter(.checkpointsCompleted)
        failures = metrics.counter(.checkpointFailures)
        restarts = metrics.counter(.jobRestarts)
        size = metrics.gauge(.checkpointSize)
        lastID = metrics.gauge(.checkpointLastID)
    }

    /// A task has handed its snapshot over.
    func taken(share index: Int, _ times: StreamTask.BarrierTimes, atMillis millis: Int64) {
        alignment.observe(Double(times.alignmentNanos) / 1e9)
        pause.observe(Double(times.pauseNanos) / 1e9)
        history.taken(share: index, times, atMillis: millis)
    }

    func completed(_ manifest: CheckpointManifest, epoch: Epoch, nanos: Int64) {
        duration.observe(Double(nanos) / 1e9)
        count.add()
        size.set(manifest.stateBytes)
        lastID.set(Int(epoch.rawValue))
    }

    func failed() { failures.add() }
    func restarted() { restarts.add() }
}
