import StreamRuntime

/// Makes runners of an application's jobs from settings: what `run` does for one job, and a program that
/// runs several for each of them. A value; callable from any thread.
public struct JobLauncher: Sendable {
    public let configuration: Configuration
    public let environment: ApplicationEnvironment
    private let backends: [StateBackendFactory]

    /// A job ready to be added to a `JobHost`, and the lock it must hold while it runs.
    public struct Prepared: Sendable {
        public let runner: JobRunner
        public let lock: JobLock
    }

    /// `environment.metrics` is for what jobs share; each job gets a registry of its own.
    public init<App: WeirApplication>(
        _ application: App.Type, configuration: Configuration, environment: ApplicationEnvironment
    ) {
        self.configuration = configuration
        self.environment = environment
        backends = App.backends
    }

    /// Builds and checks the job's graph and takes its lock; nothing runs yet. `adjust` changes the options
    /// that the settings gave; `faults` go wrong on purpose, for drills.
    ///
    /// Throws `ConfigurationRefusal`, `GraphError`, `JobLockError`, or what the job's `init` throws.
    public func prepare(
        _ job: any ConfiguredJob.Type, faults: (any FaultInjector)? = nil,
        adjust: (inout JobOptions) throws -> Void = { _ in }
    ) throws -> Prepared {
        try prepareOne(job, faults, adjust)
    }

    private func prepareOne<Job: ConfiguredJob>(
        _ type: Job.Type, _ faults: (any FaultInjector)?, _ adjust: (inout JobOptions) throws -> Void
    ) throws -> Prepared {
        var options = try JobOptions(configuration)
        let id = options.jobID ?? JobID(namespace: options.namespace, jobName: Job.name)
        let log = environment.log.with(["job": Job.name, "jobId": id.rawValue])
        let metrics = MetricRegistry()
        let job = try Job(
            configuration,
            ApplicationEnvironment(log: log, metrics: metrics, clock: environment.clock, shared: environment.shared))
        let (chosen, all) = try makeBackends()
        try adjust(&options)
        let runner = try JobRunner(
            job, options: options,
            environment: JobEnvironment(
                backend: chosen, readableBackends: all, clock: environment.clock, log: environment.log, metrics: metrics,
                faults: faults))
        let lock = try JobLock(checkpointRoot: options.checkpointRoot, job: runner.job, jobName: Job.name)
        return Prepared(runner: runner, lock: lock)
    }

    /// The chosen backend, and every one whose checkpoints can be read; made once per process, so that a memory
    /// budget is one for all jobs.
    private func makeBackends() throws -> (chosen: any StateBackend, all: [any StateBackend]) {
        let name = configuration.entry(StandardSettings.stateBackendName)?.value?.text ?? backends.first?.name
        var chosen: (any StateBackend)?
        var all: [any StateBackend] = []
        for factory in backends {
            let backend = try environment.shared.resource((any StateBackend).self, named: "backend/\(factory.name)") {
                try factory.make(configuration)
            }
            if factory.name == name { chosen = backend }
            all.append(backend)
        }
        return (chosen ?? HeapBackend(), all)
    }
}

extension JobHost {
    /// Adds a prepared job with its lock.
    public func add(_ prepared: JobLauncher.Prepared, stage: Int = 0, catchUp: Duration = .zero) throws {
        try add(prepared.runner, stage: stage, catchUp: catchUp, holding: [prepared.lock])
    }
}
