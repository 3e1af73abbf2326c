import HTTPTypes
import Metrics
import StoreKit
import StreamRuntime
import Synchronization

/// Rate, errors and durations of one server's requests: `weir_http_requests_total`, `weir_http_request_seconds` (labels
/// `service`, `method`, `route`, `status`) and `weir_http_requests_in_flight`.
final class HTTPMetrics: Sendable {
    private struct Key: Hashable {
        let method: String
        let route: String
        let status: Int
    }
    private struct Handlers {
        let counter: Counter
        let timer: Timer
    }

    private let service: String
    private let inFlight: Meter
    // Made once per kind of request: a look-up in the metrics backend costs more than the request's own share.
    private let handlers = Mutex<[Key: Handlers]>([:])

    init(service: String) {
        self.service = service
        inFlight = Meter(.httpInFlight, [("service", service)])
    }

    func began() { inFlight.increment() }
    func ended() { inFlight.decrement() }

    func record(method: HTTPRequest.Method, route: String, status: Int, _ took: Duration) {
        // Clients can invent methods; labels must be few.
        let isKnown = [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete, .options].contains(method)
        let key = Key(method: isKnown ? method.rawValue : "OTHER", route: route, status: status)
        let handlers = handlers.withLock { made in
            if let found = made[key] { return found }
            let labels = [("service", service), ("method", key.method), ("route", route), ("status", "\(status)")]
            let handlers = Handlers(counter: Counter(.httpRequests, labels), timer: Timer(.httpRequestSeconds, labels))
            made[key] = handlers
            return handlers
        }
        handlers.counter.increment()
        handlers.timer.recordNanoseconds(Int64(took / .nanoseconds(1)))
    }
}

extension MetricDescription {
    /// What the HTTP services tell.
    public static let services: [MetricDescription] = [httpRequests, httpRequestSeconds, httpInFlight] + marketData

    private static let service = MetricLabel("service", "the HTTP service", bound: "5")
    private static let ofRequest: [MetricLabel] = [
        service, MetricLabel("method", "of the HTTP request; unknown ones are `OTHER`", bound: "8"),
        MetricLabel("route", "the route's pattern, not the path", bound: "routes of a service, and one for unknown paths"),
        MetricLabel("status", "of the HTTP answer", bound: "statuses a service answers with, about 15"),
    ]

    static let httpRequests = counter("weir_http_requests_total", in: "requests", by: ofRequest, "Answered HTTP requests.")
    static let httpRequestSeconds = histogram(
        "weir_http_request_seconds", by: ofRequest, "From the head of an HTTP request to the head of its answer.")
    static let httpInFlight = gauge(
        "weir_http_requests_in_flight", in: "requests", by: [service], "HTTP requests that are being answered.")
}
