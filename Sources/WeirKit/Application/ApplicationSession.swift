import Logging
import Metrics
import StreamRuntime

/// A process that runs jobs, from its start to its orderly end: log, metrics and their server, signals, the
/// jobs. `run` is built on it; so is anything that runs several jobs in one process.
///
/// One per process: the log and the metrics of swift-log and swift-metrics are process-wide.
public struct ApplicationSession: Sendable {
    public let launcher: JobLauncher
    public let host: JobHost
    /// What does not belong to one job.
    public let processMetrics: MetricRegistry
    public let log: RuntimeLog
    private let signals: StopSignals

    /// Sets up the process-wide log and metrics, and listens for SIGINT and SIGTERM from here on; nothing runs yet.
    public init<App: WeirApplication>(
        _ application: App.Type, _ configuration: Configuration, failurePolicy: JobHost.FailurePolicy = .keepOthers
    ) {
        LogBootstrap.install(configuration)
        log = RuntimeLog(Logger(label: "weir"))
        processMetrics = MetricRegistry()
        ProcessMetrics.register(in: processMetrics)
        MetricsSystem.bootstrap(RegistryMetricsFactory(processMetrics))
        host = JobHost(failurePolicy: failurePolicy)
        launcher = JobLauncher(
            App.self, configuration: configuration,
            environment: ApplicationEnvironment(log: log, metrics: processMetrics))
        signals = Self.watchSignals(host, log)
    }

    /// Runs what `addJobs` adds to `host`, until every job has ended. The first SIGINT or SIGTERM, or the end of
    /// `stopAfterMillis`, stops the jobs in order; a second signal ends the process (see `StopSignals`).
    ///
    /// `atRest` runs when every job has ended, before what they shared is closed.
    ///
    /// Throws what `addJobs` and `atRest` throw, and `MetricsServerError` before any job runs; a job's failure is
    /// in its outcome.
    public func run(
        stopAfterMillis millis: Int? = nil, atRest: () async throws -> Void = {},
        _ addJobs: (JobLauncher, JobHost) throws -> Void
    ) async throws -> [JobOutcome] {
        do {
            let outcomes = try await runJobs(stopAfterMillis: millis, addJobs)
            try await atRest()
            await launcher.environment.shared.closeAll()
            return outcomes
        } catch {
            await launcher.environment.shared.closeAll()
            throw error
        }
    }

    private func runJobs(
        stopAfterMillis millis: Int?, _ addJobs: (JobLauncher, JobHost) throws -> Void
    ) async throws -> [JobOutcome] {
        defer { signals.cancel() }
        guard try add(addJobs) else { return [] }
        let server = try await startServer()
        let host = host
        let log = log
        let timer = millis.map { millis in
            Task {
                guard (try? await Task.sleep(for: .milliseconds(millis))) != nil else { return }
                log(.info, "stopping: the time to run is over", ["millis": String(millis)])
                host.stop()
            }
        }
        host.start()
        let outcomes = await host.wait()
        timer?.cancel()
        await server?.stop()
        return outcomes
    }

    /// False when a signal came first: then there is nothing to run.
    private func add(_ addJobs: (JobLauncher, JobHost) throws -> Void) throws -> Bool {
        do {
            if !host.isStopping { try addJobs(launcher, host) }
        } catch is JobHostError where host.isStopping {
            return false
        }
        return !host.isStopping || host.hasJobs
    }

    private static func watchSignals(_ host: JobHost, _ log: RuntimeLog) -> StopSignals {
        StopSignals(
            first: { signal in
                log(.info, "stopping: taking a final checkpoint; Ctrl-C again ends the process at once", ["signal": signal])
                host.stop()
            },
            second: { _ in
                log(.warning, "ended at once; the job goes on from its last checkpoint when it is run again")
            })
    }

    /// Before any job runs, so that a busy port is refused first.
    private func startServer() async throws -> MetricsServer? {
        let configuration = launcher.configuration
        guard configuration[StandardSettings.metricsEnabled] else { return nil }
        let processMetrics = processMetrics
        let host = host
        let options = MetricsServer.Options(
            host: configuration[StandardSettings.metricsHost], port: configuration[StandardSettings.metricsPort])
        let server = MetricsServer(
            options, metrics: { PrometheusText.render([LabelledRegistry(processMetrics)] + host.registries) },
            jobs: { host.statuses })
        let port = try await server.start()
        log(.info, "serving metrics", ["url": "http://\(options.host):\(port)/metrics"])
        return server
    }
}
