import StreamRuntime
import WeirKit

/// What the server tells about its jobs as metrics; made anew for each scrape. Pure.
package enum ServerMetrics {
    package static func registry(of jobs: [JobView]) -> MetricRegistry {
        let registry = MetricRegistry()
        let counts = Dictionary(grouping: jobs, by: FlinkStatus.word).mapValues(\.count)
        for status in statuses { registry.gauge(.serverJobs, labels: ["status": status]).set(counts[status] ?? 0) }
        for job in jobs where !job.record.state.isEnded {
            let labels: MetricRegistry.Labels = ["job_name": job.record.name, "job_id": job.record.jobID.rawValue]
            registry.gauge(.serverJobAnswers, labels: labels).set(
                job.record.state.process != nil && job.snapshot != nil && !job.isSilent ? 1 : 0)
            registry.counter(.serverJobRelaunches, labels: labels).add(job.record.relaunches)
        }
        return registry
    }

    static let statuses = FlinkStatus.allCases.map(\.rawValue) + [FlinkStatus.pausedWord]
}

/// Where the processes of the jobs can be scraped, as Prometheus' HTTP service discovery reads it. Pure.
package enum ScrapeTargets {
    package struct Target: Sendable {
        package let job: String
        package let id: String
        package let host: String
        package let port: Int

        package init(job: String, id: String, host: String, port: Int) {
            self.job = job
            self.id = id
            self.host = host
            self.port = port
        }
    }

    package static func json(_ targets: [Target]) -> JSON {
        JSON(
            targets.map { target -> JSON in
                let host = target.host.contains(":") ? "[\(target.host)]" : target.host
                return [
                    "targets": [JSON("\(host):\(target.port)")],
                    "labels": ["__meta_weir_job_name": JSON(target.job), "__meta_weir_job_id": JSON(target.id)],
                ]
            })
    }
}

extension MetricDescription {
    /// What `weir server` tells.
    public static let controlPlane: [MetricDescription] = [serverJobs, serverJobAnswers, serverJobRelaunches]

    private static let ofJob = [
        MetricLabel("job_name", "the job, on what belongs to one job", bound: "jobs of the server, 1000 at most"),
        MetricLabel("job_id", "the job's id", bound: "jobs of the server, 1000 at most"),
    ]

    static let serverJobs = gauge(
        "weir_server_jobs", in: "jobs",
        by: [MetricLabel("status", "Flink's word, or PAUSED", bound: "\(ServerMetrics.statuses.count) statuses")],
        "Jobs the server knows, by where they stand.")
    static let serverJobAnswers = gauge(
        "weir_server_job_answers", in: "0 or 1", by: ofJob,
        "1 while the process of a job that should run is there and answers, else 0.")
    static let serverJobRelaunches = counter(
        "weir_server_job_relaunches_total", in: "launches", by: ofJob,
        "Processes started after the first one of a job that has not ended.")
}
