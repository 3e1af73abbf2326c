import Logging
import Metrics
import StreamRuntime
import WeirTracing

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
    private let control: ControlledProcess

    /// Sets up the process-wide log and metrics, and listens for SIGINT and SIGTERM from here on; nothing runs yet.
    public init<App: WeirApplication>(
        _ application: App.Type, _ configuration: Configuration, failurePolicy: JobHost.FailurePolicy = .keepOthers
    ) throws {
        try LogBootstrap.install(configuration)
        try LaunchGate.pass()
        log = RuntimeLog(Logger(label: "weir"))
        processMetrics = MetricRegistry()
        ProcessMetrics.register(in: processMetrics)
        MetricsSystem.bootstrap(RegistryMetricsFactory(processMetrics, describedBy: MetricCatalog(App.self)))
        host = JobHost(failurePolicy: failurePolicy)
        launcher = JobLauncher(
            App.self, configuration: configuration,
            environment: ApplicationEnvironment(log: log, metrics: processMetrics))
        if let tracing = try TracingSettings.bootstrap(configuration, name: App.commandName, version: App.version) {
            // Made first, so closed last: what other resources do at their end is delivered too.
            _ = launcher.environment.shared.resource(
                OTLPTracing.self, named: "tracing", make: { tracing }, close: { await $0.shutdown() })
        }
        signals = Self.watchSignals(host, log)
        control = ControlledProcess(configuration, log)
    }

    /// Runs what `addJobs` adds to `host`, until every job has ended. The first SIGINT or SIGTERM, or the end of
    /// `stopAfterMillis`, stops the jobs in order; a second signal ends the process (see `StopSignals`).
    ///
    /// `startServices` starts what brings work in from outside, when the jobs are ready to run; it is stopped before they
    /// are. With services alone the session lasts until it is stopped, or they fail. `servesMetrics` is for jobs: a
    /// service serves its own.
    ///
    /// `atRest` runs when every job has ended, before what they shared is closed.
    ///
    /// Throws what `addJobs`, `startServices` and `atRest` throw, `MetricsServerError` before any job runs, and why the
    /// services failed; a job's failure is in its outcome.
    public func run(
        stopAfterMillis millis: Int? = nil, servesMetrics: Bool = true,
        startServices: (HostedServices) async throws -> Void = { _ in }, atRest: () async throws -> Void = {},
        _ addJobs: (JobLauncher, JobHost) throws -> Void
    ) async throws -> [JobOutcome] {
        // To the last: a signal that comes while the end is written down must not make it another one.
        defer { signals.cancel() }
        do {
            let outcomes = try await launcher.environment.shared.closing {
                let outcomes = try await runJobs(stopAfterMillis: millis, servesMetrics, startServices, addJobs)
                try await atRest()
                return outcomes
            }
            control.ended(host, outcomes.compactMap(\.error).first)
            return outcomes
        } catch {
            control.ended(host, error)
            throw error
        }
    }

    nonisolated(nonsending) private func runJobs(
        stopAfterMillis millis: Int?, _ servesMetrics: Bool, _ startServices: (HostedServices) async throws -> Void,
        _ addJobs: (JobLauncher, JobHost) throws -> Void
    ) async throws -> [JobOutcome] {
        guard try add(addJobs) else { return [] }
        let (server, url) = servesMetrics ? try await startServer() : (nil, nil)
        let host = host
        let services = HostedServices(metricsURL: url, onEnd: { host.stop() })
        host.closeFirst { await services.stop() }
        do {
            // Before the jobs run: a busy port is refused while nothing has happened yet.
            try await startServices(services)
        } catch is HostedServicesEnded where host.isStopping {
        } catch {
            await services.stop()
            await server?.stop()
            throw error
        }
        let log = log
        let timer = millis.map { millis in
            Task {
                guard (try? await Task.sleep(for: .milliseconds(millis))) != nil else { return }
                log(.info, "stopping: the time to run is over", ["millis": String(millis)])
                host.stop()
            }
        }
        host.start()
        if !host.hasJobs { await services.wait() }
        let outcomes = await host.wait()
        timer?.cancel()
        await services.stop()
        await server?.stop()
        if let failure = services.failure { throw failure }
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

    /// With its URL. Before any job runs, so that a busy port is refused first.
    private func startServer() async throws -> (MetricsServer?, url: String?) {
        let configuration = launcher.configuration
        guard configuration[StandardSettings.metricsEnabled] else {
            try control.checkServer(isEnabled: false)
            return (nil, nil)
        }
        let processMetrics = processMetrics
        let host = host
        let options = MetricsServer.Options(
            host: configuration[StandardSettings.metricsHost], port: configuration[StandardSettings.metricsPort])
        let server = MetricsServer(
            options, metrics: { PrometheusText.render([LabelledRegistry(processMetrics)] + host.registries, as: $0) },
            jobs: { host.statuses }, routes: JobControlRoutes(host, configuration).add)
        let port = try await server.start()
        try control.serves(on: options.host, port: port)
        let shown = options.host.contains(":") ? "[\(options.host)]" : options.host
        let url = "http://\(shown):\(port)/metrics"
        log(.info, "serving metrics", ["url": url])
        return (server, url)
    }
}
