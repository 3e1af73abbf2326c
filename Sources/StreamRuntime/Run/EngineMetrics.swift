/// The engine's metrics.
extension MetricDescription {
    public static let engine: [MetricDescription] = [
        recordsIn, recordsOut, recordsSent, operatorLatency, taskBusy, taskIdle, taskBackPressured, sourceLag, watermark,
        watermarkDrift, watermarkIdleSplits, watermarkPausedSplits,
        checkpointDuration, checkpointAlignment, checkpointPause, checkpointsCompleted, checkpointFailures, checkpointSize,
        checkpointLastID,
        jobRestarts, stateEntries, stateMemory, windowLateRecords, windowGapRecords, joinLateRecords, patternLateRecords,
        asyncInFlight, asyncRetries, asyncTimeouts, asyncLatency, lookupHits, lookupMisses, lookupEntries,
        sinkInFlight, sinkRecords, sinkRetries, sinkBatch, seriesDropped,
    ]
    private static let ofOperator: [MetricLabel] = [.operatorID, .subtask]
    private static let ofTask: [MetricLabel] = [.task, .subtask]

    // MARK: Records and time

    static let recordsIn = counter(
        "weir_operator_records_in_total", in: "records", by: ofOperator, "Records taken in by an operator.")
    static let recordsOut = counter(
        "weir_operator_records_out_total", in: "records", by: ofOperator, "Records put out by an operator.")
    static let recordsSent = counter(
        "weir_task_records_sent_total", in: "records", by: ofTask, "Records a task sent to other tasks.")
    static let operatorLatency = summary(
        "weir_operator_latency_seconds", by: ofOperator + [.source],
        "From a source to an operator, at a sink end to end, of the last minute or two.")
    static let taskBusy = counter("weir_task_busy_seconds_total", in: "seconds", by: ofTask, "Time spent working.")
    static let taskIdle = counter("weir_task_idle_seconds_total", in: "seconds", by: ofTask, "Time spent without input.")
    static let taskBackPressured = counter(
        "weir_task_backpressured_seconds_total", in: "seconds", by: ofTask, "Time spent waiting for room downstream.")
    static let sourceLag = gauge(
        "weir_source_lag_records", in: "records", by: [.operatorID, .split], "Records between a split's position and its end.")
    static let watermark = gauge(
        "weir_watermark_timestamp_seconds", in: "seconds", by: ofOperator,
        "Event time an operator has reached, since 1970; 0 before the first watermark.")
    static let watermarkDrift = gauge(
        "weir_watermark_drift_seconds", in: "seconds", by: ofOperator,
        "Event time from the slowest split, of the alignment group where there is one, to the fastest of the subtask.")
    static let watermarkIdleSplits = gauge(
        "weir_watermark_idle_splits", in: "splits", by: ofOperator,
        "Splits that have brought nothing for so long that they hold event time back no longer.")
    static let watermarkPausedSplits = gauge(
        "weir_watermark_paused_splits", in: "splits", by: ofOperator,
        "Splits that are not read because they are too far ahead of their alignment group.")

    // MARK: Checkpoints and restarts

    static let checkpointDuration = histogram(
        "weir_checkpoint_duration_seconds", "From the barrier's start to the decision.")
    static let checkpointAlignment = histogram(
        "weir_checkpoint_alignment_seconds", "From a task's first to its last barrier of an epoch.")
    static let checkpointPause = histogram(
        "weir_checkpoint_pause_seconds",
        "From a task's last barrier of an epoch until the barrier is handed on: the task processes nothing meanwhile.")
    static let checkpointsCompleted = counter("weir_checkpoints_completed_total", in: "checkpoints", "Decided checkpoints.")
    static let checkpointFailures = counter(
        "weir_checkpoint_failures_total", in: "checkpoints", "Epochs that were begun and not decided.")
    static let checkpointSize = gauge(
        "weir_checkpoint_size_bytes", in: "bytes", "State of the last decided checkpoint.")
    static let checkpointLastID = gauge("weir_checkpoint_last_id", in: "epoch", "Epoch of the last decided checkpoint.")
    static let jobRestarts = counter(
        "weir_job_restarts_total", in: "restarts", "Restarts after a failure, within the process.")

    // MARK: State and operators

    static let stateEntries = gauge("weir_state_entries", in: "entries", by: ofOperator, "State entries held in memory.")
    static let stateMemory = gauge("weir_state_memory_bytes", in: "bytes", by: ofOperator, "Memory of the state tables.")
    static let windowLateRecords = counter(
        "weir_window_late_records_total", in: "records", by: ofOperator,
        "Records that came after all their windows were over: put out beside, or dropped.")
    static let windowGapRecords = counter(
        "weir_window_gap_records_total", in: "records", by: ofOperator, "Records between two windows, dropped.")
    static let joinLateRecords = counter(
        "weir_join_late_records_total", in: "records", by: ofOperator, "Records that came after the watermark and were left out.")
    static let patternLateRecords = counter(
        "weir_pattern_late_records_total", in: "records", by: ofOperator,
        "Records that came after their watermark and were not taken.")

    // MARK: Outside systems

    static let asyncInFlight = gauge(
        "weir_async_in_flight", in: "requests", by: ofOperator, "Records waiting for an asynchronous answer.")
    static let asyncRetries = counter(
        "weir_async_retries_total", in: "requests", by: ofOperator, "Requests made again after a failure.")
    static let asyncTimeouts = counter(
        "weir_async_timeouts_total", in: "requests", by: ofOperator, "Requests cancelled because they took too long.")
    static let asyncLatency = histogram(
        "weir_async_latency_seconds", in: "seconds", by: ofOperator, "From a request to its answer.")
    static let lookupHits = counter(
        "weir_lookup_cache_hits_total", in: "records", by: ofOperator, "Records whose value was cached.")
    static let lookupMisses = counter(
        "weir_lookup_cache_misses_total", in: "records", by: ofOperator, "Records whose value was not cached.")
    static let lookupEntries = gauge("weir_lookup_cache_entries", in: "answers", by: ofOperator, "Answers cached.")
    static let sinkInFlight = gauge(
        "weir_sink_in_flight", in: "batches", by: ofOperator, "Batches on their way to an outside system.")
    static let sinkRecords = counter(
        "weir_sink_records_acknowledged_total", in: "records", by: ofOperator, "Records an outside system has taken.")
    static let sinkRetries = counter(
        "weir_sink_retries_total", in: "batches", by: ofOperator, "Batches sent again after a failure.")
    static let sinkBatch = histogram(
        "weir_sink_batch_seconds", in: "seconds", by: ofOperator, "From a batch's first request to its success.")

    // MARK: Metrics themselves

    public static let seriesDropped = counter(
        "weir_metrics_series_dropped_total", in: "series", "Series that were asked for and left out because there were too many.")
}
