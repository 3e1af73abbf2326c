import StreamRuntime

/// All there is to know about a job of a running process, at one moment: what its control API answers with. Times are Unix
/// milliseconds.
public struct JobSnapshot: Sendable, Codable {
    /// What one subtask of a chain has done since the process began.
    public struct Subtask: Sendable, Codable, Equatable {
        /// The chain, by its id in `plan`.
        public let vertex: String
        public let subtask: Int
        public let recordsIn: Int
        /// Sent to other chains.
        public let recordsOut: Int
        public let busyMillis: Int
        public let idleMillis: Int
        public let backPressuredMillis: Int
        /// `nil`: no event time, or none reached yet.
        public let watermarkMillis: Int64?

        public init(
            vertex: String, subtask: Int, recordsIn: Int, recordsOut: Int, busyMillis: Int, idleMillis: Int,
            backPressuredMillis: Int, watermarkMillis: Int64?
        ) {
            self.vertex = vertex
            self.subtask = subtask
            self.recordsIn = recordsIn
            self.recordsOut = recordsOut
            self.busyMillis = busyMillis
            self.idleMillis = idleMillis
            self.backPressuredMillis = backPressuredMillis
            self.watermarkMillis = watermarkMillis
        }
    }

    /// How long records lately took from a source to an operator; at a sink: end to end.
    public struct OperatorLatency: Sendable, Codable, Equatable {
        public let operatorID: String
        /// Of the slowest pair of a source and a subtask: quantiles of several cannot be added up.
        public let p50Seconds: Double
        public let p99Seconds: Double
        /// `nil` in snapshots of earlier releases.
        public let p999Seconds: Double?

        public init(operatorID: String, p50Seconds: Double, p99Seconds: Double, p999Seconds: Double?) {
            self.operatorID = operatorID
            self.p50Seconds = p50Seconds
            self.p99Seconds = p99Seconds
            self.p999Seconds = p999Seconds
        }
    }

    /// A setting as it may be shown: secrets are masked.
    public struct SettingReading: Sendable, Codable, Equatable {
        public let name: String
        public let value: String
        public let origin: String

        public init(name: String, value: String, origin: String) {
            self.name = name
            self.value = value
            self.origin = origin
        }
    }

    public let report: JobReport
    public let takenAtMillis: Int64
    public let plan: JobDescription
    public let subtasks: [Subtask]
    /// Records between the sources' positions and their ends; `nil` when no source tells.
    public let lagRecords: Int?
    public let checkpoints: CheckpointHistory.Reading
    /// Oldest first.
    public let failures: [FailureRecord]
    /// Of attempts, within the process.
    public let restarts: Int
    public let settings: [SettingReading]
    /// Of the operators that records have reached lately, by id.
    public let latencies: [OperatorLatency]
    /// In the order of the plan.
    public let operators: [OperatorReading]

    public init(
        report: JobReport, takenAtMillis: Int64, plan: JobDescription, subtasks: [Subtask], lagRecords: Int?,
        checkpoints: CheckpointHistory.Reading, failures: [FailureRecord], restarts: Int, settings: [SettingReading],
        latencies: [OperatorLatency], operators: [OperatorReading]
    ) {
        self.report = report
        self.takenAtMillis = takenAtMillis
        self.plan = plan
        self.subtasks = subtasks
        self.lagRecords = lagRecords
        self.checkpoints = checkpoints
        self.failures = failures
        self.restarts = restarts
        self.settings = settings
        self.latencies = latencies
        self.operators = operators
    }
}

extension JobSnapshot {
    /// Of a job in this process. Any thread.
    init(_ runner: JobRunner, settings: [SettingReading], atMillis millis: Int64) {
        let metrics = runner.metrics
        self.init(
            report: JobReport(name: runner.jobName, id: runner.job, status: runner.status), takenAtMillis: millis,
            plan: runner.description,
            subtasks: runner.description.vertices.flatMap { vertex in
                (0..<vertex.parallelism).map { Subtask(vertex, $0, metrics) }
            },
            lagRecords: metrics.has("weir_source_lag_records") ? Int(metrics.sum("weir_source_lag_records")) : nil,
            checkpoints: runner.checkpoints, failures: runner.failures,
            restarts: Int(metrics.sum("weir_job_restarts_total")), settings: settings,
            latencies: OperatorLatency.all(of: metrics), operators: OperatorReading.all(of: runner.description, metrics))
    }
}

extension JobSnapshot.OperatorLatency {
    static func all(of metrics: MetricRegistry) -> [Self] {
        let family = "weir_operator_latency_seconds"
        guard metrics.has(family), let sample = metrics.read().first(where: { $0.name == family }) else { return [] }
        var slowest: [String: (p50: Double, p99: Double, p999: Double)] = [:]
        for case (let labels, .summary(let reading)) in sample.series {
            guard let id = labels["operator"], let p50 = quantile(0.5, reading), let p99 = quantile(0.99, reading),
                let p999 = quantile(0.999, reading)
            else { continue }
            let known = slowest[id] ?? (0, 0, 0)
            slowest[id] = (max(known.p50, p50), max(known.p99, p99), max(known.p999, p999))
        }
        return slowest.sorted { $0.key < $1.key }.map {
            Self(operatorID: $0.key, p50Seconds: $0.value.p50, p99Seconds: $0.value.p99, p999Seconds: $0.value.p999)
        }
    }

    /// Nil when nothing was measured lately.
    private static func quantile(_ quantile: Double, _ reading: MetricRegistry.Summary.Reading) -> Double? {
        reading.quantiles.first { $0.quantile == quantile }.flatMap { $0.seconds.isFinite ? $0.seconds : nil }
    }
}

extension JobSnapshot.Subtask {
    init(_ vertex: JobDescription.Vertex, _ subtask: Int, _ metrics: MetricRegistry) {
        let number = String(subtask)
        func ofTask(_ name: String) -> Double {
            metrics.value(name, labels: ["task": vertex.name, "subtask": number]) ?? 0
        }
        func ofOperator(_ name: String, _ id: String) -> Double? {
            metrics.value(name, labels: ["operator": id, "subtask": number])
        }
        let watermarks = vertex.operators.compactMap { ofOperator("weir_watermark_timestamp_seconds", $0.id) }
            .compactMap { Int64(exactly: ($0 * 1000).rounded()) }
            .filter { $0 > .min && $0 != 0 }  // a gauge that was never set reads 0
        self.init(
            vertex: vertex.id, subtask: subtask,
            // A source counts nothing itself: what its first operator takes in is what it has read.
            recordsIn: Int(
                vertex.operators.lazy.compactMap { ofOperator("weir_operator_records_in_total", $0.id) }.first ?? 0),
            recordsOut: Int(ofTask("weir_task_records_sent_total")),
            busyMillis: Int(ofTask("weir_task_busy_seconds_total") * 1000),
            idleMillis: Int(ofTask("weir_task_idle_seconds_total") * 1000),
            backPressuredMillis: Int(ofTask("weir_task_backpressured_seconds_total") * 1000),
            watermarkMillis: watermarks.last)
    }
}

extension JobSnapshot.SettingReading {
    package static func all(of configuration: Configuration) -> [Self] {
        configuration.entries.map { Self(name: $0.key.name, value: $0.shownText, origin: $0.origin.description) }
    }
}
