import StreamRuntime

/// The settings every Weir executable has. DURATION and SIZE values carry their unit (`1s`, `64MiB`).
public enum StandardSettings {
    public static let dataFolder = Setting.string(
        "data", default: "data", help: "Folder of everything an embedded run keeps, except checkpoints.")
    public static let defaultNamespace = "default"
    public static let namespace = Setting.string(
        "namespace", default: defaultNamespace, help: "With the job's name, gives the job its id.", flag: "namespace")
    public static let jobID = Setting.optionalString(
        "job.id", help: "The job's id, 32 hex digits, instead of the derived one.", flag: "job-id")

    public static let parallelism = Setting.integer(
        "parallelism", default: 1, in: 1...1024,
        help: "Subtasks of each operator that sets no number of its own, up to parallelism.max.",
        flag: "parallelism")
    public static let maxParallelism = Setting.integer(
        "parallelism.max", default: 128, in: 1...32_768,
        help: "Key groups: the highest parallelism the job can ever have; fixed by its first checkpoint.")
    public static let threads = Setting.optionalInteger(
        "threads", in: 1...1024, help: "Worker threads of a job; unset: one per core.")
    public static let batchRecords = Setting.integer(
        "batch.records", default: 1024, in: 1...65_536, help: "Records in a batch between subtasks.")
    public static let drainTimeout = Setting.millis(
        "stop.drain-timeout", default: 30_000, in: 0...3_600_000, help: "How long a stop waits for records in flight.")
    public static let latencyInterval = Setting.millis(
        "latency.interval", default: 100, in: 0...3_600_000,
        help: "How often a source measures how long records take to the operators (weir_operator_latency_seconds); 0: never.")

    public static let checkpointFolder = Setting.string(
        "checkpoint.dir", default: "checkpoints", help: "Root folder of checkpoints, a folder per job in it.",
        flag: "checkpoint-dir")
    public static let checkpointInterval = Setting.millis(
        "checkpoint.interval", default: 1000, in: 10...86_400_000, help: "Time between checkpoints.",
        flag: "checkpoint-interval")
    public static let checkpointTimeout = Setting.millis(
        "checkpoint.timeout", default: 30_000, in: 100...3_600_000, help: "An epoch that takes longer is given up.")
    public static let checkpointsRetained = Setting.integer(
        "checkpoint.retained", default: 3, in: 2...1000, help: "Checkpoints kept, the newest included.")

    public static let restartStrategy = Setting.enumeration(
        "restart.strategy", default: RestartChoice.exponential, help: "What follows a failure.")
    public static let restartDelay = Setting.millis(
        "restart.delay", default: 100, in: 1...3_600_000, help: "Before a restart; exponential: before the first.")
    public static let restartDelayMax = Setting.millis(
        "restart.delay-max", default: 30_000, in: 1...3_600_000, help: "exponential: the delay doubles up to this.")
    public static let restartResetAfter = Setting.millis(
        "restart.reset-after", default: 60_000, in: 1...86_400_000,
        help: "exponential: a run of this length starts the delays over.")
    public static let restartAttempts = Setting.integer(
        "restart.attempts", default: 3, in: 1...1_000_000, help: "fixed-delay: the number of restarts.")
    public static let restartFailures = Setting.integer(
        "restart.failures", default: 3, in: 1...1_000_000, help: "failure-rate: failures allowed per restart.period.")
    public static let restartPeriod = Setting.millis(
        "restart.period", default: 300_000, in: 1...86_400_000, help: "failure-rate: the period failures are counted in.")

    public static let logLevel = Setting.enumeration(
        "log.level", default: LogLevel.info, help: "The least important lines written.", flag: "log-level")
    public static let logLevels = Setting.list(
        "log.levels",
        help: "Levels of single loggers, label=level (weir.http=warning); the longest label that fits counts, then log.level.")
    public static let logFormat = Setting.enumeration(
        "log.format", default: LogFormat.auto, help: "auto: pretty on a terminal, JSON lines elsewhere.",
        flag: "log-format")

    public static let metricsEnabled = Setting.bool(
        "metrics.enabled", default: true, help: "Serve /metrics, /healthz and /readyz during a run.")
    public static let metricsHost = Setting.string(
        "metrics.host", default: "127.0.0.1", help: "Address the metrics server binds; nothing on it is protected.")
    public static let metricsPort = Setting.integer(
        "metrics.port", default: 9600, in: 0...65_535, help: "Port of the metrics server; 0: any free one.",
        flag: "metrics-port")

    /// The choice of `state.backend` depends on what the application links.
    public static func stateBackend(_ backends: [StateBackendFactory]) -> ConfigurationKey {
        ConfigurationKey(
            name: stateBackendName, type: .enumeration(backends.map(\.name)), defaultText: backends.first?.name,
            help: "Where keyed state is kept.", flag: "state-backend")
    }
    static let stateBackendName = "state.backend"

    static let keys: [ConfigurationKey] =
        [
            dataFolder.key, namespace.key, jobID.key, parallelism.key, maxParallelism.key, threads.key, batchRecords.key,
            drainTimeout.key, latencyInterval.key, checkpointFolder.key, checkpointInterval.key, checkpointTimeout.key,
            checkpointsRetained.key, restartStrategy.key, restartDelay.key, restartDelayMax.key, restartResetAfter.key,
            restartAttempts.key, restartFailures.key, restartPeriod.key, logLevel.key, logLevels.key, logFormat.key,
            metricsEnabled.key, metricsHost.key, metricsPort.key,
        ] + TracingSettings.keys + ControlSettings.keys
}

/// The names of the restart strategies.
public enum RestartChoice: String, CaseIterable, Sendable {
    case none
    case fixedDelay = "fixed-delay"
    case exponential
    case failureRate = "failure-rate"
}

/// What `log.level` takes.
public enum LogLevel: String, CaseIterable, Sendable { case trace, debug, info, notice, warning, error, critical }

/// What `log.format` takes.
public enum LogFormat: String, CaseIterable, Sendable { case auto, json, pretty }

extension StandardSettings {
    private static let restartKeys = [
        restartStrategy.key, restartDelay.key, restartDelayMax.key, restartResetAfter.key, restartAttempts.key,
        restartFailures.key, restartPeriod.key,
    ]

    /// The names of the `restart.…` settings.
    public static var restartNames: Set<String> { Set(restartKeys.map(\.name)) }

    /// Only the `restart.…` settings, for who restarts a job from outside.
    public static func restartTable() throws -> ConfigurationTable { try ConfigurationTable(restartKeys) }
}
