import AsyncHTTPClient
import Foundation
import Logging

/// Tracing of a process: a tracer to bootstrap swift-distributed-tracing with, and the delivery of its spans over
/// OTLP/HTTP in the background. `shutdown` delivers what is left.
public final class OTLPTracing: Sendable {
    /// How and where.
    public struct Options: Sendable {
        /// Share of new traces that are recorded, 0 … 1; traces that come from outside keep their own decision.
        public var ratio = 1.0
        /// Spans that wait for delivery at most; more are dropped and counted.
        public var queueMax = 8_192
        /// Spans of one request.
        public var batch = 512
        /// The longest a span waits for a batch to fill.
        public var intervalMillis: Int64 = 1_000
        /// Of one request, connecting included.
        public var timeoutMillis: Int64 = 5_000
        /// Of one batch, repetitions and their pauses included.
        public var deliveryMillis: Int64 = 30_000
        /// Of all of `shutdown`.
        public var shutdownMillis: Int64 = 5_000
        /// Takes secrets out of texts before they leave the process.
        public var redact: @Sendable (String) -> String = { $0 }

        public init() {}
    }

    public let tracer: OTLPTracer
    private let spans: SpanQueue
    private let delivery: SpanDelivery
    private let metrics: TracingMetrics
    private let http: HTTPClient
    private let work: Task<Void, Never>
    private let timer: Task<Void, Never>
    private let shutdownMillis: Int64

    /// Starts delivering. Nobody is asked yet whether the collector is there.
    /// - Parameter endpoint: `http://host:port`; `/v1/traces` is appended unless the path ends so.
    /// - Throws: `TracingEndpointError`.
    public init(endpoint: String, resource: TracingResource, options: Options = Options()) throws {
        let url = try TracingEndpoint.url(endpoint)
        let metrics = TracingMetrics()
        self.metrics = metrics
        let spans = SpanQueue(capacity: options.queueMax, batch: options.batch, metrics: metrics)
        var configuration = HTTPClient.Configuration()
        configuration.timeout.connect = .milliseconds(options.timeoutMillis)
        // Delivering spans must not make spans.
        configuration.tracing.tracer = nil
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        let delivery = SpanDelivery(http, url: url, resource: resource, options: options, metrics: metrics)
        work = Task.detached {
            for await _ in spans.fullBatches { await delivery.deliver(spans) }
            await delivery.deliver(spans)
        }
        let intervalMillis = options.intervalMillis
        timer = Task.detached {
            while (try? await Task.sleep(for: .milliseconds(intervalMillis))) != nil { spans.nudge() }
        }
        self.spans = spans
        self.delivery = delivery
        shutdownMillis = options.shutdownMillis
        tracer = OTLPTracer(Sampler(ratio: options.ratio), spans)
    }

    /// What became of spans so far.
    public var counts: Counts { metrics.current }

    /// Delivers what has ended and stops; at most `shutdownMillis`, then the rest is dropped and counted. Spans that
    /// end later are dropped. Idempotent.
    public func shutdown() async {
        timer.cancel()
        spans.close()
        delivery.hurry()
        let limit = Task.detached { [work, shutdownMillis] in
            guard (try? await Task.sleep(for: .milliseconds(shutdownMillis))) != nil else { return }
            work.cancel()
        }
        await work.value
        limit.cancel()
        try? await http.shutdown()
    }
}

/// What a process says about itself with its spans.
public struct TracingResource: Sendable, Hashable {
    public var version: String
    public var attributes: [String: String]

    /// - Parameters:
    ///   - service: `service.name`: the process's role.
    ///   - version: of the program.
    public init(service: String, version: String, attributes: [String: String] = [:]) {
        self.version = version
        self.attributes = attributes.merging(
            [
                "service.name": service, "service.version": version, "service.instance.id": UUID().uuidString.lowercased(),
                "host.name": ProcessInfo.processInfo.hostName, "process.pid": "\(ProcessInfo.processInfo.processIdentifier)",
                "telemetry.sdk.name": "weir", "telemetry.sdk.language": "swift", "telemetry.sdk.version": version,
            ], uniquingKeysWith: { given, _ in given })
    }
}

/// Where spans are sent.
enum TracingEndpoint {
    private static let path = "/v1/traces"

    static func url(_ text: String) throws(TracingEndpointError) -> String {
        guard let parts = URLComponents(string: text), let host = parts.host, !host.isEmpty,
            parts.scheme == "http" || parts.scheme == "https"
        else { throw TracingEndpointError("'\(text)' is not of the form http://host:4318") }
        guard parts.user == nil, parts.password == nil else {
            throw TracingEndpointError(
                "it holds a user or a password: put what needs credentials behind a collector on this machine")
        }
        guard parts.query == nil, parts.fragment == nil else { throw TracingEndpointError("'\(text)' has more than a path") }
        var base = text
        while base.hasSuffix("/") { base.removeLast() }
        return base.hasSuffix(path) ? base : base + path
    }
}

/// An endpoint that spans cannot be sent to, and why.
public struct TracingEndpointError: Error, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
