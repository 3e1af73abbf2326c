import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import Synchronization
import UntrustedJSON

/// Sends batches of spans to a collector, one after the other. What cannot be delivered is dropped and counted: tracing
/// never holds anything up.
final class SpanDelivery: Sendable {
    private let http: HTTPClient
    private let url: String
    private let resource: TracingResource
    private let options: OTLPTracing.Options
    private let metrics: TracingMetrics
    private let log = Logger(label: "weir.tracing")
    private let isHurried = Atomic<Bool>(false)
    /// Whether the last batch was delivered: only changes are logged.
    private let isWell = Atomic<Bool>(true)

    init(
        _ http: HTTPClient, url: String, resource: TracingResource, options: OTLPTracing.Options, metrics: TracingMetrics
    ) {
        self.http = http
        self.url = url
        self.resource = resource
        self.options = options
        self.metrics = metrics
    }

    /// From here on nothing is repeated.
    func hurry() { isHurried.store(true, ordering: .relaxed) }

    /// Sends what waits, until nothing does.
    func deliver(_ spans: SpanQueue) async {
        while true {
            let batch = spans.take()
            if batch.isEmpty { return }
            await deliver(batch)
        }
    }

    private func deliver(_ batch: [FinishedSpan]) async {
        let body: Data
        do {
            body = try OTLPDocument(batch, resource: resource, redact: options.redact).json()
        } catch {
            metrics.dropped(batch.count, .refused)
            return note("spans could not be encoded: \(error)")
        }
        let deadline = ContinuousClock.now + .milliseconds(options.deliveryMillis)
        var attempt = 0
        while true {
            switch await send(body) {
            case .taken(let rejected):
                metrics.exported(batch.count - min(rejected, batch.count))
                metrics.dropped(min(rejected, batch.count), .refused)
                return rejected > 0 ? note("the collector refused \(rejected) of \(batch.count) spans") : noteWell()
            case .refused(let why):
                metrics.dropped(batch.count, .refused)
                return note(why)
            case .again(let why, let afterMillis):
                attempt += 1
                let pause = Duration.milliseconds(afterMillis ?? SpanBackoff.millis(attempt: attempt))
                note(why)
                guard !isHurried.load(ordering: .relaxed), ContinuousClock.now + pause < deadline,
                    (try? await Task.sleep(for: pause)) != nil
                else { return metrics.dropped(batch.count, .undelivered) }
            }
        }
    }

    private func send(_ body: Data) async -> DeliveryAnswer {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.headers.add(name: "user-agent", value: "weir/\(resource.version)")
        request.body = .bytes(ByteBuffer(bytes: body))
        do {
            let response = try await http.execute(request, timeout: .milliseconds(options.timeoutMillis))
            let answer = try await response.body.collect(upTo: DeliveryAnswer.bytesMax)
            return DeliveryAnswer(
                status: response.status.code, retryAfter: response.headers.first(name: "retry-after"),
                body: Data(answer.readableBytesView))
        } catch {
            return .again("the collector at \(url) does not answer: \(error)", afterMillis: nil)
        }
    }

    private func note(_ problem: String) {
        if isWell.exchange(false, ordering: .relaxed) {
            log.warning("spans are not delivered", metadata: ["problem": "\(problem)"])
        }
    }

    private func noteWell() {
        if !isWell.exchange(true, ordering: .relaxed) { log.info("spans are delivered again") }
    }
}

/// What a collector's answer means for a batch.
package enum DeliveryAnswer: Hashable, Sendable {
    /// Delivered, but for so many spans that the collector refused.
    case taken(rejected: Int)
    /// Repeating would not help.
    case refused(String)
    /// May be repeated, after the time the collector asks for if it does.
    case again(String, afterMillis: Int64?)

    static let bytesMax = 64 << 10
    private static let retryAfterSecondsMax: Int64 = 30

    package init(status: UInt, retryAfter: String?, body: Data) {
        switch status {
        case 200..<300: self = .taken(rejected: Self.rejected(body))
        case 429, 502, 503, 504:
            let seconds = retryAfter.flatMap(Int64.init).map { min(max(0, $0), Self.retryAfterSecondsMax) }
            self = .again("the collector answered \(status)", afterMillis: seconds.map { $0 * 1000 })
        default: self = .refused("the collector answered \(status)")
        }
    }

    /// `{"partialSuccess":{"rejectedSpans":"3"}}`; the number may be text or not.
    private static func rejected(_ body: Data) -> Int {
        let object = UntrustedJSON.object(body)
        let partial = object?["partialSuccess"] as? [String: Any]
        if let text = partial?["rejectedSpans"] as? String { return max(0, Int(text) ?? 0) }
        return max(0, partial?["rejectedSpans"] as? Int ?? 0)
    }
}

/// Pauses between repetitions: random up to a bound that doubles, so that many processes do not come at once.
enum SpanBackoff {
    private static let firstMillis: Int64 = 200
    private static let capMillis: Int64 = 5_000

    static func millis(attempt: Int) -> Int64 {
        Int64.random(in: 1...min(capMillis, firstMillis << min(attempt - 1, 10)))
    }
}
