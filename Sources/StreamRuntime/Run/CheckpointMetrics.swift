/// The checkpoint and restart figures of a job.
struct CheckpointMetrics: Sendable {
    let alignment: MetricRegistry.Histogram
    private let duration: MetricRegistry.Histogram
    private let count: MetricRegistry.Cell
    private let failures: MetricRegistry.Cell
    private let restarts: MetricRegistry.Cell
    private let size: MetricRegistry.Cell
    private let lastID: MetricRegistry.Cell

    init(_ metrics: MetricRegistry) {
        duration = metrics.histogram(
            "weir_checkpoint_duration_seconds", help: "From the barrier's start to the decision.")
        alignment = metrics.histogram(
            "weir_checkpoint_alignment_seconds", help: "From a task's first to its last barrier of an epoch.")
        count = metrics.counter("weir_checkpoints_completed_total", help: "Decided checkpoints.")
        failures = metrics.counter("weir_checkpoint_failures_total", help: "Epochs that were begun and not decided.")
        restarts = metrics.counter("weir_job_restarts_total", help: "Restarts after a failure.")
        size = metrics.gauge("weir_checkpoint_size_bytes", help: "State of the last decided checkpoint.")
        lastID = metrics.gauge("weir_checkpoint_last_id", help: "Epoch of the last decided checkpoint.")
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
