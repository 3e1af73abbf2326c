import Foundation
import Hummingbird
import StreamRuntime
import WeirKit

/// For Prometheus: the server's own metrics, and where those of the jobs' processes are.
///
///     GET /metrics              text, or OpenMetrics for who asks for it
///     GET /prometheus/targets   for `http_sd_configs`
struct MetricRoutes: Sendable {
    let supervisor: Supervisor
    /// Of the server's own process.
    let metrics: MetricRegistry

    func add(to router: Router<BasicRequestContext>) {
        router.get("/metrics") { request, _ in
            let format = ExpositionFormat(accepting: request.headers[.accept])
            let jobs = LabelledRegistry(ServerMetrics.registry(of: await supervisor.jobs))
            let text = PrometheusText.render([LabelledRegistry(metrics), jobs], as: format)
            return Answer.data(Data(text.utf8), format.contentType)
        }
        router.get("/prometheus/targets") { _, _ in
            try Answer.json(ScrapeTargets.json(await supervisor.scrapeTargets))
        }
    }
}
