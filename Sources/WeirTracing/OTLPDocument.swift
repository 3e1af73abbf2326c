import Foundation
import TraceContext
import Tracing

/// A batch of spans as OTLP/HTTP's JSON: `ExportTraceServiceRequest`. In that dialect ids are hex, 64-bit numbers are
/// text, and enumerations are numbers.
struct OTLPDocument: Encodable {
    private let resourceSpans: [ResourceSpans]

    /// - Parameter redact: takes secrets out of attribute texts.
    init(_ spans: [FinishedSpan], resource: TracingResource, redact: (String) -> String) {
        resourceSpans = [
            ResourceSpans(
                resource: Resource(
                    attributes: resource.attributes.sorted { $0.key < $1.key }.map { KeyValue($0.key, .string($0.value)) }),
                scopeSpans: [
                    ScopeSpans(scope: Scope(name: "weir", version: resource.version), spans: spans.map { Span($0, redact) })
                ])
        ]
    }

    func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return try encoder.encode(self)
    }

    private struct ResourceSpans: Encodable {
        let resource: Resource
        let scopeSpans: [ScopeSpans]
    }
    private struct Resource: Encodable { let attributes: [KeyValue] }
    private struct ScopeSpans: Encodable {
        let scope: Scope
        let spans: [Span]
    }
    private struct Scope: Encodable {
        let name: String
        let version: String
    }

    private struct Span: Encodable {
        let traceId: String
        let spanId: String
        let parentSpanId: String?
        let traceState: String?
        /// The low byte is W3C's flags.
        let flags: UInt32
        let name: String
        let kind: Int
        let startTimeUnixNano: String
        let endTimeUnixNano: String
        let attributes: [KeyValue]
        let droppedAttributesCount: Int?
        let events: [Event]
        let droppedEventsCount: Int?
        let links: [Link]
        let droppedLinksCount: Int?
        let status: Status?

        init(_ span: FinishedSpan, _ redact: (String) -> String) {
            traceId = "\(span.context.traceID)"
            spanId = "\(span.context.spanID)"
            parentSpanId = span.parent.map { "\($0)" }
            traceState = span.context.state
            flags = span.context.isSampled ? 1 : 0
            name = Texts.bounded(span.name)
            kind = span.kind.number
            startTimeUnixNano = "\(span.startNanos)"
            endTimeUnixNano = "\(span.endNanos)"
            attributes = KeyValue.list(span.attributes, redact)
            droppedAttributesCount = span.droppedAttributes > 0 ? span.droppedAttributes : nil
            events = span.events.map { Event($0, redact) }
            droppedEventsCount = span.droppedEvents > 0 ? span.droppedEvents : nil
            links = span.links.map { Link($0.context, KeyValue.list($0.attributes, redact)) }
            droppedLinksCount = span.droppedLinks > 0 ? span.droppedLinks : nil
            status = span.status.map { Status($0, redact) }
        }
    }

    private struct Event: Encodable {
        let timeUnixNano: String
        let name: String
        let attributes: [KeyValue]

        init(_ event: SpanEvent, _ redact: (String) -> String) {
            timeUnixNano = "\(event.nanosecondsSinceEpoch)"
            name = Texts.bounded(event.name)
            attributes = KeyValue.list(event.attributes, redact)
        }
    }

    private struct Link: Encodable {
        let traceId: String
        let spanId: String
        let traceState: String?
        let attributes: [KeyValue]

        init(_ context: SpanContext, _ attributes: [KeyValue]) {
            traceId = "\(context.traceID)"
            spanId = "\(context.spanID)"
            traceState = context.state
            self.attributes = attributes
        }
    }

    private struct Status: Encodable {
        let code: Int
        let message: String?

        init(_ status: SpanStatus, _ redact: (String) -> String) {
            code = status.code == .error ? 2 : 1
            message = status.message.map { Texts.bounded(redact($0)) }
        }
    }
}

extension SpanKind {
    fileprivate var number: Int {
        switch self {
        case .internal: 1
        case .server: 2
        case .client: 3
        case .producer: 4
        case .consumer: 5
        }
    }
}
