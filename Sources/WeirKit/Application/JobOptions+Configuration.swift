import StreamRuntime

extension JobOptions {
    /// The options the standard settings describe. Throws `ConfigurationRefusal` for values whose form the
    /// table cannot check.
    public init(_ configuration: Configuration) throws {
        typealias Standard = StandardSettings
        self.init()
        namespace = configuration[Standard.namespace]
        if let text = configuration[Standard.jobID] {
            guard let id = JobID(text) else {
                throw ConfigurationRefusal([
                    "\(configuration.origin(of: Standard.jobID)): '\(text)' is not a job id: 32 lower-case hex digits"
                ])
            }
            jobID = id
        }
        parallelism = configuration[Standard.parallelism]
        keyGroups = KeyGroups(count: configuration[Standard.maxParallelism])
        guard parallelism <= keyGroups.count else {
            throw ConfigurationRefusal([
                "\(configuration.origin(of: Standard.parallelism)): parallelism \(parallelism) is more than "
                    + "parallelism.max, which is \(keyGroups.count)"
            ])
        }
        threads = configuration[Standard.threads]
        batchRecords = configuration[Standard.batchRecords]
        latencyIntervalMillis = configuration[Standard.latencyInterval]
        drainTimeoutMillis = configuration[Standard.drainTimeout]
        checkpointRoot = configuration[Standard.checkpointFolder]
        workRoot = configuration[Standard.dataFolder] + "/state"
        checkpointIntervalMillis = configuration[Standard.checkpointInterval]
        epochTimeoutMillis = configuration[Standard.checkpointTimeout]
        retainedCheckpoints = configuration[Standard.checkpointsRetained]
        restart = RestartStrategy(configuration)
    }
}

extension RestartStrategy {
    /// The strategy the `restart.…` settings describe.
    public init(_ configuration: Configuration) {
        typealias Standard = StandardSettings
        let delay = configuration[Standard.restartDelay]
        switch configuration[Standard.restartStrategy] {
        case .none: self = .none
        case .fixedDelay: self = .fixedDelay(attempts: configuration[Standard.restartAttempts], delayMillis: delay)
        case .exponential:
            self = .exponential(
                initialMillis: delay, maxMillis: max(delay, configuration[Standard.restartDelayMax]),
                resetAfterMillis: configuration[Standard.restartResetAfter])
        case .failureRate:
            self = .failureRate(
                failures: configuration[Standard.restartFailures],
                perMillis: configuration[Standard.restartPeriod], delayMillis: delay)
        }
    }
}
