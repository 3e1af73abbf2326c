import StreamRuntime

/// What a process tells about a job as a whole, beside what the engine counts; read when scraped.
enum JobMetrics {
    /// Adds the figures to the job's own registry.
    static func register(_ runner: JobRunner) {
        for word in JobReport.Word.allCases {
            // The registry belongs to the runner: a strong reference would keep both for ever.
            runner.metrics.computed(.jobStatus, labels: ["status": word.rawValue]) { [weak runner] in
                guard let runner else { return 0 }
                return JobReport(name: runner.jobName, id: runner.job, status: runner.status).status == word.rawValue ? 1 : 0
            }
        }
        runner.metrics.computed(.checkpointLastCompleted) { [weak runner] in
            let last = runner?.checkpoints.records.last { $0.status == .completed }
            return last?.endedAtMillis.map { Double($0) / 1000 } ?? 0
        }
    }
}

extension MetricDescription {
    static let job: [MetricDescription] = [jobStatus, checkpointLastCompleted]

    static let jobStatus = gauge(
        "weir_job_status", in: "0 or 1",
        by: [MetricLabel("status", "where a job stands", bound: "\(JobReport.Word.allCases.count) statuses")],
        "1 for the status the job is in, 0 for the others.")
    static let checkpointLastCompleted = gauge(
        "weir_checkpoint_last_completed_timestamp_seconds", in: "seconds",
        "When the last checkpoint of this process was decided, since 1970; 0 before the first.")

    /// What libraries report that do not know descriptions.
    static let tracing: [MetricDescription] = [
        counter("weir_tracing_spans_exported_total", in: "spans", "Spans that a collector has taken."),
        counter(
            "weir_tracing_spans_dropped_total", in: "spans",
            by: [MetricLabel("reason", "why", bound: "3: `queue-full`, `refused`, `undelivered`")],
            "Spans that reached no collector."),
    ]
}
